import { KernelError } from '../../base/errors.ts'
import { Fifo } from '../../base/fifo.ts'
import { limits } from '../../base/limits.ts'
import type { AssignedEntry } from './assigned-entry.ts'
import type { Digest } from './digest.ts'
import type { LogState } from './log-state.ts'
import type { TreeFacts } from './wal/batch-writer.ts'
import { intentIdBytes, type Frame } from './wal/frame.ts'
import { trailerFrameBytes } from './wal/trailer.ts'
import type { Wal } from './wal/wal.ts'

/**
 * - `written`: handed to the operating system; survives the end of the process, and is synced ≤ `syncIntervalMs` later
 * - `durable`: on stable storage
 */
export type Durability = 'written' | 'durable'

/**
 * Units in a row that chains of awaited appends may bring before timers, sockets and the file system get a turn: else they
 * would hold up the sync of their own entries, publishing, and everybody who asks from outside.
 */
const unitsPerTurn = 256

/** Told of the end of a unit: with no error when it is as durable as it asked. */
export type Done = (error: KernelError | undefined) => void

/** What one caller submits. Each of its frames is good without the others. */
export interface Unit {
  /** A head entry that must come before `entry`. */
  readonly head: AssignedEntry | undefined
  readonly entry: AssignedEntry | undefined
  /** The intent that `entry` ends, or 0. */
  readonly settles: number
  /** An intent or a checkpoint. */
  readonly frame: Frame | undefined
  readonly durability: Durability
  readonly done: Done
}

/** What must be on the disk with the entries that commit to it. */
export interface Companion {
  /** Writes what was kept so far. Called before the log's own write. */
  write(): void
  /** Resolves when that is on stable storage. Called beside the log's own sync. */
  sync(): Promise<void>
}

export interface CommitterEvents {
  /** An entry has its place in the tree and goes out with the next write; called in order. */
  staged(entry: AssignedEntry): void
  /** Something was written. */
  wrote(): void
  /** The log cannot be written any more. Called once. */
  failed(error: KernelError): void
}

/**
 * Group commit: what is submitted in one turn of the event loop goes out in one write, and all who wait for durability while a
 * sync runs share the next one. A batch is closed, and its part of the tree hashed, when it is synced.
 */
export class Committer {
  readonly #wal: Wal
  readonly #state: LogState
  readonly #companion: Companion
  readonly #events: CommitterEvents
  readonly #syncIntervalMs: number
  readonly #tree: TreeFacts
  /** Units that wait for a new segment. */
  readonly #queue: Fifo<Unit> = new Fifo()
  /** Units in the WAL's buffer. */
  #staged: Unit[] = []
  #isScheduled = false
  #unitsThisTurn = 0
  #isRolling = false
  /** Whether the segment holds nothing but its start. */
  #isSegmentFresh = false
  #awaitingSync: Unit[] = []
  #isSyncing = false
  #syncTimer: NodeJS.Timeout | undefined
  #failure: KernelError | undefined

