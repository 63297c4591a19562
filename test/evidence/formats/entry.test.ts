import { generateKeyPairSync } from 'node:crypto'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KernelError } from '../../../src/base/errors.ts'
import { formatEntry, parseEntry, type Entry } from '../../../src/evidence/ledger/entry.ts'
import { guards } from '../../guards.ts'
import { anEntry } from './an-entry.ts'

const hex = 'ab'.repeat(32)
const action: Entry = {
  v: 1,
  seq: 7,
  time: 1_700_000_000_000,
  kind: 'action',
  agent: 'local',
  agentSeq: 6,
  principal: 'alice',
  action: 'fs.read',
  resource: '/workspace/a.csv',
}
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const p384 = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
  .publicKey.export({ format: 'der', type: 'spki' })
  .toString('base64')

describe('an entry', () => {
  guards('LED-10', 'LED-16')

  test('is written as RFC 8785 says and read back as it was', () => {
    fc.assert(
      fc.property(anEntry, (entry) => {
        const text = formatEntry(entry)
        expect(text).toBe(canonicalize(entry))
        expect(parseEntry(bytesOf(text))).toEqual(entry)
      }),
      { numRuns: 1000 },
    )
  })

  test('survives no flipped bit unnoticed: other bytes are another entry or a named error', () => {
    fc.assert(
      fc.property(anEntry, fc.nat(), (entry, position) => {
        const bytes = bytesOf(formatEntry(entry))
        const at = position % (bytes.length * 8)
        bytes[at >> 3] = (bytes[at >> 3] as number) ^ (1 << (at & 7))
        const read = attempt(bytes)
        const isRefused = read instanceof KernelError && read.code === 'ENTRY_INVALID'
        expect(isRefused || formatEntry(read as Entry) === new TextDecoder().decode(bytes)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('any bytes are an entry or a named error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytesOf), fc.string().map(bytesOf)), (bytes) => {
        expect(attempt(bytes)).toMatchObject({ code: 'ENTRY_INVALID' })
      }),
      { numRuns: 1000 },
    )
  })

  const good = formatEntry(action)
  const spelled: readonly [string, string, RegExp][] = [
    ['whitespace', `${good} `, /canonical/],
    ['a space inside', good.replace(':', ': '), /canonical/],
    [
      'another order of fields',
      good.replace('"seq":7,"time":1700000000000', '"time":1700000000000,"seq":7'),
      /canonical/,
    ],
    ['a duplicate field', good.replace('"seq":7', '"seq":7,"seq":7'), /duplicate/],
    ['an unknown field', good.replace('"seq":7', '"secret":1,"seq":7'), /field unknown/],
    [
      'an unknown field at depth',
      good.replace('"kind"', '"decision":{"effect":"permit","reason":"x","s":1},"kind"'),
      /unknown/,
    ],
    ['a field named __proto__', good.replace('{', '{"__proto__":{},'), /unknown/],
    ['an escape that is not needed', good.replace('alice', '\\u0061lice'), /canonical/],
    ['a slash escaped', good.replace('/workspace', '\\/workspace'), /canonical/],
    ['a float', good.replace('"seq":7', '"seq":7.5'), /`seq`/],
    ['an integer written as a float', good.replace('"seq":7', '"seq":7.0'), /canonical/],
    ['an exponent', good.replace('"seq":7', '"seq":7e0'), /canonical/],
    ['minus zero', good.replace('"seq":7', '"seq":-0'), /canonical/],
    ['a negative index', good.replace('"seq":7', '"seq":-7'), /`seq`/],
    ['an integer beyond 2^53', good.replace('"seq":7', '"seq":9007199254740993'), /`seq`/],
    ['a number as a string', good.replace('"seq":7', '"seq":"7"'), /`seq`/],
    ['null', good.replace('"alice"', 'null'), /`principal`/],
    ['an empty string', good.replace('"alice"', '""'), /`principal`/],
    ['an empty optional string', good.replace('"fs.read"', '""'), /`action`/],
    ['a lone surrogate', good.replace('alice', '\\ud800'), /`principal`/],
    ['an unknown kind', good.replace('"action",', '"deed",'), /`kind`/],
    ['another version', good.replace('"v":1', '"v":2'), /`v`/],
    ['no version', good.replace(',"v":1', ''), /`v`/],
    ['no agentSeq', good.replace('"agentSeq":6,', ''), /`agentSeq`/],
    ['no principal', good.replace('"principal":"alice",', ''), /`principal`/],
    ['a head on an action', good.replace('"kind"', '"head":{},"kind"'), /`head`/],
    ['a digest on an action', good.replace('"kind"', `"digest":"${hex}","kind"`), /`digest`/],
    ['a reason on an action', good.replace('"resource"', `"reason":"${hex}","resource"`), /`reason`/],
    ['upper-case hex', good.replace('"principal"', `"params":"${hex.toUpperCase()}","principal"`), /`params`/],
    ['short hex', good.replace('"principal"', '"params":"abcd","principal"'), /`params`/],
    ['a list for an object', good.replace('"kind"', '"decision":[],"kind"'), /`decision`/],
    ['an object for a list', good.replace('"run"', '"run"').replace('"seq"', '"resources":{},"seq"'), /`resources`/],
    ['nested beyond all depth', '['.repeat(60_000), /JSON|object/],
    [
      'a deep unknown field',
      good.replace('"seq"', `"s":${'['.repeat(9000)}${']'.repeat(9000)},"seq"`),
      /nested deeper/,
    ],
    ['a byte-order mark', `\ufeff${good}`, /JSON/],
    ['nothing', '', /JSON/],
  ]

  test.each(spelled)('with %s is refused, and the error repeats nothing of it', (_what, text, why) => {
    expect(text).not.toBe(good)
    const error = attempt(bytesOf(text))
    expect(error).toMatchObject({ code: 'ENTRY_INVALID', message: expect.stringMatching(why) as string })
    for (const content of ['alice', 'secret', 'fs.read', 'deed'])
      expect((error as Error).message).not.toContain(content)
  })

  test('that is not UTF-8 is refused', () => {
    const bytes = bytesOf(good)
    bytes[bytes.indexOf(0x61)] = 0xff
    expect(attempt(bytes)).toMatchObject({ code: 'ENTRY_INVALID' })
  })

  test('may have 65,535 bytes and not one more', () => {
    const room = 65_535 - formatEntry({ ...action, resource: 'x' }).length + 1
    const longest = { ...action, resource: 'x'.repeat(room) }
    expect(parseEntry(bytesOf(formatEntry(longest)))).toEqual(longest)
    expect(() => formatEntry({ ...action, resource: 'x'.repeat(room + 1) })).toThrow(codeOf('ENTRY_TOO_LARGE'))
    expect(() => formatEntry({ ...action, resource: '€'.repeat(room / 2) })).toThrow(codeOf('ENTRY_TOO_LARGE'))
    expect(attempt(bytesOf(good.replace('alice', 'x'.repeat(70_000))))).toMatchObject({ code: 'ENTRY_INVALID' })
  })

  test.each([
    ['an empty string', { resource: '' }],
    ['a fraction', { time: 0.5 }],
    ['a lone surrogate', { resource: '\ud800' }],
    ['not a number', { seq: Number.NaN }],
    ['a charge that is no integer', { charge: { api: 0.1 } }],
    ['base64 in another spelling', { kind: 'enroll', publicKey: 'AB==' }],
    ['a public key that is none', { kind: 'enroll', publicKey: 'AAAA' }],
    ['a public key of another curve', { kind: 'enroll', publicKey: p384 }],
    [
      'a signature of another length',
      { kind: 'head', agentSeq: undefined, head: { upTo: 1, chain: hex, sig: 'AAAA' } },
    ],
  ])('is not written with %s', (_what, change) => {
    expect(() => formatEntry({ ...action, ...change } as Entry)).toThrow(codeOf('ENTRY_INVALID'))
  })
})

function attempt(bytes: Uint8Array): Entry | KernelError {
  try {
    return parseEntry(bytes)
  } catch (error) {
    if (error instanceof KernelError) return error
    throw error
  }
}

function codeOf(code: string): object {
  return expect.objectContaining({ code }) as object
}
