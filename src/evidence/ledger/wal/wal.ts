import { join } from 'node:path'
import { KernelError } from '../../../base/errors.ts'
import { digestToHex, zeroDigest, type Digest } from '../digest.ts'
import type { FileLayer } from '../file-layer.ts'
import type { Authenticator } from './authenticator.ts'
import { BatchWriter, type OpenBatch, type TreeFacts } from './batch-writer.ts'
import { frameHeadBytes, type Frame } from './frame.ts'
import { LinkChain } from './link.ts'
import { encodeHeader, segmentHeaderBytes, segmentName } from './segment.ts'
import { trailerFrameBytes, type WalPosition } from './trailer.ts'

/** A segment in use, and the tree size at its start. */
export interface LiveSegment {
  readonly epoch: number
  readonly startSize: number
}

/** Where writing goes on. */
export interface WalResume {
  /** Segments in use, oldest first; the last is the one that is written. Empty for a new WAL. */
  readonly live: readonly LiveSegment[]
  /** Behind the last good frame. */
  readonly end: WalPosition
  /** That frame's link. */
  readonly lastLink: Digest
  /** Frames behind the last trailer. */
  readonly open: OpenBatch
  /** Paths of segments that hold nothing anybody needs. */
  readonly free: readonly string[]
  /** Whether the segment of the next epoch already lies there under its name. */
  readonly nextIsThere: boolean
}

export interface WalOptions {
  /** `…/ledger/wal` */
  readonly directory: string
  readonly origin: string
  readonly authenticator: Authenticator
  readonly files: FileLayer
  readonly segmentBytes: number
  readonly resume: WalResume
}

/** Segments kept for reuse beyond the prepared one; making one costs a write of its whole size. */
const spareSegments = 1

/**
 * The write-ahead log: frames in batches, in preallocated segments. It neither queues nor retries: any failed write or sync is
 * final, because after a failed fdatasync nobody knows what is on the disk.
 *
 * @see https://www.usenix.org/conference/atc20/presentation/rebello (what file systems do after a failed fsync)
 */
export class Wal {
  readonly #options: WalOptions
  readonly #batch: BatchWriter
  #live: LiveSegment[]
  #free: string[]
  #fd: number | undefined
  #epoch: number
  /** Where what is written ends. */
  #offset: number
  #durable: WalPosition
  #syncing: Promise<void> | undefined
  /** The segment that is made ready, until it is taken. */
  #next: Promise<number> | undefined

  constructor(options: WalOptions) {
    const { resume } = options
    this.#options = options
    this.#batch = new BatchWriter(options.authenticator, new LinkChain(options.authenticator))
    this.#batch.resume(resume.end, resume.lastLink, resume.open)
    this.#live = [...resume.live]
    this.#free = [...resume.free]
    this.#epoch = resume.end.epoch
    this.#offset = resume.end.offset
    this.#durable = resume.end
    if (resume.live.length > 0) this.#fd = options.files.open(this.#pathOf(this.#epoch), false)
    this.#prepareNext(resume.nextIsThere)
  }

  /** Whether everything staged or written is on stable storage. */
  get isDurable(): boolean {
    return this.#batch.stagedBytes === 0 && this.#durable.epoch === this.#epoch && this.#durable.offset === this.#offset
  }

  get stagedBytes(): number {
    return this.#batch.stagedBytes
  }

