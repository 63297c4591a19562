import type { JsonObject, JsonValue } from '../base/json.ts'
import { isJsonObject, parseJson } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { snapshot } from '../base/snapshot.ts'
import { isKernelError } from '../base/errors.ts'
import { actionName } from '../effects/provider.ts'

/** What an agent asks for (CONTRACT, "Request"). Who asks is never in it. */
export interface Request {
  readonly action: string
  /** May be left out where the action has a default, as `fn.search` has `search`. */
  readonly resource?: string
  readonly params?: JsonObject
  readonly idempotencyKey?: string
  readonly dryRun?: boolean
  readonly justification?: string
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
    typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= limits.resourceBytes
      ? undefined
      : `must be text of 1 to ${limits.resourceBytes} bytes`,
  params: (value) => (isJsonObject(value) ? undefined : 'must be an object'),
  idempotencyKey: (value) =>
    typeof value === 'string' && value !== '' && value.length <= limits.idempotencyKeyLength
      ? undefined
      : `must be text of 1 to ${limits.idempotencyKeyLength} characters`,
  dryRun: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
  justification: (value) =>
    typeof value === 'string' && Buffer.byteLength(value) <= limits.justificationBytes
      ? undefined
      : `must be text of at most ${limits.justificationBytes} bytes`,
}

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
  if (problem === undefined) return { request: value as unknown as Request }
  const { action, resource } = value
  return {
    problem,
    ...(typeof action === 'string' && fields.action(action) === undefined && { action }),
    ...(typeof resource === 'string' && fields.resource(resource) === undefined && { resource }),
    ...(value['dryRun'] === true && { dryRun: true }),
  }
}

function parseText(text: string): JsonValue {
  if (text.length > limits.requestLineBytes) return null
  return parseJson(text)
}

function firstProblem(value: JsonObject): string | undefined {
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(fields, key)) {
      return `a request has no field of that name; its fields are ${Object.keys(fields)
        .map((name) => `\`${name}\``)
        .join(', ')}`
    }
  }
  if (!('action' in value)) return '`action` is missing'
  for (const [key, member] of Object.entries(value)) {
    const problem = fields[key as keyof Request](member)
    if (problem !== undefined) return `\`${key}\` ${problem}`
  }
  return undefined
}
