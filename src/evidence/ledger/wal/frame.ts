import { crc32c } from '../crc32c.ts'

/**
 * One item of a batch: kind (1 byte) ‖ length (3) ‖ CRC-32C (4) ‖ bytes. Numbers are big-endian. The CRC runs over kind, length
 * and bytes, and starts from the CRC of the batch's head, so that a frame is good in its own batch only.
 *
 * - `entry`: the entry's bytes
 * - `intent`: id (8 bytes) ‖ canonical JSON
 * - `settle`: id (8 bytes) of an intent, in the batch of the entry that settles it
 * - `checkpoint`: a signed note
 * - `state`: canonical JSON of what recovery starts from; the batch's `intent` frames are all that are open then
 */
export interface Frame {
  readonly kind: FrameKind
  readonly bytes: Buffer
}

export type FrameKind = 'entry' | 'intent' | 'settle' | 'checkpoint' | 'state'

export const frameHeadBytes = 8
export const frameMaxBytes = 0xff_ffff

const kinds: readonly FrameKind[] = ['entry', 'intent', 'settle', 'checkpoint', 'state']
const codes: Readonly<Record<FrameKind, number>> = { entry: 1, intent: 2, settle: 3, checkpoint: 4, state: 5 }
const crcOffset = 4

/** Writes one frame at `offset`, and returns the offset behind it. There must be room. */
export function writeFrame(target: Buffer, offset: number, frame: Frame, seed: number): number {
  const start = offset + frameHeadBytes
  target.writeUInt32BE(codes[frame.kind] * 0x100_0000 + frame.bytes.length, offset)
  frame.bytes.copy(target, start)
  const end = start + frame.bytes.length
  target.writeUInt32BE(frameCrc(target, offset, end, seed), offset + crcOffset)
  return end
}

/** The frame at `offset` as a view into `bytes`, or undefined when there is none that ends by `end` and is undamaged. */
export function readFrame(bytes: Buffer, offset: number, end: number, seed: number): Frame | undefined {
  const start = offset + frameHeadBytes
  if (start > end) return undefined
  const head = bytes.readUInt32BE(offset)
  const kind = kinds[(head >>> 24) - 1]
  const stop = start + (head & frameMaxBytes)
  if (kind === undefined || stop > end) return undefined
  if (frameCrc(bytes, offset, stop, seed) !== bytes.readUInt32BE(offset + crcOffset)) return undefined
  return { kind, bytes: bytes.subarray(start, stop) }
}

function frameCrc(bytes: Buffer, offset: number, end: number, seed: number): number {
  return crc32c(bytes, offset + frameHeadBytes, end, crc32c(bytes, offset, offset + crcOffset, seed))
}
