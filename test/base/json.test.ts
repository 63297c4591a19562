import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, oversize } from '../../src/base/canonical-json.ts'
import { isKernelError } from '../../src/base/errors.ts'
import { parseJson, type JsonValue } from '../../src/base/json.ts'
import { snapshot } from '../../src/base/snapshot.ts'

/** Values that JSON.stringify and RFC 8785 can write, but I-JSON forbids. */
function isCarried(value: unknown): boolean {
  const text = JSON.stringify(value, (_, member: unknown) => {
    if (typeof member === 'number' && Number.isInteger(member) && !Number.isSafeInteger(member)) return '\ud800'
    return member
  })
  return text.isWellFormed() && !text.includes('\\ud')
}

describe('strict JSON', () => {
  test.each([
    ['{"a":1,"a":2}', 'duplicate key'],
    ['{"a":1,"\\u0061":2}', 'duplicate key'],
    ['9007199254740992', '2^53'],
    ['-9007199254740993', '2^53'],
    ['1e400', 'out of range'],
    ['"\\ud800"', 'lone surrogate'],
    ['"\\udc00\\ud800"', 'lone surrogate'],
    ['"a\nb"', 'control character'],
    ['"\\x41"', 'unknown escape'],
    ['"\\__proto__"', 'unknown escape'],
    ['01', 'follows'],
    ['1.', 'follows'],
    ['+1', 'expected a value'],
    ['NaN', 'expected a value'],
    ["{'a':1}", 'double quotes'],
    ['{"a":1,}', 'double quotes'],
    ['[1,]', 'expected a value'],
    ['[1 2]', 'expected `,` or `]`'],
    ['{"a" 1}', 'expected `:`'],
    ['', 'ends early'],
    ['{} {}', 'follows'],
    ['\ufeff{}', 'expected a value'],
    ['"open', 'does not end'],
    [`${'['.repeat(100)}${']'.repeat(100)}`, 'nested deeper'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => parseJson(text)).toThrowError(why)
  })

  test('a key named `__proto__` is a key', () => {
    const value = parseJson('{"__proto__":{"admin":true}}') as { admin?: boolean }
    expect(value.admin).toBeUndefined()
    expect(Object.keys(value)).toEqual(['__proto__'])
  })

  test('what JSON.stringify writes is read back, and canonical text equals the reference', () => {
    fc.assert(
      fc.property(fc.jsonValue().filter(isCarried), (value) => {
        const copy = snapshot(value, '')
        const text = canonicalJson(copy)
        expect(text).toBe(canonicalize(value))
        expect(canonicalJson(parseJson(text))).toBe(text)
        expect(canonicalJson(parseJson(JSON.stringify(value, undefined, 2)))).toBe(text)
      }),
    )
  })

  test.each([
    ['{"b":1,"a":2}', '{"a":2,"b":1}'],
    ['{"a":[{"y":1,"x":"\\u001f"}],"B":-0}', '{"B":0,"a":[{"x":"\\u001f","y":1}]}'],
    ['{"9":1,"10":2}', '{"10":2,"9":1}'],
    ['{"é":1e21,"z":[]}', '{"z":[],"é":1e+21}'],
  ])('%s is canonically %s', (text, canonical) => {
    // Written by the rules above, so 1e21 comes in as a fraction of it.
    const value = text.includes('1e21') ? (JSON.parse(text) as JsonValue) : parseJson(text)
    expect(canonicalJson(value)).toBe(canonical)
  })

  test('a size beyond a bound is told exactly, and one within it is not', () => {
    fc.assert(
      fc.property(fc.jsonValue().filter(isCarried), fc.integer({ min: 0, max: 400 }), (raw, maxBytes) => {
        const value = snapshot(raw, '')
        const sizeBytes = Buffer.byteLength(canonicalJson(value))
        expect(oversize(value, maxBytes)).toBe(sizeBytes > maxBytes ? sizeBytes : undefined)
        expect(oversize(value, sizeBytes)).toBeUndefined()
      }),
    )
    expect(oversize('\u0001'.repeat(20), 121)).toBe(122)
    expect(oversize('€'.repeat(20), 61)).toBe(62)
  })

  test('what is parsed from any spelling of a value is what `JSON.parse` sees', () => {
    const escaped = fc
      .string({ unit: 'binary' })
      .map(
        (text) =>
          `"${[...text].map((letter) => (letter.length === 1 ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}` : letter)).join('')}"`,
      )
    fc.assert(
      fc.property(
        fc.array(fc.oneof(escaped, fc.json()), { maxLength: 5 }),
        fc.constantFrom('', ' ', '\n\t\r '),
        (parts, gap) => {
          const text = `[${parts.join(`${gap},${gap}`)}]${gap}`
          const native = JSON.parse(text) as JsonValue
          if (isCarried(native)) expect(parseJson(text)).toEqual(snapshot(native, ''))
        },
      ),
    )
  })

  test('any text gives a value or the one named error', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      'u',
      '00',
      '1',
      '-',
      '.',
      'e',
      'true',
      'nul',
      ' ',
      '\n',
      'é',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('')
        let native = true
        try {
          JSON.parse(text)
        } catch {
          native = false
        }
        try {
          parseJson(text)
          expect(native).toBe(true)
        } catch (error) {
          expect(isKernelError(error, 'JSON_INVALID')).toBe(true)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('a copy of a caller’s value', () => {
  test.each<[string, unknown]>([
    ['a Date', new Date(0)],
    ['a Map', new Map([['a', 1]])],
    ['a Buffer', Buffer.from('a')],
    ['a symbol', Symbol('a')],
    ['undefined in a list', [undefined]],
    ['a hole in a list', Array(1)],
    ['infinity', { a: Infinity }],
    ['a lone surrogate as key', { '\udfff': 1 }],
  ])('%s is refused, not converted', (_, value) => {
    expect(() => snapshot({ value }, 'params')).toThrowError(/`params\.value/)
  })

  test('an inherited member is not copied, an absent one stays absent', () => {
    const copy = snapshot(Object.assign(Object.create(null) as object, { a: 1, b: undefined }), '')
    expect(JSON.stringify(copy)).toBe('{"a":1}')
    expect(Object.getPrototypeOf(copy)).toBeNull()
  })

  test('that unfolds to more than fits is refused before it is unfolded', () => {
    let value: unknown = 1
    for (let i = 0; i < 50; i++) value = [value, value]
    expect(() => snapshot(value, '')).toThrowError(/at most 1000000 values/)
    expect(() => snapshot(['x'.repeat(60), 'y'.repeat(60)], '', 100)).toThrowError(/at most 100 bytes/)
    expect(() => snapshot({ ['k'.repeat(120)]: 1 }, '', 100)).toThrowError(/at most 100 bytes/)
    expect(snapshot(['x'.repeat(90)], '', 100)).toEqual(['x'.repeat(90)])
  })

  test('that fits is taken: what is counted is never more than its JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        if (!isCarried(value)) return
        const bytes = Buffer.byteLength(JSON.stringify(snapshot(value, '')))
        expect(() => snapshot(value, '', bytes)).not.toThrow()
      }),
    )
  })
})
