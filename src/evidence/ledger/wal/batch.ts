import { crc32c } from '../crc32c.ts'
import { macRoomBytes, type Authenticator } from './authenticator.ts'
import { frameHeadBytes, readFrame, writeFrame, type Frame } from './frame.ts'

/** A place in the WAL: a segment and an offset in it. */
export interface WalPosition {
  readonly epoch: number
  readonly offset: number
}

/**
 * What one write puts into a segment: a head, frames, a trailer. All numbers are big-endian.
 *
 * - head: magic (4) ‖ epoch (8) ‖ offset in the segment (4) ‖ length of the batch (4) ‖ number of frames (4) ‖ CRC-32C (4)
 * - trailer: first seq (8) ‖ number of entries (4) ‖ durable barrier: epoch (8), offset (4) ‖ root after the batch (32) ‖ MAC of
 *   the batch before (32) ‖ MAC of all this (32) ‖ CRC-32C of the trailer (4)
 *
 * The last CRC covers the MAC, so that a MAC that was only half written is damage, and a whole one that is wrong is forgery.
 *
 * Every CRC starts from the head's: bytes left by an earlier life of the segment, or shifted, never check.
 */
export interface Batch {
  readonly position: WalPosition
  readonly lengthBytes: number
  readonly frames: readonly Frame[]
  /** The tree size before the batch. */
  readonly firstSeq: number
  /** Entries in the batch. */
  readonly count: number
  /** The root hash after the batch, 32 bytes. */
  readonly root: Buffer
  /** Everything before this place was on stable storage when the batch was written. */
  readonly barrier: WalPosition
  /** MAC of the batch before, 64 hex. */
  readonly previousMac: string
  /** 64 hex. */
  readonly mac: string
}

/** What stands at a place of a segment. `forged`: undamaged, but not written with the key. */
export type Decoded =
  | { readonly is: 'batch'; readonly batch: Batch }
  | { readonly is: 'nothing' | 'damaged' | 'forged' }

const magic = 0x4b_57_42_31
const headBytes = 28
const trailerBytes = 124
const macBytes = 32
const crcBytes = 4
const macFromEnd = macBytes + crcBytes

/** Bytes of a batch beside those of its frames. */
export const batchOverheadBytes: number = headBytes + trailerBytes

export function frameBytes(frames: readonly Frame[]): number {
  let sum = 0
  for (const frame of frames) sum += frameHeadBytes + frame.bytes.length
  return sum
}

/** What `encodeBatch` needs to know beside the frames. The root is written by `writeRoot`, which spares a copy. */
export interface BatchFacts {
  readonly position: WalPosition
  readonly firstSeq: number
  readonly barrier: WalPosition
  readonly previousMac: string
  writeRoot(target: Buffer, offset: number): void
}

/** Encodes batches into one buffer that it keeps, because allocating 1 MiB for each would cost more than the rest. */
export class BatchEncoder {
  #room: Buffer = Buffer.alloc(64 * 1024)
  readonly #authenticator: Authenticator

  constructor(authenticator: Authenticator) {
    this.#authenticator = authenticator
  }

