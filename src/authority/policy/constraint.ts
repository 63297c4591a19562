import type { JsonObject, JsonValue } from '../../base/json.ts'

/**
 * Whether every constrained param was sent with exactly the constrained value. Strict and deep: `true` is not `1`, `GET` is
 * not `get`, a param that was not sent equals nothing, inherited properties do not count and `__proto__` never matches.
 */
export function meetsConstraint(constraint: JsonObject, params: JsonObject): boolean {
  for (const name of Object.keys(constraint)) {
    if (name === '__proto__' || !Object.hasOwn(params, name)) return false
    if (!isSame(constraint[name] as JsonValue, params[name] as JsonValue)) return false
  }
  return true
}

function isSame(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    const others: readonly JsonValue[] = b
    return a.every((item: JsonValue, i) => isSame(item, others[i] as JsonValue))
  }
  const left = a as JsonObject
  return Object.keys(left).length === Object.keys(b).length && meetsConstraint(left, b as JsonObject)
}
