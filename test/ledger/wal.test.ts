import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../../src/evidence/ledger/crc32c.ts'
import { digestFromHex, digestToHex, leafDigest, zeroDigest, type Digest } from '../../src/evidence/ledger/digest.ts'
import { Frontier, nodeDigest } from '../../src/evidence/ledger/frontier.ts'
import { Authenticator } from '../../src/evidence/ledger/wal/authenticator.ts'
import { readBatch, type WalKey } from '../../src/evidence/ledger/wal/batch.ts'
import { BatchWriter } from '../../src/evidence/ledger/wal/batch-writer.ts'
import type { Frame, FrameKind } from '../../src/evidence/ledger/wal/frame.ts'
import { LinkChain } from '../../src/evidence/ledger/wal/link.ts'
import { decodeHeader, encodeHeader, segmentEpoch, segmentName } from '../../src/evidence/ledger/wal/segment.ts'
import { findTrailer, isAuthentic, trailerFrameBytes, type WalPosition } from '../../src/evidence/ledger/wal/trailer.ts'
import { guards } from '../guards.ts'

const authenticator = new Authenticator(Buffer.alloc(32, 1))
const root = digestFromHex('09'.repeat(32))

function keyAt(link: Digest = zeroDigest, by: Authenticator = authenticator): WalKey {
  const chain = new LinkChain(by)
  chain.restart(link)
  return { authenticator: by, chain }
}

interface Item {
  readonly entry?: string
  readonly settles?: number
  readonly frame?: Frame
}

/** The bytes of one batch at a place, closed unless told otherwise. */
function batchAt(
  position: WalPosition,
  items: readonly Item[],
  { isOpen = false, link = zeroDigest }: { isOpen?: boolean; link?: Digest } = {},
): Buffer {
  const writer = new BatchWriter(authenticator, new LinkChain(authenticator))
  writer.resume(position, link, { frames: 0, entries: 0 })
  for (const { entry, settles = 0, frame } of items) {
    if (entry !== undefined) writer.addEntry(entry, leafDigest(entry), settles)
    if (frame !== undefined) writer.addFrame(frame)
  }
  const entries = items.filter(({ entry }) => entry !== undefined).length
  if (!isOpen) writer.close({ size: 5 + entries, root: () => root }, { epoch: position.epoch, offset: 0 })
  return Buffer.from(writer.staged())
}

