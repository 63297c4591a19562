import { utf8 } from './bytes.ts'
import type { JsonObject, JsonValue } from './json.ts'

/**
 * RFC 8785 canonical JSON: the one text of a value. Keys are in UTF-16 order, numbers and strings as ECMAScript writes them.
 *
 * Takes values from `parseJson` or `snapshot`, which hold nothing that has no canonical text.
 *
 * @see RFC 8785 §3.2
 */
export function canonicalJson(value: JsonValue): string {
  // Where every object has its keys in order already, ECMAScript writes the canonical text itself.
  return isInOrder(value) ? JSON.stringify(value) : inOrder(value)
}

function isInOrder(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) if (!isInOrder(item)) return false
    return true
  }
  const object = value as JsonObject
  let last: string | undefined
  for (const key of Object.keys(object)) {
    if (last !== undefined && key < last) return false
    if (!isInOrder(object[key] as JsonValue)) return false
    last = key
  }
  return true
}

/** Without anything to escape: most keys and names. */
const plain = /^[ !#-[\]-~]{0,64}$/

function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text)
}

function inOrder(value: JsonValue): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object' || value === null) return `${value}`
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) text += `${text === '' ? '' : ','}${inOrder(item)}`
    return `[${text}]`
  }
  const object = value as JsonObject
  for (const key of Object.keys(object).sort()) {
    text += `${text === '' ? '' : ','}${quoted(key)}:${inOrder(object[key] as JsonValue)}`
  }
  return `{${text}}`
}

export function canonicalBytes(value: JsonValue): Uint8Array {
  return utf8(canonicalJson(value))
}

/**
 * How many bytes of canonical JSON `value` takes, where that is more than `maxBytes`; undefined where it fits.
 *
 * The text is written only where a bound from above leaves a doubt.
 */
export function oversize(value: JsonValue, maxBytes: number): number | undefined {
  if (atMost(value, maxBytes) <= maxBytes) return undefined
  const sizeBytes = canonicalBytes(value).length
  return sizeBytes > maxBytes ? sizeBytes : undefined
}

/** As the escape `\u001f`; in UTF-8 no UTF-16 unit takes more than half of it. */
const longestCharacter = 6
/** As `-2.2250738585072014e-308`. */
const longestNumber = 24

/** A size that the canonical JSON of `value` does not exceed; counted no further than past `enough`. */
function atMost(value: JsonValue, enough: number): number {
  if (typeof value === 'string') return 2 + longestCharacter * value.length
  if (typeof value !== 'object' || value === null) return longestNumber
  let bytes = 2
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) {
      bytes += 1 + atMost(item, enough - bytes)
      if (bytes > enough) return bytes
    }
    return bytes
  }
  const object = value as JsonObject
  for (const key of Object.keys(object)) {
    bytes += 4 + longestCharacter * key.length + atMost(object[key] as JsonValue, enough - bytes)
    if (bytes > enough) return bytes
  }
  return bytes
}
