import { join } from 'node:path'
import { KernelError } from '../../../base/errors.ts'
import { limits } from '../../../base/limits.ts'
import { readOwn } from '../../../base/own-file.ts'
import { digestFromHex, zeroDigest, type Digest } from '../digest.ts'
import { namesIn } from '../file-layer.ts'
import { savedSize } from '../log-state.ts'
import type { Authenticator } from './authenticator.ts'
import { readBatch, type Batch, type WalKey } from './batch.ts'
import { LinkChain } from './link.ts'
import { decodeHeader, segmentEpoch, segmentHeaderBytes, segmentName, type SegmentHeader } from './segment.ts'
import { findTrailer, isAuthentic, type WalPosition } from './trailer.ts'
import type { LiveSegment, WalResume } from './wal.ts'

/** What the end of a WAL holds. */
export interface WalScan {
  /** In order, from the start of the newest segment that starts at or before the published size; the last may be open. */
  readonly batches: readonly Batch[]
  readonly resume: WalResume
  /** What must be wiped before writing goes on; undefined where nothing stands there. */
  readonly tail: Tail | undefined
}

/** What stands behind the last good frame. */
export interface Tail {
  readonly path: string
  readonly offset: number
  /** Size of the file. */
  readonly endOffset: number
  /** Segments behind it, which may hold remains of what was never durable. */
  readonly leftovers: readonly string[]
  /** Whether something was cut off, as far as one can tell. */
  readonly isTorn: boolean
}

export interface ScanOptions {
  /** `…/ledger/wal` */
  readonly directory: string
  readonly origin: string
  /** Absent to read without the key: damage is told, forgery not. */
  readonly authenticator: Authenticator | undefined
  /** Entries that the published files hold. */
  readonly publishedSize: number
}

interface Segment {
  readonly epoch: number
  readonly path: string
  readonly bytes: Buffer
  /** Undefined while the segment is not in use. */
  readonly header: SegmentHeader | undefined
  /** The tree size that its first batch states, or undefined when that batch is no state. */
  readonly startSize: number | undefined
}

const segmentMaxBytes = 67_108_864

/**
 * Reads the end of the WAL, checks every frame, and tells a torn tail from damage.
 *
 * A place that does not hold a good frame is the end. It is damage when a later good trailer, or the header of a later
 * segment, says that more than this was durable; else the tail was never acknowledged as durable, and is dropped.
 *
 * @returns undefined when nothing was ever written
 * @throws KernelError LEDGER_CORRUPT naming file and offset
 */
export async function scanWal(options: ScanOptions): Promise<WalScan | undefined> {
  const names = await namesIn(options.directory)
  const epochs = names.flatMap((name) => segmentEpoch(name) ?? []).sort((a, b) => a - b)
  if (epochs.length > limits.walSegments)
    throw corrupt(options.directory, 0, 'it holds more segments than Kestrel makes')
  const segments: Segment[] = []
  for (const epoch of epochs.toReversed()) {
    const segment = readSegment(epoch, options)
    segments.unshift(segment)
    if (segment.startSize !== undefined && segment.startSize <= options.publishedSize) break
  }
  const first = segments[0]
  if (first?.startSize === undefined || first.startSize > options.publishedSize) {
    return nothingWritten(segments, options)
  }
  const free = epochs.slice(0, epochs.length - segments.length).map((epoch) => pathOf(epoch, options))
  return walk(segments, free, options)
}

function readSegment(epoch: number, options: ScanOptions): Segment {
  const path = pathOf(epoch, options)
  const bytes = readOwn(path, segmentMaxBytes) ?? Buffer.alloc(0)
  const header = decodeHeader(bytes, epoch, options.origin, options.authenticator)
  const key = keyOf(options)
  if (header !== undefined) key?.chain.restart(digestFromHex(header.previousMac))
  const first = header === undefined ? undefined : readBatch(bytes, { epoch, offset: segmentHeaderBytes }, key)
  const startSize = first?.is === 'batch' ? savedSize(first.batch.frames) : undefined
  return { epoch, path, bytes, header, startSize }
}

function keyOf({ authenticator }: ScanOptions): WalKey | undefined {
  return authenticator && { authenticator, chain: new LinkChain(authenticator) }
}

function pathOf(epoch: number, options: ScanOptions): string {
  return join(options.directory, segmentName(epoch))
}

function nothingWritten(segments: readonly Segment[], options: ScanOptions): undefined {
  const path = segments[0]?.path ?? options.directory
  assertNothingDurable({ epoch: 0, offset: 0 }, path, segments, options)
  if (segments.some(({ startSize }) => startSize !== undefined)) {
    throw corrupt(path, 0, 'the segments before it are missing')
  }
  return undefined
}

/** What was read of the segments in use. */
interface Walked {
  readonly batches: readonly Batch[]
  readonly live: readonly LiveSegment[]
  readonly end: WalPosition
  readonly lastLink: Digest
  /** Whether bytes stand at the end that are no frame. */
  readonly isTorn: boolean
}

