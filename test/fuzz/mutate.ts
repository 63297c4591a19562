import type { Random } from './random.ts'

/** What the mutations may draw from: other inputs of the corpus, and words that mean something to the format. */
export interface Material {
  readonly corpus: readonly Uint8Array[]
  readonly words: readonly Uint8Array[]
}

type Mutation = (bytes: Buffer, random: Random, material: Material) => Uint8Array

const edges: readonly bigint[] = [
  0n,
  1n,
  2n,
  31n,
  32n,
  255n,
  256n,
  257n,
  32_767n,
  65_535n,
  2n ** 31n - 1n,
  2n ** 32n - 1n,
]
const edgeTexts: readonly string[] = [
  ...[
    '0',
    '-0',
    '-1',
    '1',
    '00',
    '1.0',
    '1e3',
    '9007199254740991',
    '9007199254740992',
    '18446744073709551616',
    '1e309',
  ],
  ...[
    'null',
    'true',
    '""',
    '"\\ud800"',
    '"\\u0000"',
    '{}',
    '[]',
    '\n',
    '\r\n',
    '\t',
    ' ',
    '__proto__',
    '..',
    '/../',
    '//',
  ],
]
/** Bytes that are no UTF-8, or text that only looks like other text. */
const brokenTexts: readonly string[] = [
  'ff',
  'c080',
  'eda080',
  'f4908080',
  'e2',
  'efbbbf',
  'e280ae',
  'e2808b',
  'c2a0',
  '00',
  '7f',
]

const upperBytes = 131_072

function place(bytes: Uint8Array, random: Random): number {
  return random.below(bytes.length + 1)
}

function range(bytes: Uint8Array, random: Random): readonly [number, number] {
  const from = place(bytes, random)
  // Mostly short ranges: formats are made of short things.
  const most = random.below(4) === 0 ? bytes.length - from : Math.min(16, bytes.length - from)
  return [from, from + random.below(most + 1)]
}

function spliced(bytes: Buffer, from: number, to: number, middle: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)])
}

/** Where a line or a pair of brackets begins and ends, so that a whole part moves. */
function part(bytes: Buffer, random: Random): readonly [number, number] {
  const at = place(bytes, random)
  const stop = random.pick(['\n', ',', '/', ' '])
  const from = bytes.lastIndexOf(stop, Math.max(0, at - 1)) + 1
  const end = bytes.indexOf(stop, at)
  return [Math.min(from, at), end < 0 ? bytes.length : end + 1]
}

const mutations: readonly Mutation[] = [
  function flipBit(bytes, random) {
    if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
    return bytes
  },
  function setByte(bytes, random) {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256)
    return bytes
  },
  function setAscii(bytes, random) {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = 0x20 + random.below(95)
    return bytes
  },
  function remove(bytes, random) {
    return spliced(bytes, ...range(bytes, random), Buffer.alloc(0))
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, place(bytes, random))
  },
  function insertRandom(bytes, random) {
    const at = place(bytes, random)
    return spliced(bytes, at, at, random.bytes(1 + random.below(8)))
  },
  function duplicate(bytes, random) {
    const [from, to] = range(bytes, random)
    const at = place(bytes, random)
    return spliced(bytes, at, at, bytes.subarray(from, to))
  },
  function repeat(bytes, random) {
    const [from, to] = range(bytes, random)
    const times = random.pick([2, 10, 70, 300])
    return spliced(bytes, from, to, Buffer.concat(Array.from({ length: times }, () => bytes.subarray(from, to))))
  },
  function movePart(bytes, random) {
    const [from, to] = part(bytes, random)
    const rest = spliced(bytes, from, to, Buffer.alloc(0))
    const at = part(rest, random)[0]
    return spliced(rest, at, at, bytes.subarray(from, to))
  },
  function copyPart(bytes, random) {
    const [from, to] = part(bytes, random)
    const at = part(bytes, random)[0]
    return spliced(bytes, at, at, bytes.subarray(from, to))
  },
  function splice(bytes, random, { corpus }) {
    const other = random.pick(corpus)
    const [from, to] = range(other, random)
    return spliced(bytes, ...range(bytes, random), other.subarray(from, to))
  },
  function cross(bytes, random, { corpus }) {
    const other = random.pick(corpus)
    return Buffer.concat([bytes.subarray(0, place(bytes, random)), other.subarray(place(other, random))])
  },
  function word(bytes, random, { words }) {
    if (words.length === 0) return bytes
    const [from, to] = random.below(2) === 0 ? range(bytes, random) : part(bytes, random)
    const middle = random.pick(words)
    return spliced(bytes, random.below(2) === 0 ? from : to, to, middle)
  },
  function edgeInteger(bytes, random) {
    const width = random.pick([1, 2, 4, 8])
    const value = Buffer.alloc(8)
    value.writeBigUInt64BE(random.pick(edges) + BigInt(random.below(3)))
    const written = value.subarray(8 - width)
    if (random.below(2) === 0) written.reverse()
    const at = place(bytes, random)
    return spliced(bytes, at, Math.min(bytes.length, at + width), written)
  },
  function edgeText(bytes, random) {
    return spliced(bytes, ...range(bytes, random), Buffer.from(random.pick(edgeTexts)))
  },
  /** A number that stands there as text becomes its neighbour. */
  function nextNumber(bytes, random) {
    const at = place(bytes, random)
    const found = /\d+/.exec(bytes.toString('latin1').slice(at))
    if (found === null) return bytes
    const from = at + found.index
    const by = random.pick([-1n, 1n, 255n, -256n])
    return spliced(bytes, from, from + found[0].length, Buffer.from(String(BigInt(found[0]) + by)))
  },
  function brokenText(bytes, random) {
    const at = place(bytes, random)
    return spliced(bytes, at, at + random.below(2), Buffer.from(random.pick(brokenTexts), 'hex'))
  },
  function nest(bytes, random) {
    const [open, close] = random.pick([
      ['[', ']'],
      ['{"a":', '}'],
      ['(', ')'],
      ['- ', ''],
      ['"', '"'],
      ['!', ''],
    ])
    const depth = random.pick([1, 2, 63, 64, 65, 200, 5000])
    const [from, to] = range(bytes, random)
    const middle = [
      Buffer.from(String(open).repeat(depth)),
      bytes.subarray(from, to),
      Buffer.from(String(close).repeat(depth)),
    ]
    return spliced(bytes, from, to, Buffer.concat(middle))
  },
]

/** A changed copy of `bytes`: one mutation, or a few on top of each other. */
export function mutate(bytes: Uint8Array, random: Random, material: Material): Uint8Array {
  let changed = Buffer.from(bytes)
  for (let left = 1 + random.below(random.pick([1, 2, 6])); left > 0; left--) {
    changed = Buffer.from(random.pick(mutations)(changed, random, material)).subarray(0, upperBytes)
  }
  return changed
}
