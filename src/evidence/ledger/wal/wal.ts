import { join } from 'node:path'
import { KernelError } from '../../../base/errors.ts'
import type { FileLayer } from '../file-layer.ts'
import type { Authenticator } from './authenticator.ts'
import { BatchEncoder, batchOverheadBytes, frameBytes, type WalPosition } from './batch.ts'
import type { Frame } from './frame.ts'
import { encodeHeader, noMac, segmentHeaderBytes, segmentName } from './segment.ts'

/** A segment in use, and the tree size at its start. */
export interface LiveSegment {
  readonly epoch: number
  readonly startSize: number
}

/** Where writing goes on. */
export interface WalResume {
  /** Segments in use, oldest first; the last is the one that is written. Empty for a new WAL. */
  readonly live: readonly LiveSegment[]
  /** Behind the last good batch. */
  readonly end: WalPosition
  /** MAC of the last good batch, 64 hex. */
  readonly lastMac: string
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

/** What a batch says of the tree. */
export interface TreeFacts {
  /** The tree size before the batch. */
  readonly firstSeq: number
  /** Writes the 32 bytes of the root after the batch. */
  writeRoot(target: Buffer, offset: number): void
}

/** Segments kept for reuse beyond the prepared one; making one costs a write of its whole size. */
const spareSegments = 1

/**
 * The write-ahead log: batches appended to fixed-size segments. It neither queues nor retries: any failed write or sync is
 * final, because after a failed fdatasync nobody knows what is on the disk.
 *
 * @see https://www.usenix.org/conference/atc20/presentation/rebello (what file systems do after a failed fsync)
 */
export class Wal {
  readonly #options: WalOptions
  readonly #encoder: BatchEncoder
  #live: LiveSegment[]
  #free: string[]
  #fd: number | undefined
  #epoch: number
  #offset: number
  #lastMac: string
  #durable: WalPosition
  #syncing: Promise<void> | undefined
  #next: Promise<number>

  constructor(options: WalOptions) {
    const { resume } = options
    this.#options = options
    this.#encoder = new BatchEncoder(options.authenticator)
    this.#live = [...resume.live]
    this.#free = [...resume.free]
    this.#epoch = resume.end.epoch
    this.#offset = resume.end.offset
    this.#lastMac = resume.lastMac
    this.#durable = resume.end
    if (resume.live.length > 0) this.#fd = options.files.open(this.#pathOf(this.#epoch), false)
    this.#next = this.#prepare(resume.nextIsThere)
    this.#next.catch(() => undefined)
  }

  /** Whether everything written is on stable storage. */
  get isDurable(): boolean {
    return this.#durable.epoch === this.#epoch && this.#durable.offset === this.#offset
  }

  /** What the frames of the next batch may take, their heads included, in the segment that is being written. */
  get roomBytes(): number {
    if (this.#fd === undefined) return 0
    return Math.max(0, this.#options.segmentBytes - this.#offset - batchOverheadBytes)
  }

  /** Appends one batch, by one write. It must fit. */
  write(frames: readonly Frame[], tree: TreeFacts): void {
    if (this.#fd === undefined) throw new KernelError('LEDGER_UNWRITABLE', 'the WAL is closed')
    const { bytes, mac } = this.#encode(frames, tree)
    this.#options.files.write(this.#fd, bytes, this.#offset)
    this.#offset += bytes.length
    this.#lastMac = mac
  }

  #encode(frames: readonly Frame[], tree: TreeFacts): { bytes: Buffer; mac: string } {
    return this.#encoder.encode(frames, {
      position: { epoch: this.#epoch, offset: this.#offset },
      firstSeq: tree.firstSeq,
      barrier: this.#durable,
      previousMac: this.#lastMac,
      writeRoot: tree.writeRoot,
    })
  }

  /** Resolves when all that was written before the call is on stable storage. One sync at a time, shared by all who wait. */
  async sync(): Promise<void> {
    while (this.#syncing !== undefined) await this.#syncing
    if (this.#fd === undefined || this.isDurable) return
    const reached = { epoch: this.#epoch, offset: this.#offset }
    const done = this.#options.files.sync(this.#fd).then(() => {
      this.#durable = reached
    })
    this.#syncing = done.finally(() => {
      this.#syncing = undefined
    })
    await this.#syncing
  }

  /** Goes on in a new segment that starts with `frames`: a state. No batch may be written meanwhile. */
  async roll(frames: readonly Frame[], tree: TreeFacts): Promise<void> {
    const next = await this.#next
    while (!this.isDurable || this.#syncing !== undefined) await this.sync()
    this.#enter(next, frames, tree)
    this.#next = this.#prepare(false)
    this.#next.catch(() => undefined)
  }

  #enter(fd: number, frames: readonly Frame[], tree: TreeFacts): void {
    const { files, origin, authenticator, segmentBytes } = this.#options
    if (segmentHeaderBytes + batchOverheadBytes + frameBytes(frames) > segmentBytes) {
      throw new KernelError('LEDGER_UNWRITABLE', 'what must start a segment does not fit one')
    }
    const previousEnd = this.#fd === undefined ? 0 : this.#offset
    if (this.#fd !== undefined) files.close(this.#fd)
    this.#epoch++
    this.#offset = segmentHeaderBytes
    const header = { epoch: this.#epoch, sizeBytes: segmentBytes, previousEnd, previousMac: this.#lastMac }
    const { bytes, mac } = this.#encode(frames, tree)
    this.#fd = fd
    files.write(fd, Buffer.concat([encodeHeader(header, origin, authenticator), bytes]), 0)
    this.#offset += bytes.length
    this.#lastMac = mac
    this.#live.push({ epoch: this.#epoch, startSize: tree.firstSeq })
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
    const next = await this.#next.catch(() => undefined)
    if (next !== undefined) this.#options.files.close(next)
    if (this.#fd !== undefined) this.#options.files.close(this.#fd)
    this.#fd = undefined
  }
}

export const newWal: WalResume = {
  live: [],
  end: { epoch: 0, offset: 0 },
  lastMac: noMac,
  free: [],
  nextIsThere: false,
}