  /** Whether frames with contents of `contentBytes` in all still fit the segment, with the trailer behind them. */
  fits(frames: number, contentBytes: number): boolean {
    if (this.#fd === undefined) return false
    const end = this.#offset + this.#batch.stagedBytes + frames * frameHeadBytes + contentBytes
    return end + trailerFrameBytes <= this.#options.segmentBytes
  }

  /** Stages an entry. It must fit. @param settles id of the intent that it ends, or 0 */
  addEntry(text: string, leaf: Digest, settles: number): void {
    this.#batch.addEntry(text, leaf, settles)
  }

  /** Stages an intent or a checkpoint. It must fit. */
  addFrame(frame: Frame): void {
    this.#batch.addFrame(frame)
  }

  /** Stages what recovery can start from, in a batch of its own. */
  addState(frames: readonly Frame[], tree: TreeFacts): void {
    this.closeBatch(tree)
    for (const frame of frames) this.#batch.addFrame(frame)
    this.closeBatch(tree)
  }

  /** Stages the trailer of the open batch, if there is one. */
  closeBatch(tree: TreeFacts): void {
    this.#batch.close(tree, this.#durable)
  }

  /** Puts what is staged into the segment, by one write. */
  write(): void {
    if (this.#batch.stagedBytes === 0) return
    if (this.#fd === undefined) throw new KernelError('LEDGER_UNWRITABLE', 'the WAL is closed')
    this.#options.files.write(this.#fd, this.#batch.staged(), this.#offset)
    this.#offset += this.#batch.stagedBytes
    this.#batch.written()
  }

  /** Resolves when all that was written before the call is on stable storage. One sync at a time, shared by all who wait. */
  async sync(): Promise<void> {
    while (this.#syncing !== undefined) await this.#syncing
    if (this.#fd === undefined || this.#isWrittenDurable()) return
    const reached = { epoch: this.#epoch, offset: this.#offset }
    const done = this.#options.files.sync(this.#fd).then(() => {
      this.#durable = reached
    })
    this.#syncing = done.finally(() => {
      this.#syncing = undefined
    })
    await this.#syncing
  }

  #isWrittenDurable(): boolean {
    return this.#durable.epoch === this.#epoch && this.#durable.offset === this.#offset
  }

  /** Goes on in a new segment that starts with `frames`: a state. Nothing may be added meanwhile. */
  async roll(frames: readonly Frame[], tree: TreeFacts): Promise<void> {
    const next = await this.#next
    if (next === undefined) throw new KernelError('LEDGER_UNWRITABLE', 'no segment is ready')
    this.closeBatch(tree)
    this.write()
    while (!this.#isWrittenDurable() || this.#syncing !== undefined) await this.sync()
    // Taken before it is written: whatever fails then, it is closed once.
    this.#next = undefined
    this.#enter(next, frames, tree)
    this.#prepareNext(false)
  }

  #prepareNext(isThere: boolean): void {
    this.#next = this.#prepare(isThere)
    this.#next.catch(() => undefined)
  }

  #enter(fd: number, frames: readonly Frame[], tree: TreeFacts): void {
    const { files, origin, authenticator, segmentBytes } = this.#options
    const previousEnd = this.#fd === undefined ? 0 : this.#offset
    if (this.#fd !== undefined) files.close(this.#fd)
    this.#fd = fd
    this.#epoch++
    this.#offset = 0
    const previousMac = digestToHex(this.#batch.lastLink)
    const header = { epoch: this.#epoch, sizeBytes: segmentBytes, previousEnd, previousMac }
    this.#batch.beginSegment(this.#epoch, encodeHeader(header, origin, authenticator))
    this.addState(frames, tree)
    if (this.#batch.stagedBytes > segmentBytes) {
      throw new KernelError('LEDGER_UNWRITABLE', 'what must start a segment does not fit one')
    }
    this.write()
    this.#live.push({ epoch: this.#epoch, startSize: tree.size })
  }

  /** Frees the segments that recovery will not need once `publishedSize` entries are in published, synced files. */
  async release(publishedSize: number): Promise<void> {
    const isStart = (segment: LiveSegment): boolean =>
      segment.startSize <= publishedSize && (segment.epoch < this.#epoch || this.#isStartDurable())
    const start = this.#live.findLastIndex(isStart)
    for (const { epoch } of this.#live.splice(0, Math.max(start, 0))) this.#free.push(this.#pathOf(epoch))
    for (const path of this.#free.splice(spareSegments)) await this.#options.files.remove(path)
  }

  #isStartDurable(): boolean {
    return this.#durable.epoch === this.#epoch && this.#durable.offset > segmentHeaderBytes
  }

  /** Makes the next segment ready off the write path, from a free one where there is one. */
  async #prepare(isThere: boolean): Promise<number> {
    const { files, segmentBytes } = this.#options
    const path = this.#pathOf(this.#epoch + 1)
    const free = isThere ? undefined : this.#free.shift()
    if (free !== undefined) await files.move(free, path)
    else if (!isThere) await files.zeros(path, segmentBytes)
    return files.open(path, false)
  }

  #pathOf(epoch: number): string {
    return join(this.#options.directory, segmentName(epoch))
  }

  async close(): Promise<void> {
    await this.#syncing?.catch(() => undefined)
    const next = await this.#next?.catch(() => undefined)
    if (next !== undefined) this.#options.files.close(next)
    if (this.#fd !== undefined) this.#options.files.close(this.#fd)
    this.#next = undefined
    this.#fd = undefined
  }
}

export const newWal: WalResume = {
  live: [],
  end: { epoch: 0, offset: 0 },
  lastLink: zeroDigest,
  open: { frames: 0, entries: 0 },
  free: [],
  nextIsThere: false,
}