function walk(segments: readonly Segment[], free: readonly string[], options: ScanOptions): WalScan {
  const used = segments.findLastIndex(({ startSize }) => startSize !== undefined)
  const walked = readSegments(segments.slice(0, used + 1), options)
  const { batches, live, end, lastLink } = walked
  const last = segments[used] as Segment
  const later = segments.slice(used + 1)
  const tail = tailOf(walked, last, later, options)
  const next = later[0]
  const isNext = next?.epoch === end.epoch + 1 && next.bytes.length === last.bytes.length
  const unclosed = batches.at(-1)
  const open =
    unclosed === undefined || unclosed.trailer !== undefined
      ? { frames: 0, entries: 0 }
      : { frames: unclosed.frames.length, entries: unclosed.entries }
  return {
    batches,
    resume: { live, end, lastLink, open, free, nextIsThere: isNext && tail?.leftovers.includes(next.path) !== true },
    tail,
  }
}

function readSegments(segments: readonly Segment[], options: ScanOptions): Walked {
  const key = keyOf(options)
  const batches: Batch[] = []
  const live: LiveSegment[] = []
  let end: WalPosition = { epoch: 0, offset: 0 }
  let isTorn = false
  for (const [index, segment] of segments.entries()) {
    const { header, startSize, epoch, bytes, path } = segment
    if (header === undefined || startSize === undefined) throw corrupt(path, 0, 'its start is damaged')
    const before = segments[index - 1]
    if (before === undefined) key?.chain.restart(digestFromHex(header.previousMac))
    else assertFollows(before, end, key?.chain.last, segment, header, options)
    end = { epoch, offset: segmentHeaderBytes }
    for (;;) {
      const read = readBatch(bytes, end, key)
      const batch = read.is === 'batch' ? read.batch : read.open
      if (batch !== undefined) {
        batches.push(batch)
        end = { epoch, offset: batch.end }
      }
      if (read.is === 'forged') throw corrupt(path, read.at, 'what stands there was not written with the key')
      isTorn = read.is === 'damaged'
      if (read.is !== 'batch') break
    }
    live.push({ epoch, startSize })
  }
  return { batches, live, end, lastLink: key?.chain.last ?? zeroDigest, isTorn }
}

/** A header is written after the segment before it was synced whole, and says where that ended. */
function assertFollows(
  before: Segment,
  end: WalPosition,
  lastLink: Digest | undefined,
  segment: Segment,
  header: SegmentHeader,
  options: ScanOptions,
): void {
  if (segment.epoch !== before.epoch + 1) throw corrupt(pathOf(before.epoch + 1, options), 0, 'the segment is missing')
  const isLinked = lastLink === undefined || digestFromHex(header.previousMac) === lastLink
  if (header.previousEnd !== end.offset || !isLinked) {
    throw corrupt(before.path, end.offset, 'more than this was on stable storage')
  }
}

/**
 * Bytes of this very epoch may stand behind a hole that a power loss left, here or in the segment that was prepared next. They
 * would look like forgery once writing had come to them, so all that is not blank behind the end is wiped or removed.
 */
function tailOf(walked: Walked, last: Segment, later: readonly Segment[], options: ScanOptions): Tail | undefined {
  const { end, isTorn } = walked
  const isMore = assertNothingDurable(end, last.path, [last, ...later], options)
  const leftovers = later.filter(({ bytes }) => !isBlankFrom(bytes, 0)).map(({ path }) => path)
  if (leftovers.length === 0 && isBlankFrom(last.bytes, end.offset)) return undefined
  const { path, bytes } = last
  return { path, offset: end.offset, endOffset: bytes.length, leftovers, isTorn: isTorn || isMore }
}

const blank = Buffer.alloc(65_536)

function isBlankFrom(bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; at += blank.length) {
    const end = Math.min(at + blank.length, bytes.length)
    if (bytes.compare(blank, 0, end - at, at, end) !== 0) return false
  }
  return true
}

/**
 * Whether trailers stand behind `end`.
 *
 * @throws KernelError LEDGER_CORRUPT when one proves that what was durable is missing at `end`, or was not written with the key
 */
function assertNothingDurable(
  end: WalPosition,
  endPath: string,
  segments: readonly Segment[],
  options: ScanOptions,
): boolean {
  let isMore = false
  for (const { epoch, path, bytes } of segments) {
    let found = findTrailer(bytes, epoch, epoch === end.epoch ? end.offset : 0)
    for (; found !== undefined; found = findTrailer(bytes, epoch, found.offset + 1)) {
      isMore = true
      if (options.authenticator !== undefined && !isAuthentic(found.content, options.authenticator)) {
        throw corrupt(path, found.offset, 'what stands there was not written with the key')
      }
      if (isBehind(found.trailer.barrier, end))
        throw corrupt(endPath, end.offset, 'more than this was on stable storage')
    }
  }
  return isMore
}

function isBehind(a: WalPosition, b: WalPosition): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.offset > b.offset)
}

function corrupt(path: string, offset: number, why: string): KernelError<'LEDGER_CORRUPT'> {
  const advice =
    'keep a copy, then restore the data directory from a backup; what is published still verifies with `kestrel verify`'
  return new KernelError('LEDGER_CORRUPT', `\`${path}\` at offset ${offset}: ${why}; ${advice}`)
}
