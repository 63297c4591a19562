import type { JsonObject, JsonValue } from '../../../base/json.ts'
import { showName } from '../params.ts'

/**
 * Anything that validates by Standard Schema v1: zod, valibot, arktype and others. Only synchronous validation is taken.
 *
 * @see https://standardschema.dev
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => Validation<Output> | Promise<Validation<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

type Validation<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** The params as the schema gives them out (with its defaults and conversions), or what is wrong with them. */
export type Checked = { readonly value: unknown } | { readonly problem: string }

/**
 * Checks params by a schema. Only the place of a fault is told: the messages of a schema may repeat the value.
 */
export function checkBySchema(schema: StandardSchema, params: JsonObject, action: string): Checked {
  let validation: Validation<unknown> | Promise<Validation<unknown>>
  try {
    validation = schema['~standard'].validate(plainCopy(params))
  } catch {
    return { problem: `the schema of \`${action}\` could not check the params` }
  }
  if (validation instanceof Promise) {
    validation.catch(() => undefined)
    return { problem: `the schema of \`${action}\` checks asynchronously, which the gate cannot wait for` }
  }
  if (validation.issues === undefined) return { value: validation.value }
  const places = validation.issues.slice(0, 5).map((issue) => placeOf(issue))
  return { problem: `${[...new Set(places)].join(', ')} must fit the schema of \`${action}\`` }
}

/** A function gets params of its own: ordinary objects that it may change, not the decided request. */
export function plainCopy(params: JsonObject): JsonObject {
  const copy: Record<string, JsonValue> = {}
  for (const key of Object.keys(params)) {
    const value = copyOf(params[key] as JsonValue)
    // Assigned, this one would set the prototype.
    if (key === '__proto__')
      Object.defineProperty(copy, key, { value, writable: true, enumerable: true, configurable: true })
    else copy[key] = value
  }
  return copy
}

function copyOf(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  return Array.isArray(value) ? (value as readonly JsonValue[]).map(copyOf) : plainCopy(value as JsonObject)
}

function placeOf(issue: SchemaIssue): string {
  const names = (issue.path ?? []).map((step) => String(typeof step === 'object' ? step.key : step))
  if (names.length === 0) return 'the params'
  const indexed = names
    .map((name, at) => (at > 0 && /^\d+$/.test(name) ? `[${name}]` : at > 0 ? `.${name}` : name))
    .join('')
  return /^[\w.[\]-]{1,100}$/.test(indexed) ? `\`${indexed}\`` : `a part of ${showName(names[0] ?? '')}`
}
