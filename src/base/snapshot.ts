import { KernelError } from './errors.ts'
import type { JsonValue } from './json.ts'
import { limits } from './limits.ts'

/**
 * A deep copy of `value` as plain JSON, taken once.
 *
 * What a caller hands over in process may be a proxy, have getters, or be changed while an attempt waits: the gate decides
 * about the copy and performs the copy. Only JSON is carried: a `Date`, `Map`, function, symbol, bigint, `undefined` in an
 * array, NaN, a lone surrogate or a cycle is refused, not converted. A member whose value is `undefined` is absent.
 *
 * The size is counted while copying, since a few objects that hold each other often unfold to more than any memory takes.
 *
 * @param maxBytes what is certain to take more than this as JSON is refused; what is not is for the caller to measure
 * @throws KernelError VALUE_INVALID with the place, as `params.items[3]`; VALUE_TOO_LARGE
 */
export function snapshot(value: unknown, place: string, maxBytes: number = limits.resultBytes): JsonValue {
  return copy(value, place, 0, { bytesLeft: maxBytes, valuesLeft: limits.jsonValues, maxBytes })
}

/** What is left for one value. Bytes are counted low: a character or a value never takes less than one. */
interface Room {
  bytesLeft: number
  valuesLeft: number
  readonly maxBytes: number
}

function take(room: Room, bytes: number): void {
  room.bytesLeft -= bytes
  if (room.bytesLeft < 0 || room.valuesLeft < 0) {
    const most = room.valuesLeft < 0 ? `${limits.jsonValues} values` : `${room.maxBytes} bytes`
    throw new KernelError('VALUE_TOO_LARGE', `at most ${most} fit; send it in smaller parts`)
  }
}

function copy(value: unknown, place: string, depth: number, room: Room): JsonValue {
  if (depth > limits.jsonDepth) throw refuse(place, `nested deeper than ${limits.jsonDepth}`)
  room.valuesLeft--
  take(room, 1)
  switch (typeof value) {
    case 'string':
      take(room, value.length)
      if (!value.isWellFormed()) throw refuse(place, 'a lone surrogate')
      return value
    case 'boolean':
      return value
    case 'number':
      return copyNumber(value, place)
    case 'object':
      if (value === null) return null
      return Array.isArray(value) ? copyArray(value, place, depth, room) : copyObject(value, place, depth, room)
    default:
      throw refuse(place, `a ${typeof value}`)
  }
}

function copyNumber(value: number, place: string): number {
  if (!Number.isFinite(value)) throw refuse(place, 'a number that is not finite')
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw refuse(place, 'an integer beyond ±(2^53−1)')
  return value === 0 ? 0 : value
}

function copyArray(value: readonly unknown[], place: string, depth: number, room: Room): JsonValue[] {
  const length = value.length
  if (length > limits.jsonMembers) throw refuse(place, `more than ${limits.jsonMembers} items`)
  const array: JsonValue[] = []
  for (let i = 0; i < length; i++) array.push(copy(value[i], `${place}[${i}]`, depth + 1, room))
  return array
}

function copyObject(value: object, place: string, depth: number, room: Room): JsonValue {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    throw refuse(place, 'an object that is not plain')
  const keys = Object.keys(value)
  if (keys.length > limits.jsonMembers) throw refuse(place, `more than ${limits.jsonMembers} members`)
  const object: Record<string, JsonValue> = Object.create(null) as Record<string, JsonValue>
  for (const key of keys) {
    if (!key.isWellFormed()) throw refuse(place, 'a key with a lone surrogate')
    const member: unknown = (value as Record<string, unknown>)[key]
    if (member === undefined) continue
    take(room, key.length)
    object[key] = copy(member, place === '' ? key : `${place}.${key}`, depth + 1, room)
  }
  return object
}

function refuse(place: string, what: string): KernelError<'VALUE_INVALID'> {
  // Keys are the caller's text too: only what looks like a path through names is repeated.
  const where = place === '' ? 'the value' : `\`${place.slice(0, 200).replace(/[^\w.[\]-]+/g, '…')}\``
  return new KernelError('VALUE_INVALID', `${where} holds ${what}; send plain JSON values`)
}
