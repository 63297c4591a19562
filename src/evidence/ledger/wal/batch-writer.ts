import { digestOf, type Digest } from '../digest.ts'
import type { Authenticator } from './authenticator.ts'
import {
  epochSeedOf,
  frameCodes,
  frameHeadBytes,
  intentIdBytes,
  placeSeed,
  writeFrameHead,
  writeIntentId,
  type Frame,
  type FrameKind,
} from './frame.ts'
import type { LinkChain } from './link.ts'
import { trailerBytes, writeTrailer, type WalPosition } from './trailer.ts'

/** What a trailer says of the tree. */
export interface TreeFacts {
  /** Entries in the tree, those of the batch included. */
  readonly size: number
  /** The root after the batch. */
  root(): Digest
}

/** A batch that has no trailer yet. */
export interface OpenBatch {
  readonly frames: number
  readonly entries: number
}

const startBytes = 65_536
/** UTF-8 takes at most so many bytes for each UTF-16 unit. */
const bytesPerUnit = 3

/**
 * Encodes frames and trailers into one buffer that it keeps, on their way to one write: allocating for each would cost more
 * than the rest. It knows where in the WAL they will stand and how the chain goes on, and nothing of files.
 */
export class BatchWriter {
  readonly #authenticator: Authenticator
  readonly #chain: LinkChain
  #room: Buffer = Buffer.allocUnsafeSlow(startBytes)
  #used = 0
  #epoch = 0
  #epochSeed = 0
  /** Offset in the segment of what is staged first. */
  #base = 0
  #frames = 0
  #entries = 0

  constructor(authenticator: Authenticator, chain: LinkChain) {
    this.#authenticator = authenticator
    this.#chain = chain
  }

  /** Where the next frame will stand. */
  get end(): WalPosition {
    return { epoch: this.#epoch, offset: this.#base + this.#used }
  }

  get stagedBytes(): number {
    return this.#used
  }

  get hasOpenBatch(): boolean {
    return this.#frames > 0
  }

  get lastLink(): Digest {
    return this.#chain.last
  }

  /** Goes on behind what a WAL holds. */
  resume(end: WalPosition, link: Digest, open: OpenBatch): void {
    this.#moveTo(end)
    this.#chain.restart(link)
    this.#frames = open.frames
    this.#entries = open.entries
  }

  /** Starts a segment with its header. Nothing may be staged or open. */
  beginSegment(epoch: number, header: Uint8Array): void {
    this.#moveTo({ epoch, offset: 0 })
    this.#need(header.length)
    this.#room.set(header)
    this.#used = header.length
  }

  #moveTo({ epoch, offset }: WalPosition): void {
    this.#epoch = epoch
    this.#epochSeed = epochSeedOf(epoch)
    this.#base = offset
  }

  /** @param settles id of the intent that the entry ends, or 0 */
  addEntry(text: string, leaf: Digest, settles: number): void {
    this.#need(frameHeadBytes + intentIdBytes + bytesPerUnit * text.length)
    const start = this.#used + frameHeadBytes
    const at = settles > 0 ? writeIntentId(this.#room, start, settles) : start
    const end = at + this.#room.write(text, at)
    this.#add(settles > 0 ? 'settle' : 'entry', end - start, settles, leaf)
    this.#entries++
  }

  addFrame({ kind, bytes }: Frame): void {
    this.#need(frameHeadBytes + bytes.length)
    this.#room.set(bytes, this.#used + frameHeadBytes)
    this.#add(kind, bytes.length, 0, digestOf(bytes))
  }

  #add(kind: FrameKind, length: number, settles: number, digest: Digest): void {
    this.#finish(kind, length, this.#chain.next(frameCodes[kind], settles, digest))
    this.#frames++
  }

  /** Ends the open batch, if there is one. */
  close({ size, root }: TreeFacts, barrier: WalPosition): void {
    if (this.#frames === 0) return
    this.#need(frameHeadBytes + trailerBytes)
    const facts = {
      firstSeq: size - this.#entries,
      count: this.#entries,
      barrier,
      root: root(),
      previousLink: this.#chain.last,
    }
    const mac = writeTrailer(this.#room, this.#used + frameHeadBytes, this.end, facts, this.#authenticator)
    this.#finish('trailer', trailerBytes, mac)
    this.#chain.restart(mac)
    this.#frames = 0
    this.#entries = 0
  }

  #finish(kind: FrameKind, length: number, link: Digest): void {
    const place = placeSeed(this.#epochSeed, this.#base + this.#used)
    writeFrameHead(this.#room, this.#used, kind, length, link, place)
    this.#used += frameHeadBytes + length
  }

  #need(bytes: number): void {
    if (this.#used + bytes <= this.#room.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.#used + bytes))
    this.#room.copy(larger, 0, 0, this.#used)
    this.#room = larger
  }

  /** What is staged, valid until more is added. */
  staged(): Buffer {
    return this.#room.subarray(0, this.#used)
  }

  /** What was staged stands in the segment. */
  written(): void {
    this.#base += this.#used
    this.#used = 0
  }
}
