import { KernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { AssignedEntry } from './assigned-entry.ts'
import type { LogState } from './log-state.ts'
import { frameBytes } from './wal/batch.ts'
import { frameHeadBytes, type Frame } from './wal/frame.ts'
import type { TreeFacts, Wal } from './wal/wal.ts'

/**
 * - `written`: handed to the operating system; survives the end of the process, and is synced ≤ `syncIntervalMs` later
 * - `durable`: on stable storage
 */
export type Durability = 'written' | 'durable'

/**
 * Batches in a row that a chain of awaited appends may write before timers and file system get a turn: else it would hold up the
 * sync of its own entries, and publishing.
 */
const batchesPerTurn = 64

/** What must go into one batch together, and who waits for it. */
interface Unit {
  readonly frames: readonly Frame[]
  readonly entries: readonly AssignedEntry[]
  readonly durability: Durability
  resolve(): void
  reject(error: KernelError): void
}

export interface CommitterEvents {
  /** Entries were written, in order. */
  written(entries: readonly AssignedEntry[]): void
  /** The log cannot be written any more. Called once. */
  failed(error: KernelError): void
}

/**
 * Group commit: what is submitted in one turn of the event loop becomes one batch (or several, by size), and all who wait for
 * durability while a sync runs share the next one.
 */
export class Committer {
  readonly #wal: Wal
  readonly #state: LogState
  readonly #events: CommitterEvents
  readonly #syncIntervalMs: number
  #queue: Unit[] = []
  #isScheduled = false
  #batchesThisTurn = 0
  #isRolling = false
  /** Whether the segment holds nothing but its start. */
  #isSegmentFresh = false
  #awaitingSync: Unit[] = []
  #isSyncing = false
  #syncTimer: NodeJS.Timeout | undefined
  #failure: KernelError | undefined

  /** @param state what is written so far; the committer keeps it up to date */
  constructor(wal: Wal, state: LogState, events: CommitterEvents, syncIntervalMs: number) {
    this.#wal = wal
    this.#state = state
    this.#events = events
    this.#syncIntervalMs = syncIntervalMs
  }

  get failure(): KernelError | undefined {
    return this.#failure
  }

  /** Entries written. */
  get size(): number {
    return this.#state.treeSize
  }

  root(): Buffer {
    return this.#state.frontier.root()
  }

  /** Queues frames that stand or fall together. No frames: resolves when all submitted before is so far. */
  submit<Value>(
    frames: readonly Frame[],
    entries: readonly AssignedEntry[],
    durability: Durability,
    value: Value,
  ): Promise<Value> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#queue.push({ frames, entries, durability, resolve: () => resolve(value), reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    if (this.#batchesThisTurn < batchesPerTurn) {
      queueMicrotask(() => this.#flush())
    } else {
      setImmediate(() => {
        this.#batchesThisTurn = 0
        this.#flush()
      })
    }
  }

  /** Writes a state, so that the next start has nothing to replay. */
  async finish(): Promise<void> {
    await this.submit([], [], 'written', undefined)
    const frames = this.#state.frames()
    const room = Math.min(this.#wal.roomBytes, limits.walBatchBytes)
    if (frameBytes(frames) <= room) await this.submit(frames, [], 'durable', undefined)
    else if (!this.#isSegmentFresh) await this.#roll()
    await this.submit([], [], 'durable', undefined)
    clearTimeout(this.#syncTimer)
  }

  /** Starts the first segment of a new log. */
  start(): Promise<void> {
    return this.#roll()
  }

  #flush(): void {
    this.#isScheduled = false
    while (this.#queue.length > 0 && !this.#isRolling && this.#failure === undefined) {
      const taken = this.#countThatFits()
      if (taken === 0) {
        this.#roll().catch(() => undefined)
        return
      }
      const frames = this.#queue.slice(0, taken).flatMap((unit) => unit.frames)
      this.#commit(this.#queue.splice(0, taken), frames)
    }
    if (this.#failure === undefined) this.#arrangeSync()
  }

  /** How many of the queue go into one batch in what is left of the segment. */
  #countThatFits(): number {
    const room = Math.min(this.#wal.roomBytes, limits.walBatchBytes)
    let bytes = 0
    let count = 0
    for (const unit of this.#queue) {
      for (const frame of unit.frames) bytes += frameHeadBytes + frame.bytes.length
      if (bytes > room) break
      count++
    }
    return count
  }

  #commit(units: readonly Unit[], frames: readonly Frame[]): void {
    const firstSeq = this.#state.treeSize
    this.#batchesThisTurn++
    try {
      for (const unit of units) this.#apply(unit)
      if (frames.length > 0) {
        this.#wal.write(frames, this.#tree(firstSeq))
        this.#isSegmentFresh = false
      }
    } catch (cause) {
      this.fail('a write to the WAL failed', cause, units)
      return
    }
    // Told at once for the whole batch: the tree has grown by all of it, and a checkpoint may be made right away.
    const entries = units.flatMap((unit) => unit.entries)
    if (entries.length > 0) this.#events.written(entries)
    for (const unit of units) {
      if (unit.durability === 'durable') this.#awaitingSync.push(unit)
      else unit.resolve()
    }
  }

  #apply(unit: Unit): void {
    for (const entry of unit.entries) this.#state.applyEntry(entry)
    for (const { kind, bytes } of unit.frames) {
      if (kind === 'settle') this.#state.applySettle(bytes)
      else if (kind === 'intent') this.#state.applyIntent(bytes)
    }
  }

  #tree(firstSeq: number): TreeFacts {
    return { firstSeq, writeRoot: (target, offset) => this.#state.frontier.rootInto(target, offset) }
  }

  async #roll(): Promise<void> {
    this.#isRolling = true
    try {
      if (this.#isSegmentFresh) throw new KernelError('LEDGER_UNWRITABLE', 'one write does not fit a segment')
      await this.#wal.roll(this.#state.frames(), this.#tree(this.#state.treeSize))
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
        await this.#wal.sync()
      } catch (cause) {
        this.fail('a sync of the WAL failed', cause, group)
        return
      }
      for (const unit of group) unit.resolve()
    } while (this.#awaitingSync.length > 0 && this.#failure === undefined)
    this.#isSyncing = false
    if (this.#failure === undefined) this.#arrangeSync()
  }

  /** Ends all writing for good. What was not acknowledged is rejected, for nobody can say what of it is on the disk. */
  fail(what: string, cause: unknown, more: readonly Unit[] = []): void {
    const isFirst = this.#failure === undefined
    const advice = 'check the disk, then start again: recovery keeps all that was acknowledged'
    const failure = (this.#failure ??= new KernelError('LEDGER_UNWRITABLE', `${what}; ${advice}`, { cause }))
    clearTimeout(this.#syncTimer)
    const lost = [...more, ...this.#awaitingSync, ...this.#queue]
    this.#awaitingSync = []
    this.#queue = []
    for (const unit of lost) unit.reject(failure)
    if (isFirst) this.#events.failed(failure)
  }
}
