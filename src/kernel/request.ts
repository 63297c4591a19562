import type { JsonObject, JsonValue } from '../base/json.ts'
import { isJsonObject, parseJson } from '../base/json.ts'
import { fitsUtf8 } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import { snapshot } from '../base/snapshot.ts'
import { isKernelError } from '../base/errors.ts'
import { actionName } from '../effects/provider.ts'

/** What an agent asks for (CONTRACT, "Request"). Who asks is never in it. */
export interface Request {
  readonly action: string
  /** May be left out where the action has a default, as `fn.search` has `search`. */
  readonly resource?: string | undefined
  readonly params?: JsonObject | undefined
  readonly idempotencyKey?: string | undefined
  readonly dryRun?: boolean | undefined
  readonly justification?: string | undefined
}

/** A request, or what is wrong with it and as much of it as may stand in a log. */
export type RequestReading =
  | { readonly request: Request }
  | { readonly problem: string; readonly action?: string; readonly resource?: string; readonly dryRun?: true }

type FieldCheck = (value: JsonValue) => string | undefined

const fields: Readonly<Record<keyof Request, FieldCheck>> = {
  action: (value) =>
    typeof value === 'string' && value.length <= limits.actionLength && actionName.test(value)
      ? undefined
      : 'must be a name like `fs.read`',
  resource: (value) =>
    typeof value === 'string' && value !== '' && fitsUtf8(value, limits.resourceBytes)
      ? undefined
      : `must be text of 1 to ${limits.resourceBytes} bytes`,
  params: (value) => (isJsonObject(value) ? undefined : 'must be an object'),
  idempotencyKey: (value) =>
    typeof value === 'string' && value !== '' && value.length <= limits.idempotencyKeyLength
      ? undefined
      : `must be text of 1 to ${limits.idempotencyKeyLength} characters`,
  dryRun: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
  justification: (value) =>
    typeof value === 'string' && fitsUtf8(value, limits.justificationBytes)
      ? undefined
      : `must be text of at most ${limits.justificationBytes} bytes`,
}

const checks = Object.entries(fields)

const unknownField = `a request has no field of that name; its fields are ${Object.keys(fields)
  .map((name) => `\`${name}\``)
  .join(', ')}`

/**
 * Reads a request strictly: JSON text, or an object that is copied once, so that a getter or a later change in the caller's
 * object cannot show the decision one thing and the effect another.
 */
export function readRequest(input: unknown): RequestReading {
  let value: JsonValue
  try {
    value = typeof input === 'string' ? parseText(input) : snapshot(input, '', limits.requestLineBytes)
  } catch (error) {
    return { problem: isKernelError(error) ? error.message : 'the request cannot be read: one of its members throws' }
  }
  if (!isJsonObject(value)) return { problem: 'a request must be an object with `action` and `resource`' }
  const problem = firstProblem(value)
  const { action, resource, params, idempotencyKey, dryRun, justification } = value as Partial<Request>
  // One literal with every field, so that all requests have one shape.
  if (problem === undefined)
    return { request: { action: action as string, resource, params, idempotencyKey, dryRun, justification } }
  return {
    problem,
    ...(typeof action === 'string' && fields.action(action) === undefined && { action }),
    ...(typeof resource === 'string' && fields.resource(resource) === undefined && { resource }),
    ...(dryRun === true && { dryRun }),
  }
}

function parseText(text: string): JsonValue {
  if (text.length > limits.requestLineBytes) return null
  return parseJson(text)
}

function firstProblem(value: JsonObject): string | undefined {
  if (value['action'] === undefined) return Object.keys(value).every(isField) ? '`action` is missing' : unknownField
  let known = 0
  for (const [name, check] of checks) {
    const member = value[name]
    if (member === undefined) continue
    known++
    const problem = check(member)
    if (problem !== undefined) return `\`${name}\` ${problem}`
  }
  return known === Object.keys(value).length ? undefined : unknownField
}

function isField(name: string): boolean {
  return Object.hasOwn(fields, name)
}

/** A copy of a request that must wait; what cannot be copied is kept as it is, to be refused when its turn comes. */
export function keepRequest(input: unknown): unknown {
  if (typeof input === 'string') return input
  try {
    return snapshot(input, '', limits.requestLineBytes)
  } catch {
    return input
  }
}