  /** @param state what is written so far; the committer keeps it up to date */
  constructor(wal: Wal, state: LogState, companion: Companion, events: CommitterEvents, syncIntervalMs: number) {
    this.#wal = wal
    this.#state = state
    this.#companion = companion
    this.#events = events
    this.#syncIntervalMs = syncIntervalMs
    this.#tree = {
      get size() {
        return state.treeSize
      },
      root: () => state.frontier.root(),
    }
  }

  get failure(): KernelError | undefined {
    return this.#failure
  }

  /** Entries on their way into the segment. */
  get size(): number {
    return this.#state.treeSize
  }

  root(): Digest {
    return this.#state.frontier.root()
  }

  /** Queues a unit. One without entry and frame is done when all submitted before is so far. */
  submit(unit: Unit): void {
    if (this.#failure !== undefined) return unit.done(this.#failure)
    if (this.#isRolling || this.#queue.size > 0 || !this.#fits(unit)) this.#queue.add(unit)
    else this.#stage(unit)
    if (!this.#isScheduled) this.#schedule()
  }

  #fits({ head, entry, settles, frame }: Unit): boolean {
    if (entry === undefined && frame === undefined) return true
    // A UTF-16 unit takes at most three bytes: measured exactly only where that could be too much.
    const characters = (head?.text.length ?? 0) + (entry?.text.length ?? 0)
    const others = (frame?.bytes.length ?? 0) + (settles > 0 ? intentIdBytes : 0)
    if (this.#wal.fits(3, 3 * characters + others)) return true
    const bytes = Buffer.byteLength(head?.text ?? '') + Buffer.byteLength(entry?.text ?? '')
    return this.#wal.fits(3, bytes + others)
  }

  #stage(unit: Unit): void {
    const { head, entry, settles, frame } = unit
    if (head !== undefined) this.#stageEntry(head, 0)
    if (entry !== undefined) this.#stageEntry(entry, settles)
    if (frame !== undefined) {
      this.#wal.addFrame(frame)
      if (frame.kind === 'intent') this.#state.applyIntent(frame.bytes)
    }
    this.#staged.push(unit)
    if (this.#wal.stagedBytes >= limits.walBatchBytes) this.#write()
  }

  #stageEntry(entry: AssignedEntry, settles: number): void {
    this.#state.applyEntry(entry)
    this.#events.staged(entry)
    if (settles > 0) this.#state.applySettle(settles)
    this.#wal.addEntry(entry.text, entry.leaf, settles)
  }

  #schedule(): void {
    this.#isScheduled = true
    if (this.#unitsThisTurn < unitsPerTurn) {
      queueMicrotask(this.#flush)
    } else {
      setImmediate(() => {
        this.#unitsThisTurn = 0
        this.#flush()
      })
    }
  }

  readonly #flush = (): void => {
    this.#isScheduled = false
    this.#takeQueue()
    if (this.#failure === undefined) this.#write()
    if (this.#failure === undefined) this.#arrangeSync()
  }

  #takeQueue(): void {
    while (this.#queue.size > 0 && !this.#isRolling) {
      if (!this.#fits(this.#queue.first as Unit)) {
        this.#roll().catch(() => undefined)
        return
      }
      this.#stage(this.#queue.take() as Unit)
    }
  }

  /** One write of all that is staged, closed as a batch when it is synced next. */
  #write(): void {
    const units = this.#staged
    if (units.length === 0) return
    this.#staged = []
    this.#unitsThisTurn += units.length
    try {
      this.#companion.write()
      if (!this.#isSyncing && units.some(isDurable)) this.#wal.closeBatch(this.#tree)
      this.#wal.write()
      this.#isSegmentFresh = false
    } catch (cause) {
      this.fail(cause instanceof KernelError ? cause.message : 'a write to the WAL failed', cause, units)
      return
    }
    this.#events.wrote()
    for (const unit of units) {
      if (unit.durability === 'durable') this.#awaitingSync.push(unit)
      else unit.done(undefined)
    }
  }

  /** Starts the first segment of a new log. */
  start(): Promise<void> {
    return this.#roll()
  }

  async #roll(): Promise<void> {
    this.#isRolling = true
    try {
      this.#write()
      if (this.#failure !== undefined) throw this.#failure
      if (this.#isSegmentFresh) throw new KernelError('LEDGER_UNWRITABLE', 'one write does not fit a segment')
      await this.#wal.roll(this.#state.frames(), this.#tree)
    } catch (cause) {
      this.fail('a new segment of the WAL cannot be started', cause)
      throw this.#failure
    }
    this.#isRolling = false
    this.#isSegmentFresh = true
    this.#flush()
  }

  #arrangeSync(): void {
    if (this.#isSyncing) return
    if (this.#awaitingSync.length > 0) {
      void this.#syncGroups()
    } else if (this.#syncTimer === undefined && !this.#wal.isDurable) {
      this.#syncTimer = setTimeout(() => {
        this.#syncTimer = undefined
        if (!this.#isSyncing && this.#failure === undefined) void this.#syncGroups()
      }, this.#syncIntervalMs)
    }
  }

  async #syncGroups(): Promise<void> {
    this.#isSyncing = true
    clearTimeout(this.#syncTimer)
    this.#syncTimer = undefined
    do {
      const group = this.#awaitingSync
      this.#awaitingSync = []
      try {
        await this.#sync()
      } catch (cause) {
        this.fail(cause instanceof KernelError ? cause.message : 'a sync of the WAL failed', cause, group)
        return
      }
      for (const unit of group) unit.done(undefined)
    } while (this.#awaitingSync.length > 0 && this.#failure === undefined)
    this.#isSyncing = false
    if (this.#failure === undefined) this.#arrangeSync()
  }

  /** Closes the batch of what is written and syncs it. What is staged meanwhile comes after the trailer. */
  async #sync(): Promise<void> {
    if (!this.#isRolling) {
      this.#wal.closeBatch(this.#tree)
      this.#write()
      if (this.#failure !== undefined) throw this.#failure
      this.#wal.write()
    }
    await Promise.all([this.#companion.sync(), this.#wal.sync()])
  }

  /** Writes a state, so that the next start has nothing to replay, and syncs all. */
  async finish(): Promise<void> {
    await this.settle('durable')
    const frames = this.#state.frames()
    const contents = frames.reduce((sum, { bytes }) => sum + bytes.length, 0)
    // Two trailers: that of the batch before as well.
    if (!this.#wal.fits(frames.length, contents + trailerFrameBytes)) {
      if (!this.#isSegmentFresh) await this.#roll()
    } else {
      try {
        this.#wal.addState(frames, this.#tree)
        this.#wal.write()
      } catch (cause) {
        this.fail('a write to the WAL failed', cause)
      }
    }
    if (this.#failure === undefined && !this.#isSyncing) await this.#syncGroups()
    await this.settle('durable')
    clearTimeout(this.#syncTimer)
  }

  /** Resolves when all that was submitted before is so far. */
  settle(durability: Durability): Promise<void> {
    return this.submitLater({ durability })
  }

  /** `submit`, told by a promise. */
  submitLater({ frame, durability }: { readonly frame?: Frame; readonly durability: Durability }): Promise<void> {
    return new Promise((resolve, reject) => {
      const done: Done = (error) => (error === undefined ? resolve() : reject(error))
      this.submit({ head: undefined, entry: undefined, settles: 0, frame, durability, done })
    })
  }

  /** Ends all writing for good. What was not acknowledged is rejected, for nobody can say what of it is on the disk. */
  fail(what: string, cause: unknown, more: readonly Unit[] = []): void {
    const isFirst = this.#failure === undefined
    const advice = 'check the disk, then start again: recovery keeps all that was acknowledged'
    const failure = (this.#failure ??= new KernelError('LEDGER_UNWRITABLE', `${what}; ${advice}`, { cause }))
    clearTimeout(this.#syncTimer)
    const lost = [...more, ...this.#awaitingSync, ...this.#staged, ...this.#queue.takeAll()]
    this.#awaitingSync = []
    this.#staged = []
    for (const unit of lost) unit.done(failure)
    if (isFirst) this.#events.failed(failure)
  }
}

function isDurable(unit: Unit): boolean {
  return unit.durability === 'durable'
}
