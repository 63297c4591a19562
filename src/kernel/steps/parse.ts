import { canonicalJson } from '../../base/canonical-json.ts'
import { deepFreeze } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import type { ActionDefinition, ResourceReading } from '../../effects/provider.ts'
import { paramsOf, type Attempt } from '../attempt.ts'
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
  return definition === undefined ? unknownAction(attempt) : readByDefinition(attempt, request, definition)
}

function readByDefinition(attempt: Attempt, request: Request, definition: ActionDefinition): Ending | undefined {
  const params = deepFreeze(paramsOf(request))
  const sizeBytes = Buffer.byteLength(canonicalJson(params))
  if (sizeBytes > limits.paramsBytes) {
    return invalid(
      `\`params\` take ${sizeBytes} bytes and at most ${limits.paramsBytes} fit; send the content in smaller parts`,
    )
  }
  const problem = definition.checkParams?.(params)
  if (problem !== undefined) return invalid(asText(problem))
  const named = request.resource ?? definition.defaultResource
  if (named === undefined) return invalid('`resource` is missing')
  const readings = [definition.readResource(named), ...(definition.otherResources?.(params) ?? [])]
  const resources: string[] = []
  const displayed: string[] = []
  for (const reading of readings) {
    if ('problem' in reading) return invalid(asText(reading.problem))
    resources.push(asResource(reading.canonical))
    displayed.push(asResource(shown(reading)))
  }
  if (displayed.length > 1 && Buffer.byteLength(canonicalJson(displayed)) > limits.resourcesBytes) {
    return invalid(`its resources take more than ${limits.resourcesBytes} bytes together; name fewer in one request`)
  }
  attempt.resource = displayed[0] as string
  attempt.parsed = { ...request, definition, resources, displayed }
  return undefined
}

/** @throws TypeError where a provider does not keep to its types: nothing that no entry could hold goes on */
function asText(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a provider must tell a problem as text')
  return value
}

/** @throws TypeError as above */
function asResource(value: unknown): string {
  if (typeof value === 'string' && value.isWellFormed() && Buffer.byteLength(value) <= limits.resourceBytes)
    return value
  throw new TypeError(`a provider must name a resource in at most ${limits.resourceBytes} bytes of text`)
}

function unknownAction(attempt: Attempt): Ending {
  const known = [...attempt.gate.actions.keys()].slice(0, 20).map((name) => `\`${name}\``)
  const hint = known.length === 0 ? 'this kernel has no providers' : `this kernel has ${known.join(', ')}`
  return refuse('unknown_action', 'no provider of this kernel has this action', { hint })
}

function shown(reading: Exclude<ResourceReading, { problem: string }>): string {
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
