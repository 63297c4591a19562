import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../../src/evidence/ledger/crc32c.ts'
import { Frontier, nodeHash } from '../../src/evidence/ledger/frontier.ts'
import { Authenticator } from '../../src/evidence/ledger/wal/authenticator.ts'
import { BatchEncoder, decodeBatch, findBatchHead, type BatchFacts } from '../../src/evidence/ledger/wal/batch.ts'
import type { Frame, FrameKind } from '../../src/evidence/ledger/wal/frame.ts'
import { decodeHeader, encodeHeader, segmentEpoch, segmentName } from '../../src/evidence/ledger/wal/segment.ts'
import { guards } from '../guards.ts'

const authenticator = new Authenticator(Buffer.alloc(32, 1))
const root = Buffer.alloc(32, 9)

function factsAt(epoch: number, offset: number, firstSeq = 5): BatchFacts {
  return {
    position: { epoch, offset },
    firstSeq,
    barrier: { epoch, offset: 0 },
    previousMac: 'ab'.repeat(32),
    writeRoot: (target, at) => root.copy(target, at),
  }
}

const frames: fc.Arbitrary<Frame[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<FrameKind>('entry', 'intent', 'settle', 'checkpoint', 'state'),
    bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 8 },
)

describe('the bytes of the WAL', () => {
  guards('LED-16')

  test('CRC-32C gives the vectors of RFC 3720 §B.4', () => {
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
    expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i)))).toBe(0x46dd794e)
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
    expect(crc32c(Buffer.from('456789'), 0, 6, crc32c(Buffer.from('123')))).toBe(0xe3069283)
  })

  test('a batch round-trips at any place', () => {
    const place = fc.record({ epoch: fc.integer({ min: 1, max: 2 ** 40 }), offset: fc.integer({ min: 0, max: 2000 }) })
    fc.assert(
      fc.property(frames, place, fc.maxSafeNat(), (items, { epoch, offset }, firstSeq) => {
        const { bytes, mac } = new BatchEncoder(authenticator).encode(items, factsAt(epoch, offset, firstSeq))
        const segment = Buffer.concat([Buffer.alloc(offset, 7), bytes, Buffer.alloc(100)])
        const decoded = decodeBatch(segment, { epoch, offset }, authenticator)
        expect(decoded).toMatchObject({ is: 'batch' })
        if (decoded.is !== 'batch') return
        const { batch } = decoded
        expect(batch.frames).toEqual(items)
        expect([batch.firstSeq, batch.mac, batch.previousMac]).toEqual([firstSeq, mac, 'ab'.repeat(32)])
        expect(batch.count).toBe(items.filter(({ kind }) => kind === 'entry').length)
        expect(batch.root.equals(root)).toBe(true)
        expect(batch.barrier).toEqual({ epoch, offset: 0 })
        expect(findBatchHead(segment, epoch, 0)).toBe(offset)
      }),
    )
  })

  test('every flipped bit is seen, with the key and without', () => {
    const items: Frame[] = [
      { kind: 'entry', bytes: Buffer.from('one') },
      { kind: 'settle', bytes: Buffer.alloc(8) },
    ]
    const bytes = Buffer.from(new BatchEncoder(authenticator).encode(items, factsAt(3, 0)).bytes)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      for (const key of [authenticator, undefined]) {
        expect([bit, decodeBatch(flipped, { epoch: 3, offset: 0 }, key).is]).toEqual([bit, 'damaged'])
      }
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeBatch(bytes.subarray(0, length), { epoch: 3, offset: 0 }, authenticator).is).not.toBe('batch')
    }
  })

  test('any bytes have an answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(400), (noise, offset) => {
        const segment = Buffer.concat([Buffer.alloc(offset), Buffer.from('KWB1'), noise])
        expect(['nothing', 'damaged']).toContain(decodeBatch(segment, { epoch: 1, offset }, authenticator).is)
        expect(decodeHeader(Buffer.from(noise), 1, 'origin', authenticator)).toBeUndefined()
      }),
    )
  })

  test('a batch of another epoch, place or key is not taken', () => {
    const { bytes } = new BatchEncoder(authenticator).encode([], factsAt(3, 0))
    expect(decodeBatch(bytes, { epoch: 4, offset: 0 }, authenticator)).toEqual({ is: 'damaged' })
    expect(decodeBatch(bytes, { epoch: 3, offset: 0 }, new Authenticator(Buffer.alloc(32, 2)))).toEqual({
      is: 'forged',
    })
    const moved = Buffer.concat([Buffer.alloc(8), bytes])
    expect(decodeBatch(moved, { epoch: 3, offset: 8 }, authenticator)).toEqual({ is: 'damaged' })
    expect(decodeBatch(Buffer.alloc(500), { epoch: 3, offset: 0 }, authenticator)).toEqual({ is: 'nothing' })
  })

  test('a recycled page in the middle of a batch is damage, though each of its frames was good once', () => {
    const frame = (text: string): Frame => ({ kind: 'entry', bytes: Buffer.from(text.padEnd(120, '.')) })
    const before = Buffer.from(new BatchEncoder(authenticator).encode(['a', 'b', 'c'].map(frame), factsAt(1, 0)).bytes)
    const after = Buffer.from(new BatchEncoder(authenticator).encode(['d', 'e', 'f'].map(frame), factsAt(2, 0)).bytes)
    for (const cut of [28, 28 + 128, 28 + 256, 28 + 384]) {
      const torn = Buffer.concat([after.subarray(0, cut), before.subarray(cut)])
      expect(decodeBatch(torn, { epoch: 2, offset: 0 }, authenticator)).toEqual({ is: 'damaged' })
      const hole = Buffer.concat([torn.subarray(0, cut + 128), after.subarray(cut + 128)])
      if (cut < 28 + 384) expect(decodeBatch(hole, { epoch: 2, offset: 0 }, authenticator)).toEqual({ is: 'damaged' })
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
  const leaf = (n: number): string => n.toString(16).padStart(64, '0')

  /** RFC 9162 §2.1.1, by the definition. */
  function rootOf(leaves: readonly Buffer[]): Buffer {
    const [only] = leaves
    if (leaves.length === 1 && only !== undefined) return only
    const split = 2 ** Math.ceil(Math.log2(leaves.length) - 1)
    return nodeHash(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)))
  }

  test('has the root of the definition at every size, also after being saved', () => {
    let frontier = new Frontier()
    expect(frontier.root().toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    const leaves: Buffer[] = []
    for (let size = 1; size <= 130; size++) {
      frontier.append(leaf(size))
      leaves.push(Buffer.from(leaf(size), 'hex'))
      expect(frontier.root().equals(rootOf(leaves))).toBe(true)
      if (size % 7 === 0) frontier = Frontier.fromPeaks(size, frontier.peaks())
    }
    expect(() => Frontier.fromPeaks(3, [Buffer.alloc(32)])).toThrow(/does not fit/)
    expect(() => Frontier.fromPeaks(2, [Buffer.alloc(32), Buffer.alloc(32)])).toThrow(/does not fit/)
  })
})
