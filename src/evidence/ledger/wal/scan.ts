import { join } from 'node:path'
import { KernelError } from '../../../base/errors.ts'
import { limits } from '../../../base/limits.ts'
import { readOwn } from '../../../base/own-file.ts'
import { namesIn } from '../file-layer.ts'
import { savedSize } from '../log-state.ts'
import type { Authenticator } from './authenticator.ts'
import { decodeBatch, findBatchHead, type Batch, type WalPosition } from './batch.ts'
import { decodeHeader, segmentEpoch, segmentHeaderBytes, segmentName, type SegmentHeader } from './segment.ts'
import type { LiveSegment, WalResume } from './wal.ts'

/** What the end of a WAL holds. */
export interface WalScan {
  /** In order, from the start of the newest segment that starts at or before the published size. */
  readonly batches: readonly Batch[]
  readonly resume: WalResume
  /** Where a tail that was never durable was cut, with what must be wiped before writing goes on. */
  readonly torn: Torn | undefined
}

export interface Torn {
  readonly path: string
  readonly offset: number
  /** Size of the file. */
  readonly endOffset: number
  /** Prepared segments that hold remains of the tail. */
  readonly leftovers: readonly string[]
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
/** What a search for batches behind a damaged place may read: the heads it tries are not authenticated. */
const searchMaxBytes = 268_435_456

/**
 * Reads the end of the WAL, checks every batch, and tells a torn tail from damage.
 *
 * A place that does not hold a good batch is the end. It is damage when a later good batch, or the header of a later segment,
 * says that more than this was durable; else the tail was never acknowledged as durable, and is dropped.
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
  const at = { epoch, offset: segmentHeaderBytes }
  const decoded = header === undefined ? undefined : decodeBatch(bytes, at, options.authenticator)
  const startSize = decoded?.is === 'batch' ? savedSize(decoded.batch.frames) : undefined
  return { epoch, path, bytes, header, startSize }
}

function pathOf(epoch: number, options: ScanOptions): string {
  return join(options.directory, segmentName(epoch))
}

function nothingWritten(segments: readonly Segment[], options: ScanOptions): undefined {
  const origin = { epoch: 0, offset: 0 }
  const path = segments[0]?.path ?? options.directory
  searchBehind(origin, path, segments, options)
  if (segments.some(({ startSize }) => startSize !== undefined)) {
    throw corrupt(path, 0, 'the segments before it are missing')
  }
  return undefined
}

function walk(segments: readonly Segment[], free: readonly string[], options: ScanOptions): WalScan {
  const batches: Batch[] = []
  const live: LiveSegment[] = []
  const used = segments.findLastIndex(({ startSize }) => startSize !== undefined)
  let end: WalPosition = { epoch: 0, offset: 0 }
  let lastMac: string | undefined
  for (const [index, segment] of segments.slice(0, used + 1).entries()) {
    const { header, startSize } = segment
    if (header === undefined || startSize === undefined) throw corrupt(segment.path, 0, 'its start is damaged')
    const before = segments[index - 1]
    if (before !== undefined) assertFollows(before, end, lastMac, segment, header, options)
    lastMac = header.previousMac
    end = { epoch: segment.epoch, offset: segmentHeaderBytes }
    for (;;) {
      const decoded = decodeBatch(segment.bytes, end, options.authenticator)
      if (decoded.is === 'forged') throw corrupt(segment.path, end.offset, 'a batch there was not written with the key')
      if (decoded.is !== 'batch') break
      if (decoded.batch.previousMac !== lastMac)
        throw corrupt(segment.path, end.offset, 'a batch there is out of order')
      batches.push(decoded.batch)
      lastMac = decoded.batch.mac
      end = { epoch: end.epoch, offset: end.offset + decoded.batch.lengthBytes }
    }
    live.push({ epoch: segment.epoch, startSize })
  }
  const last = segments[used] as Segment
  const torn = findTorn(last, end, segments.slice(used + 1), options)
  const next = segments[used + 1]
  const isNext = next?.epoch === end.epoch + 1 && next.bytes.length === last.bytes.length
  const resume = {
    live,
    end,
    lastMac: lastMac ?? '',
    free,
    nextIsThere: isNext && !torn?.leftovers.includes(next.path),
  }
  return { batches, resume, torn }
}

/** A header is written after the segment before it was synced whole, and says where that ended. */
function assertFollows(
  before: Segment,
  end: WalPosition,
  lastMac: string | undefined,
  segment: Segment,
  header: SegmentHeader,
  options: ScanOptions,
): void {
  if (segment.epoch !== before.epoch + 1) throw corrupt(pathOf(before.epoch + 1, options), 0, 'the segment is missing')
  if (header.previousEnd !== end.offset || header.previousMac !== lastMac) {
    throw corrupt(before.path, end.offset, 'more than this was on stable storage')
  }
}

function findTorn(last: Segment, end: WalPosition, later: readonly Segment[], options: ScanOptions): Torn | undefined {
  const leftovers = searchBehind(end, last.path, [last, ...later], options)
  const isClean = leftovers.length === 0 && decodeBatch(last.bytes, end, undefined).is === 'nothing'
  if (isClean) return undefined
  const others = leftovers.filter((path) => path !== last.path)
  return { path: last.path, offset: end.offset, endOffset: last.bytes.length, leftovers: others }
}

/** Paths of segments that hold something like a batch behind `end`. @throws KernelError LEDGER_CORRUPT when one proves that `end` is damage */
function searchBehind(end: WalPosition, endPath: string, segments: readonly Segment[], options: ScanOptions): string[] {
  const found: string[] = []
  let searched = 0
  for (const { epoch, path, bytes } of segments) {
    let at = findBatchHead(bytes, epoch, epoch === end.epoch ? end.offset : 0)
    if (at !== undefined) found.push(path)
    for (; at !== undefined; at = findBatchHead(bytes, epoch, at + 1)) {
      const decoded = decodeBatch(bytes, { epoch, offset: at }, options.authenticator)
      if (decoded.is === 'forged') throw corrupt(path, at, 'a batch there was not written with the key')
      if (decoded.is === 'batch' && isBehind(decoded.batch.barrier, end)) {
        throw corrupt(endPath, end.offset, 'more than this was on stable storage')
      }
      searched += at + 28 <= bytes.length ? Math.min(bytes.readUInt32BE(at + 16), bytes.length) : 0
      if (searched > searchMaxBytes) throw corrupt(path, at, 'there is more of it than Kestrel writes')
    }
  }
  return found
}

function isBehind(a: WalPosition, b: WalPosition): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.offset > b.offset)
}

function corrupt(path: string, offset: number, why: string): KernelError<'LEDGER_CORRUPT'> {
  const advice =
    'keep a copy, then restore the data directory from a backup; what is published still verifies with `kestrel verify`'
  return new KernelError('LEDGER_CORRUPT', `\`${path}\` at offset ${offset}: ${why}; ${advice}`)
}
