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

const whitespace = /[\t\n\r ]*/y
const numberToken = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
// eslint-disable-next-line no-control-regex -- JSON forbids raw control characters in strings, and this is where that is checked
const plainCharacters = /[^"\\\u0000-\u001f]*/y
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

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
    switch (this.text[this.at]) {
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
    const object: Record<string, JsonValue> = Object.create(null) as Record<string, JsonValue>
    let members = 0
    this.at++
    this.skipWhitespace()
    if (this.take('}')) return object
    do {
      this.skipWhitespace()
      if (this.text[this.at] !== '"') this.fail('expected a key in double quotes')
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
    let value = ''
    this.at++
    for (;;) {
      value += this.match(plainCharacters)
      const next = this.text[this.at]
      if (next === '"') break
      if (next !== '\\') this.fail(next === undefined ? 'the string does not end' : 'a control character in a string')
      value += this.escape()
    }
    this.at++
    if (!value.isWellFormed()) this.fail('a lone surrogate')
    return value
  }

  private escape(): string {
    const letter = this.text[this.at + 1] ?? ''
    const hex = this.text.slice(this.at + 2, this.at + 6)
    if (letter === 'u' && /^[0-9a-fA-F]{4}$/.test(hex)) {
      this.at += 6
      return String.fromCharCode(Number.parseInt(hex, 16))
    }
    const plain = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined
    if (plain === undefined) this.fail('an unknown escape')
    this.at += 2
    return plain
  }

  private number(): number {
    const token = this.match(numberToken)
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

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0] ?? ''
    this.at += found.length
    return found
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false
    this.at++
    return true
  }

  private skipWhitespace(): void {
    this.match(whitespace)
  }

  private fail(why: string): never {
    throw new KernelError('JSON_INVALID', `${why} at character ${this.at + 1}`)
  }
}