  /** The batch's bytes, valid until the next call, and its MAC. */
  encode(frames: readonly Frame[], facts: BatchFacts): { bytes: Buffer; mac: string } {
    const length = batchOverheadBytes + frameBytes(frames)
    if (this.#room.length < macRoomBytes + length) this.#room = Buffer.alloc(2 * (macRoomBytes + length))
    const bytes = this.#room.subarray(macRoomBytes, macRoomBytes + length)
    const seed = writeHead(bytes, facts.position, frames.length)
    let at = headBytes
    let count = 0
    for (const frame of frames) {
      at = writeFrame(bytes, at, frame, seed)
      if (frame.kind === 'entry') count++
    }
    writeTrailer(bytes, at, count, facts)
    const mac = this.#authenticator.macInRoom(this.#room.subarray(0, macRoomBytes + length - macFromEnd))
    bytes.write(mac, length - macFromEnd, 'hex')
    bytes.writeUInt32BE(crc32c(bytes, at, length - crcBytes, seed), length - crcBytes)
    return { bytes, mac }
  }
}

function writeHead(bytes: Buffer, position: WalPosition, frames: number): number {
  bytes.writeUInt32BE(magic, 0)
  writeSafe(bytes, position.epoch, 4)
  bytes.writeUInt32BE(position.offset, 12)
  bytes.writeUInt32BE(bytes.length, 16)
  bytes.writeUInt32BE(frames, 20)
  const seed = crc32c(bytes, 0, 24)
  bytes.writeUInt32BE(seed, 24)
  return seed
}

function writeTrailer(bytes: Buffer, at: number, count: number, facts: BatchFacts): void {
  writeSafe(bytes, facts.firstSeq, at)
  bytes.writeUInt32BE(count, at + 8)
  writeSafe(bytes, facts.barrier.epoch, at + 12)
  bytes.writeUInt32BE(facts.barrier.offset, at + 20)
  facts.writeRoot(bytes, at + 24)
  bytes.write(facts.previousMac, at + 56, 'hex')
}

/**
 * What stands in a segment's bytes at `offset`. Total: every input gives one of the four answers.
 *
 * @param authenticator absent to read without the key: nothing is `forged` then
 */
export function decodeBatch(segment: Buffer, at: WalPosition, authenticator: Authenticator | undefined): Decoded {
  const { epoch, offset } = at
  if (offset + batchOverheadBytes > segment.length || segment.readUInt32BE(offset) === 0) return { is: 'nothing' }
  const head = segment.subarray(offset, offset + headBytes)
  const length = head.readUInt32BE(16)
  const seed = crc32c(head, 0, 24)
  const isHead = head.readUInt32BE(0) === magic && head.readUInt32BE(24) === seed
  if (!isHead || readSafe(head, 4) !== epoch || head.readUInt32BE(12) !== offset) return { is: 'damaged' }
  if (length < batchOverheadBytes || offset + length > segment.length) return { is: 'damaged' }
  const bytes = segment.subarray(offset, offset + length)
  const batch = readBody(bytes, at, head.readUInt32BE(20), seed)
  if (batch === undefined) return { is: 'damaged' }
  const isOurs = authenticator === undefined || authenticator.mac(bytes.subarray(0, length - macFromEnd)) === batch.mac
  return isOurs ? { is: 'batch', batch } : { is: 'forged' }
}

function readBody(bytes: Buffer, position: WalPosition, frameCount: number, seed: number): Batch | undefined {
  const at = bytes.length - trailerBytes
  const crcAt = bytes.length - crcBytes
  if (crc32c(bytes, at, crcAt, seed) !== bytes.readUInt32BE(crcAt)) return undefined
  const firstSeq = readSafe(bytes, at)
  const count = bytes.readUInt32BE(at + 8)
  const barrierEpoch = readSafe(bytes, at + 12)
  if (firstSeq === undefined || barrierEpoch === undefined) return undefined
  const frames: Frame[] = []
  let entries = 0
  let offset = headBytes
  while (offset < at) {
    const frame = readFrame(bytes, offset, at, seed)
    if (frame === undefined) return undefined
    if (frame.kind === 'entry') entries++
    frames.push(frame)
    offset += frameHeadBytes + frame.bytes.length
  }
  if (frames.length !== frameCount || entries !== count) return undefined
  return {
    position,
    lengthBytes: bytes.length,
    frames,
    firstSeq,
    count,
    root: bytes.subarray(at + 24, at + 56),
    barrier: { epoch: barrierEpoch, offset: bytes.readUInt32BE(at + 20) },
    previousMac: bytes.toString('hex', at + 56, at + 88),
    mac: bytes.toString('hex', at + 88, crcAt),
  }
}

/** Where in `segment` at or after `from` something starts that claims to be a batch of `epoch`, or undefined. */
export function findBatchHead(segment: Buffer, epoch: number, from: number): number | undefined {
  const needle = Buffer.alloc(12)
  needle.writeUInt32BE(magic, 0)
  writeSafe(needle, epoch, 4)
  const at = segment.indexOf(needle, from)
  return at < 0 ? undefined : at
}

function writeSafe(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  bytes.writeUInt32BE(value % 2 ** 32, at + 4)
}

function readSafe(bytes: Buffer, at: number): number | undefined {
  const value = bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
  return Number.isSafeInteger(value) ? value : undefined
}
