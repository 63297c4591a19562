import { digestAt, digestFromHex, putDigest, type Digest } from '../digest.ts'
import type { Authenticator } from './authenticator.ts'
import { frameHeadBytes, readFrame, epochSeedOf, placeSeed } from './frame.ts'

/** A place in the WAL: a segment and an offset in it. */
export interface WalPosition {
  readonly epoch: number
  readonly offset: number
}

/**
 * What ends a batch: magic (4) ‖ epoch (8) ‖ offset of the trailer's frame (4) ‖ first seq (8) ‖ number of entries (4) ‖ durable
 * barrier: epoch (8), offset (4) ‖ root after the batch (32) ‖ link before the trailer (32) ‖ HMAC-SHA256 of all this (32).
 *
 * It holds its own place, so that one behind a damaged stretch can be found and believed by itself.
 */
export interface Trailer {
  /** The tree size before the batch. */
  readonly firstSeq: number
  /** Entries in the batch. */
  readonly count: number
  /** Everything before this place was on stable storage when the trailer was written. */
  readonly barrier: WalPosition
  readonly root: Digest
  /** The link of the frame before, so that the HMAC covers every frame of the batch. */
  readonly previousLink: Digest
  /** The chain goes on from here. */
  readonly mac: Digest
}

export const trailerBytes = 136
export const trailerFrameBytes: number = frameHeadBytes + trailerBytes

const magic = 0x4b_57_54_32
const epochAt = 4
const offsetAt = 12
const firstSeqAt = 16
const countAt = 24
const barrierAt = 28
const rootAt = 40
const linkAt = 72
const macAt = 104

/** Writes the content of the trailer whose frame starts at `position`; returns its MAC. */
export function writeTrailer(
  target: Buffer,
  at: number,
  position: WalPosition,
  trailer: Omit<Trailer, 'mac'>,
  authenticator: Authenticator,
): Digest {
  target.writeUInt32BE(magic, at)
  writePosition(target, at + epochAt, position)
  writeSafe(target, trailer.firstSeq, at + firstSeqAt)
  target.writeUInt32BE(trailer.count, at + countAt)
  writePosition(target, at + barrierAt, trailer.barrier)
  putDigest(target, at + rootAt, trailer.root)
  putDigest(target, at + linkAt, trailer.previousLink)
  const mac = digestFromHex(authenticator.mac(target.subarray(at, at + macAt)))
  putDigest(target, at + macAt, mac)
  return mac
}

/** What a trailer's content says, or undefined when it is none of this place. Total; the MAC is judged by `isAuthentic`. */
export function readTrailer(content: Buffer, position: WalPosition): Trailer | undefined {
  if (content.length !== trailerBytes || content.readUInt32BE(0) !== magic) return undefined
  const place = readPosition(content, epochAt)
  if (place?.epoch !== position.epoch || place.offset !== position.offset) return undefined
  const firstSeq = readSafe(content, firstSeqAt)
  const barrier = readPosition(content, barrierAt)
  if (firstSeq === undefined || barrier === undefined) return undefined
  return {
    firstSeq,
    count: content.readUInt32BE(countAt),
    barrier,
    root: digestAt(content, rootAt),
    previousLink: digestAt(content, linkAt),
    mac: digestAt(content, macAt),
  }
}

export function isAuthentic(content: Buffer, authenticator: Authenticator): boolean {
  return authenticator.mac(content.subarray(0, macAt)) === content.toString('hex', macAt)
}

/** A trailer somewhere in a segment. */
export interface FoundTrailer {
  readonly offset: number
  readonly content: Buffer
  readonly trailer: Trailer
}

/** The first undamaged trailer of `epoch` whose frame starts at or after `from`, or undefined. Linear in the segment. */
export function findTrailer(segment: Buffer, epoch: number, from: number): FoundTrailer | undefined {
  const needle = Buffer.alloc(12)
  needle.writeUInt32BE(magic, 0)
  writeSafe(needle, epoch, epochAt)
  const epochSeed = epochSeedOf(epoch)
  for (let at = segment.indexOf(needle, from + frameHeadBytes); at >= 0; at = segment.indexOf(needle, at + 1)) {
    const offset = at - frameHeadBytes
    const isWhole = at + trailerBytes <= segment.length
    // The length is looked at first: a checksum runs over this many bytes and no more.
    if (!isWhole || segment.readUInt32BE(offset) % 0x100_0000 !== trailerBytes) continue
    const frame = readFrame(segment, offset, placeSeed(epochSeed, offset))
    const trailer = frame?.kind === 'trailer' ? readTrailer(frame.bytes, { epoch, offset }) : undefined
    if (frame !== undefined && trailer !== undefined) return { offset, content: frame.bytes, trailer }
  }
  return undefined
}

function writePosition(bytes: Buffer, at: number, { epoch, offset }: WalPosition): void {
  writeSafe(bytes, epoch, at)
  bytes.writeUInt32BE(offset, at + offsetAt - epochAt)
}

function readPosition(bytes: Buffer, at: number): WalPosition | undefined {
  const epoch = readSafe(bytes, at)
  return epoch === undefined ? undefined : { epoch, offset: bytes.readUInt32BE(at + offsetAt - epochAt) }
}

function writeSafe(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  bytes.writeUInt32BE(value % 2 ** 32, at + 4)
}

function readSafe(bytes: Buffer, at: number): number | undefined {
  const value = bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
  return Number.isSafeInteger(value) ? value : undefined
}
