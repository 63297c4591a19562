import { isDeepStrictEqual } from 'node:util'
import canonicalize from 'canonicalize'
import { canonicalJson } from '../../../src/base/canonical-json.ts'
import { parseJson } from '../../../src/base/json.ts'
import { snapshot } from '../../../src/base/snapshot.ts'
import { readRequest } from '../../../src/kernel/request.ts'
import { bytesOf, demand, ending, refusal, Violation, type Target } from '../target.ts'

/** What RFC 7493 and our own bounds refuse beyond the grammar. */
const stricter = /duplicate key|surrogate|an integer beyond|out of range|nested deeper|more than  (?:members|items)/

function byStandard(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

const texts: readonly string[] = [
  '{"action":"fs.read","resource":"/workspace/a.txt","params":{"offset":3,"limit":10},"idempotencyKey":"k","dryRun":true}',
  '[1,-0,0.5,1e3,1E-7,9007199254740991,-9007199254740991,1.7976931348623157e308,5e-324,"\\u00e9\\ud83d\\ude00\\n/"]',
  '{"":null,"__proto__":{"a":1},"constructor":"x","toString":[],"é":false,"\\u0000":true}',
  ' { "a" : [ { } , [ ] , "" ] , "b" : "\\"\\\\\\/\\b\\f\\n\\r\\t" }\n',
  '"\u2028 plain"',
  '0',
]

/** Strict JSON against the engine's parser: never more, less only for the reasons that are written down, and the same value. */
export const jsonTarget: Target = {
  name: 'json',
  words: ['"a":', '\\ud800', '\\udc00', '\\u0000', '__proto__', '9007199254740993', '1e999', ',', '{}'],
  seeds: () => texts.map(bytesOf),
  run(input) {
    const text = Buffer.from(input).toString('utf8')
    const standard = byStandard(text)
    return ending(
      () => parseJson(text),
      (value) => {
        if (standard === undefined) throw new Violation('a text was taken that is not JSON')
        demand(
          value === null || isDeepStrictEqual(structuredClone(value), plain(standard.value)),
          'another value was read',
        )
        const canonical = canonicalJson(value)
        demand(canonical === canonicalize(standard.value), 'RFC 8785 has another text for it')
        demand(canonicalJson(parseJson(canonical)) === canonical, 'its canonical text is read as something else')
        demand(canonicalJson(snapshot(standard.value, '')) === canonical, 'a copy of the same value differs')
      },
      ['JSON_INVALID'],
    ).replace(/^JSON_INVALID.*/s, (said) => {
      demand(standard === undefined || stricter.test(said), `JSON was refused without a reason of ours: ${said}`)
      return said.replace(/at character.*/s, '')
    })
  },
}

/** As `parseJson` has it: no minus zero. */
function plain(value: unknown): unknown {
  if (value === 0) return 0
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, member]) => [key, plain(member)] as const)
  return members.reduce((object, [key, member]) => Object.defineProperty(object, key, { value: member, ...open }), {})
}

const open = { enumerable: true, configurable: true, writable: true }

/** A request of a batch: a reading or a problem in our own words, never an exception. */
export const requestTarget: Target = {
  name: 'request',
  words: [
    '"action":"fs.read"',
    '"resource":',
    '"params":{',
    '"idempotencyKey":',
    '"dryRun":',
    '"justification":',
    '"as":',
  ],
  seeds: () => texts.map(bytesOf),
  run(input) {
    const text = Buffer.from(input).toString('utf8')
    const reading = readRequest(text)
    const value = 'request' in reading ? reading.request : undefined
    if (value === undefined) return 'problem' in reading ? `refused ${reading.problem.replace(/\d+/g, '')}` : 'nothing'
    demand(canonicalJson(parseJson(text)) === canonicalJson(snapshot(value, '')), 'a request was read as another one')
    return 'ok'
  },
}

const marked = new Error('thrown by a getter')

/** A value made of the bytes: what callers in the same process may hand over, with all that JavaScript allows. */
function made(bytes: Uint8Array): unknown {
  let at = 0
  const next = (): number => bytes[at++] ?? 0
  const leaves: readonly (() => unknown)[] = [
    () => next(),
    () => 'x'.repeat(next()),
    () => '\ud800',
    () => null,
    () => undefined,
    () => next() / 7,
    () => 2 ** next(),
    () => -0,
    () => NaN,
    () => BigInt(next()),
    () => Symbol('s'),
    () => new Date(next()),
    () => new Map([[1, 2]]),
    () => /x/,
    () => next,
    () => new Uint8Array(next()),
    () => Object.create({ inherited: 1 }) as unknown,
  ]
  const value = (depth: number): unknown => {
    const kind = next() % 24
    if (depth > 70 || kind >= 8) return (leaves[next() % leaves.length] as () => unknown)()
    if (kind < 3) return Array.from({ length: next() % 5 }, () => value(depth + 1))
    const object: Record<string, unknown> = kind === 3 ? (Object.create(null) as Record<string, unknown>) : {}
    for (let members = next() % 4; members > 0; members--)
      object[keys[next() % keys.length] as string] = value(depth + 1)
    if (kind === 4) Object.defineProperty(object, 'got', { enumerable: true, get: () => value(depth + 1) })
    if (kind === 5) Object.defineProperty(object, 'throws', { enumerable: true, get: throwMarked })
    if (kind === 6) return new Proxy(object, next() % 2 === 0 ? {} : { ownKeys: throwMarked })
    if (kind === 7) object['self'] = object
    return object
  }
  return value(0)
}

const keys = ['a', 'b', '__proto__', 'constructor', '', '\udfff', 'toJSON', 'é']

function throwMarked(): never {
  throw marked
}

/** The copy of a value that came from code: JSON of the same meaning, or a refusal; only what a getter throws comes through. */
export const snapshotTarget: Target = {
  name: 'snapshot',
  seeds: () => [3, 50, 90, 200].map((seed) => Uint8Array.from({ length: 60 }, (_, at) => (at * seed) % 256)),
  run(input) {
    try {
      const copy = snapshot(made(input), 'params')
      const text = canonicalJson(copy)
      demand(text === canonicalize(JSON.parse(text)), 'the copy has no canonical text')
      demand(canonicalJson(parseJson(text, 100)) === text, 'the copy is not what its text says')
      return `ok ${text.length > 2}`
    } catch (error) {
      if (error === marked) return 'thrown by a getter'
      return refusal(error, ['VALUE_INVALID', 'VALUE_TOO_LARGE']).slice(0, 60)
    }
  },
}
