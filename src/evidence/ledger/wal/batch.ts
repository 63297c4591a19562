import { digestOf, leafDigest, type Digest } from '../digest.ts'
import type { Authenticator } from './authenticator.ts'
import {
  epochSeedOf,
  frameCodes,
  intentIdBytes,
  intentIdIn,
  placeSeed,
  readFrame,
  tagBytes,
  type FoundFrame,
  type Frame,
} from './frame.ts'
import type { LinkChain } from './link.ts'
import { isAuthentic, readTrailer, type Trailer, type WalPosition } from './trailer.ts'

/**
 * Frames that belong together: what one trailer closes, or at the end of the WAL what none has closed yet. Those of an open
 * batch were written, and may have been answered, but were never promised to be durable.
 */
export interface Batch {
  readonly position: WalPosition
  /** Offset behind it. */
  readonly end: number
  /** Without the trailer. */
  readonly frames: readonly Frame[]
  readonly entries: number
  /** Undefined for an open batch. */
  readonly trailer: Trailer | undefined
}

/** Reads with the key; without it damage is told, but forgery is not. */
export interface WalKey {
  readonly authenticator: Authenticator
  readonly chain: LinkChain
}

/** What stands at a place of a segment. `forged`: undamaged, but not written with the key, or not at this place. */
export type Decoded =
  | { readonly is: 'batch'; readonly batch: Batch }
  | { readonly is: 'nothing' | 'damaged' | 'forged'; readonly open: Batch | undefined; readonly at: number }

/**
 * The batch at `position`; else why there is no whole one, and the good frames that stand before that. Total.
 *
 * @param key its chain goes on from the link before `position`, and ends behind the last good frame
 */
export function readBatch(segment: Buffer, position: WalPosition, key: WalKey | undefined): Decoded {
  const epochSeed = epochSeedOf(position.epoch)
  const frames: Frame[] = []
  let entries = 0
  let at = position.offset
  const batchTo = (end: number, trailer: Trailer | undefined): Batch => ({ position, end, frames, entries, trailer })
  const stop = (is: 'nothing' | 'damaged' | 'forged'): Decoded => {
    return { is, open: frames.length === 0 ? undefined : batchTo(at, undefined), at }
  }
  for (;;) {
    const frame = readFrame(segment, at, placeSeed(epochSeed, at))
    if (frame === undefined) return stop(isBlank(segment, at) ? 'nothing' : 'damaged')
    if (frame.kind === 'trailer') {
      const trailer = readTrailer(frame.bytes, { epoch: position.epoch, offset: at })
      if (trailer === undefined || trailer.count !== entries || !isOurTrailer(trailer, frame, key))
        return stop('forged')
      return { is: 'batch', batch: batchTo(frame.end, trailer) }
    }
    const digest = key && digestIn(frame)
    if (!isOurs(frame, digest, key)) return stop('forged')
    if (isEntry(frame)) entries++
    frames.push({ kind: frame.kind, bytes: frame.bytes, leaf: isEntry(frame) ? digest : undefined })
    at = frame.end
  }
}

function isBlank(segment: Buffer, at: number): boolean {
  return at + 4 > segment.length || segment.readUInt32BE(at) === 0
}

/** An undamaged frame was written whole, so one without its id or its tag was not written by Kestrel. */
function isOurs({ kind, bytes, tag }: FoundFrame, digest: Digest | undefined, key: WalKey | undefined): boolean {
  const id = kind === 'settle' || kind === 'intent' ? intentIdIn(bytes) : 0
  if (id === undefined) return false
  if (key === undefined || digest === undefined) return true
  return key.chain.next(frameCodes[kind], kind === 'settle' ? id : 0, digest).slice(0, tagBytes) === tag
}

function isEntry({ kind }: Frame): boolean {
  return kind === 'entry' || kind === 'settle'
}

/** What a frame's link is made from: the leaf hash of an entry, else the hash of the content. */
function digestIn(frame: Frame): Digest {
  return isEntry(frame) ? leafDigest(entryText(frame)) : digestOf(frame.bytes)
}

/** The entry in an `entry` or `settle` frame. */
export function entryText({ kind, bytes }: Frame): string {
  return bytes.toString('utf8', kind === 'settle' ? intentIdBytes : 0)
}

function isOurTrailer(trailer: Trailer, frame: FoundFrame, key: WalKey | undefined): boolean {
  if (key === undefined) return true
  if (trailer.previousLink !== key.chain.last || frame.tag !== trailer.mac.slice(0, tagBytes)) return false
  if (!isAuthentic(frame.bytes, key.authenticator)) return false
  key.chain.restart(trailer.mac)
  return true
}
