import { crc32c } from '../crc32c.ts'
import type { Digest } from '../digest.ts'

/**
 * One item of the WAL: kind (1 byte) ‖ length of the content (3) ‖ CRC-32C (4) ‖ tag (16) ‖ content. Numbers are big-endian.
 *
 * The CRC runs over kind, length, tag and content, from a seed that stands for epoch and offset: bytes left by an earlier life
 * of the segment, or shifted, never check. The tag is the first half of the frame's link (`LinkChain`).
 *
 * - `entry`: the entry's bytes
 * - `settle`: id (8 bytes) of an intent ‖ the bytes of the entry that ends it: one frame, so that no crash comes between
 * - `intent`: id (8 bytes) ‖ canonical JSON
 * - `checkpoint`: a signed note
 * - `state`: canonical JSON of what recovery starts from; the `intent` frames of its batch are all that are open then
 * - `trailer`: ends a batch
 */
export interface Frame {
  readonly kind: FrameKind
  readonly bytes: Buffer
  /** Of an entry that was read back with the key. */
  readonly leaf?: Digest | undefined
}

export type FrameKind = 'entry' | 'settle' | 'intent' | 'checkpoint' | 'state' | 'trailer'

export const frameHeadBytes = 24
export const frameMaxBytes = 0xff_ffff
export const tagBytes = 16
export const intentIdBytes = 8

const kinds: readonly FrameKind[] = ['entry', 'settle', 'intent', 'checkpoint', 'state', 'trailer']
export const frameCodes: Readonly<Record<FrameKind, number>> = {
  entry: 1,
  settle: 2,
  intent: 3,
  checkpoint: 4,
  state: 5,
  trailer: 6,
}

const crcAt = 4
const tagAt = 8

/**
 * Writes the head of the frame whose content stands at `offset + frameHeadBytes` already.
 *
 * @param place a number of 32 bits that stands for epoch and offset (`placeSeed`)
 */
export function writeFrameHead(
  target: Buffer,
  offset: number,
  kind: FrameKind,
  length: number,
  link: string,
  place: number,
): void {
  target.writeUInt32BE(frameCodes[kind] * 0x100_0000 + length, offset)
  target.write(link, offset + tagAt, tagBytes, 'latin1')
  target.writeUInt32BE(frameCrc(target, offset, offset + frameHeadBytes + length, place), offset + crcAt)
}

/** A frame as it lies in a segment. */
export interface FoundFrame extends Frame {
  /** Half a link, as text of one-byte characters. */
  readonly tag: string
  /** Offset behind it. */
  readonly end: number
}

/** The frame at `offset` as a view into `bytes`, or undefined when there is none that is undamaged. Total. */
export function readFrame(bytes: Buffer, offset: number, place: number): FoundFrame | undefined {
  const start = offset + frameHeadBytes
  if (start > bytes.length) return undefined
  const head = bytes.readUInt32BE(offset)
  const kind = kinds[(head >>> 24) - 1]
  const end = start + (head & frameMaxBytes)
  if (kind === undefined || end > bytes.length) return undefined
  if (frameCrc(bytes, offset, end, place) !== bytes.readUInt32BE(offset + crcAt)) return undefined
  return { kind, bytes: bytes.subarray(start, end), tag: bytes.toString('latin1', offset + tagAt, start), end }
}

function frameCrc(bytes: Buffer, offset: number, end: number, place: number): number {
  return crc32c(bytes, offset + tagAt, end, crc32c(bytes, offset, offset + crcAt, place))
}

/** Where the CRC of a frame starts from: differs with the epoch, and within an epoch with the offset. */
export function placeSeed(epochSeed: number, offset: number): number {
  return (epochSeed ^ offset) >>> 0
}

export function epochSeedOf(epoch: number): number {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(epoch))
  return crc32c(bytes)
}

/** @returns the offset behind it */
export function writeIntentId(target: Buffer, at: number, id: number): number {
  target.writeUInt32BE(Math.floor(id / 2 ** 32), at)
  target.writeUInt32BE(id % 2 ** 32, at + 4)
  return at + intentIdBytes
}

/** The id at the start of an `intent` or `settle` frame's content, or undefined when there is no room for one. */
export function intentIdIn(content: Buffer): number | undefined {
  return content.length < intentIdBytes ? undefined : content.readUInt32BE(0) * 2 ** 32 + content.readUInt32BE(4)
}
