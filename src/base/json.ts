import { KernelError } from './errors.ts'
import { limits } from './limits.ts'

/** A JSON value as Kestrel carries it: objects have no prototype, numbers are finite, strings are well-formed Unicode. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

export interface JsonObject {
  readonly [key: string]: JsonValue
}

/** Whether `value` is a JSON object: not null, not an array. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Freezes `value` and all that it holds, and returns it. */
export function deepFreeze<Value extends JsonValue>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value) as JsonValue[]) deepFreeze(member)
  return Object.freeze(value)
}

const numberToken = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

const tab = 0x09
const lineFeed = 0x0a
const carriageReturn = 0x0d
const space = 0x20
const quote = 0x22
const backslash = 0x5c

/**
 * Parses strict JSON: RFC 8259 and nothing besides, and of that only what has one meaning everywhere (RFC 7493, I-JSON):
 * no duplicate keys, no integers beyond ±(2^53−1), no numbers that overflow, no lone surrogates.
 *
 * `JSON.parse` keeps the last of two equal keys, so two readers could see two different requests in one text.
 *
 * @param maxDepth how deep values may be nested
 * @throws KernelError JSON_INVALID with the character position
 */
export function parseJson(text: string, maxDepth: number = limits.jsonDepth): JsonValue {
  const reader = new Reader(text, maxDepth)
  const value = reader.value(0)
  reader.end()
  return value
}

class Reader {
  private at = 0
  private readonly text: string
  private readonly maxDepth: number

  constructor(text: string, maxDepth: number) {
    this.text = text
    this.maxDepth = maxDepth
  }

  value(depth: number): JsonValue {
    if (depth > this.maxDepth) this.fail(`nested deeper than ${this.maxDepth}`)
    this.skipWhitespace()
    switch (this.text.charAt(this.at)) {
      case '{':
        return this.object(depth)
      case '[':
        return this.array(depth)
      case '"':
        return this.string()
      case 't':
        return this.word('true', true)
      case 'f':
        return this.word('false', false)
      case 'n':
        return this.word('null', null)
      default:
        return this.number()
    }
  }

  end(): void {
    this.skipWhitespace()
    if (this.at < this.text.length) this.fail('something follows the value')
  }

  private object(depth: number): JsonObject {
    const object = Object.create(null) as Record<string, JsonValue>
    let members = 0
    this.at++
    this.skipWhitespace()
    if (this.take('}')) return object
    do {
      this.skipWhitespace()
      if (this.text.charCodeAt(this.at) !== quote) this.fail('expected a key in double quotes')
      const key = this.string()
      if (key in object) this.fail('duplicate key')
      if (++members > limits.jsonMembers) this.fail(`more than ${limits.jsonMembers} members`)
      this.skipWhitespace()
      if (!this.take(':')) this.fail('expected `:`')
      object[key] = this.value(depth + 1)
      this.skipWhitespace()
    } while (this.take(','))
    if (!this.take('}')) this.fail('expected `,` or `}`')
    return object
  }

  private array(depth: number): JsonValue[] {
    const array: JsonValue[] = []
    this.at++
    this.skipWhitespace()
    if (this.take(']')) return array
    do {
      if (array.length >= limits.jsonMembers) this.fail(`more than ${limits.jsonMembers} items`)
      array.push(this.value(depth + 1))
      this.skipWhitespace()
    } while (this.take(','))
    if (!this.take(']')) this.fail('expected `,` or `]`')
    return array
  }

  private string(): string {
    const { text } = this
    let value = ''
    let from = ++this.at
    for (;;) {
      const code = text.charCodeAt(this.at)
      if (code === quote) break
      // The code of what stands behind the end is NaN, which is in no range.
      if (code >= space && code !== backslash) {
        this.at++
        continue
      }
      if (code !== backslash) {
        this.fail(this.at < text.length ? 'a control character in a string' : 'the string does not end')
      }
      value += text.slice(from, this.at) + this.escape()
      from = this.at
    }
    value += text.slice(from, this.at)
    this.at++
    if (!value.isWellFormed()) this.fail('a lone surrogate')
    return value
  }

  private escape(): string {
    const letter = this.text.charAt(this.at + 1)
    if (letter === 'u') {
      const hex = this.text.slice(this.at + 2, this.at + 6)
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.fail('an unknown escape')
      this.at += 6
      return String.fromCharCode(Number.parseInt(hex, 16))
    }
    const plain = escapes.get(letter)
    if (plain === undefined) this.fail('an unknown escape')
    this.at += 2
    return plain
  }

  private number(): number {
    numberToken.lastIndex = this.at
    const token = numberToken.exec(this.text)?.[0] ?? ''
    this.at += token.length
    if (token === '') this.fail(this.at >= this.text.length ? 'the text ends early' : 'expected a value')
    const value = Number(token)
    if (!Number.isFinite(value)) this.fail('a number out of range')
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) this.fail('an integer beyond ±(2^53−1)')
    return Object.is(value, -0) ? 0 : value
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('expected a value')
    this.at += word.length
    return value
  }

  private take(character: string): boolean {
    if (this.text.charAt(this.at) !== character) return false
    this.at++
    return true
  }

  private skipWhitespace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at)
      if (code !== space && code !== lineFeed && code !== carriageReturn && code !== tab) return
      this.at++
    }
  }

  private fail(why: string): never {
    throw new KernelError('JSON_INVALID', `${why} at character ${this.at + 1}`)
  }
}