const item: fc.Arbitrary<Item> = fc.oneof(
  fc.record({ entry: fc.string({ unit: 'binary', maxLength: 300 }).filter((text) => text.isWellFormed()) }),
  fc.record({ entry: fc.string({ maxLength: 30 }), settles: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) }),
  fc.record({
    frame: fc.record({
      kind: fc.constantFrom<FrameKind>('intent', 'checkpoint', 'state'),
      bytes: fc.uint8Array({ minLength: 8, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    }),
  }),
)
const items = fc.array(item, { minLength: 1, maxLength: 8 })

function bytesOf({ entry = '', settles = 0, frame }: Item): Buffer {
  if (frame !== undefined) return frame.bytes
  const id = Buffer.alloc(8)
  id.writeBigUInt64BE(BigInt(settles))
  return settles > 0 ? Buffer.concat([id, Buffer.from(entry)]) : Buffer.from(entry)
}

describe('the bytes of the WAL', () => {
  guards('LED-16')

  test('CRC-32C gives the vectors of RFC 3720 §B.4', () => {
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
    expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i)))).toBe(0x46dd794e)
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
    expect(crc32c(Buffer.from('456789'), 0, 6, crc32c(Buffer.from('123')))).toBe(0xe3069283)
  })

  test('a batch round-trips at any place, closed or open', () => {
    const place = fc.record({ epoch: fc.integer({ min: 1, max: 2 ** 40 }), offset: fc.integer({ min: 0, max: 2000 }) })
    fc.assert(
      fc.property(items, place, fc.boolean(), (some, position, isOpen) => {
        const bytes = batchAt(position, some, { isOpen })
        const segment = Buffer.concat([Buffer.alloc(position.offset, 7), bytes, Buffer.alloc(100)])
        const key = keyAt()
        const read = readBatch(segment, position, key)
        const batch = read.is === 'batch' ? read.batch : read.open
        expect(read.is).toBe(isOpen ? 'nothing' : 'batch')
        expect(batch?.frames.map((frame) => frame.bytes)).toEqual(some.map(bytesOf))
        expect(batch?.entries).toBe(some.filter(({ entry }) => entry !== undefined).length)
        expect(batch?.end).toBe(position.offset + bytes.length)
        const found = findTrailer(segment, position.epoch, 0)
        if (isOpen) expect(found).toBeUndefined()
        else {
          expect(batch?.trailer).toMatchObject({ firstSeq: 5, root, barrier: { epoch: position.epoch, offset: 0 } })
          expect(found?.offset).toBe(position.offset + bytes.length - trailerFrameBytes)
          expect(found !== undefined && isAuthentic(found.content, authenticator)).toBe(true)
          expect(key.chain.last).toBe(batch?.trailer?.mac)
        }
      }),
    )
  })

  test('every flipped bit is seen, with the key and without', () => {
    const position = { epoch: 3, offset: 0 }
    const bytes = batchAt(position, [{ entry: 'one' }, { entry: 'two', settles: 7 }])
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      for (const key of [keyAt(), undefined]) {
        const { is } = readBatch(flipped, position, key)
        expect([bit, is === 'damaged' || is === 'nothing']).toEqual([bit, true])
      }
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(readBatch(bytes.subarray(0, length), position, keyAt()).is).not.toBe('batch')
    }
  })

  test('a frame of an open batch that the key did not write is told from damage', () => {
    const position = { epoch: 3, offset: 0 }
    const other = new Authenticator(Buffer.alloc(32, 2))
    const forger = new BatchWriter(other, new LinkChain(other))
    forger.resume(position, zeroDigest, { frames: 0, entries: 0 })
    forger.addEntry('mine', leafDigest('mine'), 0)
    expect(readBatch(Buffer.from(forger.staged()), position, keyAt())).toEqual({ is: 'forged', open: undefined, at: 0 })
    forger.close({ size: 1, root: () => root }, position)
    const [trailer] = [findTrailer(Buffer.from(forger.staged()), 3, 0)]
    expect(trailer !== undefined && isAuthentic(trailer.content, authenticator)).toBe(false)
  })

  test('any bytes have an answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(400), (noise, offset) => {
        const segment = Buffer.concat([Buffer.alloc(offset), Buffer.from(noise)])
        expect(['nothing', 'damaged']).toContain(readBatch(segment, { epoch: 1, offset }, keyAt()).is)
        expect(findTrailer(segment, 1, 0)).toBeUndefined()
        expect(decodeHeader(Buffer.from(noise), 1, 'origin', authenticator)).toBeUndefined()
      }),
    )
  })

  test('a batch of another epoch, place, key or past is not taken', () => {
    guards('LED-14')
    const bytes = batchAt({ epoch: 3, offset: 0 }, [{ entry: 'one' }])
    expect(readBatch(bytes, { epoch: 4, offset: 0 }, keyAt()).is).toBe('damaged')
    expect(
      readBatch(bytes, { epoch: 3, offset: 0 }, keyAt(zeroDigest, new Authenticator(Buffer.alloc(32, 2)))).is,
    ).toBe('forged')
    expect(readBatch(bytes, { epoch: 3, offset: 0 }, keyAt(root)).is).toBe('forged')
    const moved = Buffer.concat([Buffer.alloc(8), bytes])
    expect(readBatch(moved, { epoch: 3, offset: 8 }, keyAt()).is).toBe('damaged')
    expect(readBatch(Buffer.alloc(500), { epoch: 3, offset: 0 }, keyAt()).is).toBe('nothing')
  })

  test('a recycled page in the middle of a batch is damage, though each of its frames was good once', () => {
    const long = (text: string): Item => ({ entry: text.padEnd(104, '.') })
    const before = batchAt({ epoch: 1, offset: 0 }, ['a', 'b', 'c'].map(long))
    const after = batchAt({ epoch: 2, offset: 0 }, ['d', 'e', 'f'].map(long))
    for (const frames of [0, 1, 2, 3]) {
      const cut = frames * 128
      const torn = Buffer.concat([after.subarray(0, cut), before.subarray(cut)])
      const read = readBatch(torn, { epoch: 2, offset: 0 }, keyAt())
      expect([read.is, read.is === 'batch' ? undefined : (read.open?.entries ?? 0)]).toEqual(['damaged', frames])
    }
  })

  test('a segment header round-trips under its own name, log and key only', () => {
    const header = { epoch: 18, sizeBytes: 4096, previousEnd: 77, previousMac: 'cd'.repeat(32) }
    const bytes = encodeHeader(header, 'a.log/1', authenticator)
    expect(decodeHeader(bytes, 18, 'a.log/1', authenticator)).toEqual(header)
    expect(decodeHeader(bytes, 19, 'a.log/1', authenticator)).toBeUndefined()
    expect(decodeHeader(bytes, 18, 'a.log/2', authenticator)).toBeUndefined()
    expect(decodeHeader(bytes, 18, 'a.log/1', new Authenticator(Buffer.alloc(32)))).toBeUndefined()
    expect([segmentName(18), segmentEpoch(segmentName(18))]).toEqual(['0000000000000012.wal', 18])
    for (const name of ['1.wal', '0000000000000000.wal', 'ffffffffffffffff.wal', '0000000000000012.wal.new']) {
      expect(segmentEpoch(name)).toBeUndefined()
    }
  })
})

describe('the frontier', () => {
  const leaf = (n: number): Digest => digestFromHex(n.toString(16).padStart(64, '0'))

  /** RFC 9162 §2.1.1, by the definition. */
  function rootOf(leaves: readonly Digest[]): Digest {
    const [only] = leaves
    if (leaves.length === 1 && only !== undefined) return only
    const split = 2 ** Math.ceil(Math.log2(leaves.length) - 1)
    return nodeDigest(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)))
  }

  test('has the root of the definition at every size, also after being saved', () => {
    let frontier = new Frontier()
    expect(digestToHex(frontier.root())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    const leaves: Digest[] = []
    for (let size = 1; size <= 130; size++) {
      frontier.append(leaf(size))
      leaves.push(leaf(size))
      expect(frontier.root() === rootOf(leaves)).toBe(true)
      if (size % 7 === 0) frontier = Frontier.fromPeaks(size, frontier.peaks())
    }
    expect(() => Frontier.fromPeaks(3, [zeroDigest])).toThrow(/does not fit/)
    expect(() => Frontier.fromPeaks(2, [zeroDigest, zeroDigest])).toThrow(/does not fit/)
  })
})
