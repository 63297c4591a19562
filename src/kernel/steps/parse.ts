import { fitsUtf8 } from '../../base/bytes.ts'
import { oversize } from '../../base/canonical-json.ts'
import { deepFreeze } from '../../base/json.ts'
import type { JsonObject } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import type { ActionDefinition, ResourceReading } from '../../effects/provider.ts'
import { noParams, type Attempt, type ParsedRequest } from '../attempt.ts'
import { invalid, refuse, type Ending } from '../outcome.ts'
import { readRequest, type Request } from '../request.ts'

/**
 * Turns what the caller sent into one canonical request, or ends the attempt as `invalid`. After this step nothing reads the
 * caller's own object again.
 */
export function parse(attempt: Attempt, input: unknown): Ending | undefined {
  const reading = readRequest(input)
  if ('problem' in reading) {
    attempt.action = reading.action ?? ''
    attempt.resource = reading.resource === undefined ? '' : withoutSecrets(reading.resource)
    attempt.dryRun ||= reading.dryRun === true
    return invalid(reading.problem)
  }
  const { request } = reading
  attempt.action = request.action
  attempt.resource = withoutSecrets(request.resource ?? '')
  attempt.dryRun ||= request.dryRun === true
  const definition = attempt.gate.actions.get(request.action)
  if (definition === undefined) return unknownAction(attempt)
  const parsed = readByDefinition(request, definition)
  if ('problem' in parsed) return invalid(parsed.problem)
  attempt.resource = parsed.displayed[0] as string
  attempt.parsed = parsed
  return undefined
}

/** A request as its provider reads it, or what that finds wrong with it. @throws whatever the provider throws */
export function readByDefinition(
  request: Request,
  definition: ActionDefinition,
): ParsedRequest | { readonly problem: string } {
  const params = request.params ?? noParams
  const unfit = checkSize(params) ?? definition.checkParams?.(params)
  if (unfit !== undefined) return { problem: asText(unfit) }
  const named = request.resource ?? definition.defaultResource
  if (named === undefined) return { problem: '`resource` is missing' }
  const first = definition.readResource(named)
  if ('problem' in first) return { problem: asText(first.problem) }
  const others = definition.otherResources?.(params)
  const places = others === undefined ? onePlace(first) : severalPlaces([first, ...others])
  if ('problem' in places) return places
  const { resources, displayed } = places
  const { action, idempotencyKey } = request
  return { action, params, idempotencyKey, definition, resources, displayed }
}

/** What is wrong with the size of `params`, which are frozen here: from now on nobody changes them. */
function checkSize(params: JsonObject): string | undefined {
  if (params === noParams) return undefined
  const sizeBytes = oversize(deepFreeze(params), limits.paramsBytes)
  if (sizeBytes === undefined) return undefined
  return `\`params\` take ${sizeBytes} bytes and at most ${limits.paramsBytes} fit; send the content in smaller parts`
}

type Places = { readonly resources: readonly string[]; readonly displayed: readonly string[] }

function onePlace(reading: Named): Places {
  return { resources: [asResource(reading.canonical)], displayed: [asResource(shown(reading))] }
}

function severalPlaces(readings: readonly ResourceReading[]): Places | { readonly problem: string } {
  const resources: string[] = []
  const displayed: string[] = []
  for (const reading of readings) {
    if ('problem' in reading) return { problem: asText(reading.problem) }
    resources.push(asResource(reading.canonical))
    displayed.push(asResource(shown(reading)))
  }
  if (oversize(displayed, limits.resourcesBytes) !== undefined) {
    const advice = 'name fewer in one request'
    return { problem: `its resources take more than ${limits.resourcesBytes} bytes together; ${advice}` }
  }
  return { resources, displayed }
}

/** @throws TypeError where a provider does not keep to its types: nothing that no entry could hold goes on */
function asText(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a provider must tell a problem as text')
  return value
}

/** @throws TypeError as above */
function asResource(value: unknown): string {
  if (typeof value === 'string' && value.isWellFormed() && fitsUtf8(value, limits.resourceBytes)) return value
  throw new TypeError(`a provider must name a resource in at most ${limits.resourceBytes} bytes of text`)
}

function unknownAction(attempt: Attempt): Ending {
  const known = [...attempt.gate.actions.keys()].slice(0, 20).map((name) => `\`${name}\``)
  const hint = known.length === 0 ? 'this kernel has no providers' : `this kernel has ${known.join(', ')}`
  return refuse('unknown_action', 'no provider of this kernel has this action', { hint })
}

type Named = Exclude<ResourceReading, { readonly problem: string }>

function shown(reading: Named): string {
  return reading.display ?? withoutSecrets(reading.canonical)
}

/** What may stand in a log of a resource that no provider has read: of a URL neither userinfo nor query nor fragment. */
function withoutSecrets(resource: string): string {
  const scheme = resource.indexOf('://')
  if (scheme < 0) return resource
  const rest = resource.slice(scheme + 3).replace(/[?#].*$/s, '')
  const slash = rest.indexOf('/')
  const authority = slash < 0 ? rest : rest.slice(0, slash)
  return `${resource.slice(0, scheme)}://${authority.slice(authority.lastIndexOf('@') + 1)}${slash < 0 ? '' : rest.slice(slash)}`
}
