import { utf8 } from './bytes.ts'
import type { JsonValue } from './json.ts'

/**
 * RFC 8785 canonical JSON: the one text of a value. Keys are in UTF-16 order, numbers and strings as ECMAScript writes them.
 *
 * Takes values from `parseJson` or `snapshot`, which hold nothing that has no canonical text.
 *
 * @see RFC 8785 §3.2
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) {
    const items: readonly JsonValue[] = value
    return `[${items.map(canonicalJson).join(',')}]`
  }
  const object = value as { readonly [key: string]: JsonValue }
  const members = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key] as JsonValue)}`)
  return `{${members.join(',')}}`
}

export function canonicalBytes(value: JsonValue): Uint8Array {
  return utf8(canonicalJson(value))
}
