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
  return copy(value, 0, new Room(place, maxBytes))
}

/** What is left for one value, and where its copying has come to. Bytes are counted low: nothing takes less than one. */
class Room {
  /** The keys and indexes on the way to the value that is copied, for a message: the first `depth` of them hold. */
  readonly way: (string | number)[] = []
  private bytesLeft: number
  private valuesLeft: number = limits.jsonValues
  private readonly maxBytes: number
  private readonly place: string

  constructor(place: string, maxBytes: number) {
    this.place = place
    this.maxBytes = maxBytes
    this.bytesLeft = maxBytes
  }

  takeValue(): void {
    this.valuesLeft--
    this.takeBytes(1)
  }

  takeBytes(bytes: number): void {
    this.bytesLeft -= bytes
    if (this.bytesLeft >= 0 && this.valuesLeft >= 0) return
    const most = this.valuesLeft < 0 ? `${limits.jsonValues} values` : `${this.maxBytes} bytes`
    throw new KernelError('VALUE_TOO_LARGE', `at most ${most} fit; send it in smaller parts`)
  }

  refuse(depth: number, what: string): KernelError<'VALUE_INVALID'> {
    let place = this.place
    for (const step of this.way.slice(0, depth)) {
      place += typeof step === 'number' ? `[${step}]` : place === '' ? step : `.${step}`
    }
    // Keys are the caller's text too: only what looks like a path through names is repeated.
    const where = place === '' ? 'the value' : `\`${place.slice(0, 200).replace(/[^\w.[\]-]+/g, '…')}\``
    return new KernelError('VALUE_INVALID', `${where} holds ${what}; send plain JSON values`)
  }
}

function copy(value: unknown, depth: number, room: Room): JsonValue {
  if (depth > limits.jsonDepth) throw room.refuse(depth, `nested deeper than ${limits.jsonDepth}`)
  room.takeValue()
  switch (typeof value) {
    case 'string':
      room.takeBytes(value.length)
      if (!value.isWellFormed()) throw room.refuse(depth, 'a lone surrogate')
      return value
    case 'boolean':
      return value
    case 'number':
      if (!Number.isFinite(value)) throw room.refuse(depth, 'a number that is not finite')
      if (Number.isInteger(value) && !Number.isSafeInteger(value))
        throw room.refuse(depth, 'an integer beyond ±(2^53−1)')
      return value === 0 ? 0 : value
    case 'object':
      if (value === null) return null
      return Array.isArray(value) ? copyArray(value, depth, room) : copyObject(value, depth, room)
    default:
      throw room.refuse(depth, `a ${typeof value}`)
  }
}

function copyArray(value: readonly unknown[], depth: number, room: Room): JsonValue[] {
  const length = value.length
  if (length > limits.jsonMembers) throw room.refuse(depth, `more than ${limits.jsonMembers} items`)
  const array: JsonValue[] = []
  for (let i = 0; i < length; i++) {
    room.way[depth] = i
    array.push(copy(value[i], depth + 1, room))
  }
  return array
}

function copyObject(value: object, depth: number, room: Room): JsonValue {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null)
    throw room.refuse(depth, 'an object that is not plain')
  const keys = Object.keys(value)
  if (keys.length > limits.jsonMembers) throw room.refuse(depth, `more than ${limits.jsonMembers} members`)
  const object = Object.create(null) as Record<string, JsonValue>
  for (const key of keys) {
    if (!key.isWellFormed()) throw room.refuse(depth, 'a key with a lone surrogate')
    const member: unknown = (value as Record<string, unknown>)[key]
    if (member === undefined) continue
    room.takeBytes(key.length)
    room.way[depth] = key
    object[key] = copy(member, depth + 1, room)
  }
  return object
}
