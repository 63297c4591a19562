import { join } from 'node:path'
import { canonicalBytes } from '../../base/canonical-json.ts'
import { KernelError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'
import { Fifo } from '../../base/fifo.ts'
import { limits } from '../../base/limits.ts'
import type { AssignedEntry } from './assigned-entry.ts'
import { Assigner, localAgent } from './assigner.ts'
import { Committer, type Companion, type Done } from './committer.ts'
import { digestToHex } from './digest.ts'
import { parseEntry, type EntryDraft } from './entry.ts'
import type { FileLayer } from './file-layer.ts'
import { headPath } from './head-file.ts'
import { Headroom, type Space } from './headroom.ts'
import type {
  Appended,
  AppendDone,
  AppendOptions,
  Intent,
  IntentId,
  Ledger,
  LedgerBounds,
  OpenLedgerOptions,
} from './ledger.ts'
import type { Lock } from './lock.ts'
import { intentFrame, type LogState, type PolicyMark } from './log-state.ts'
import { readBundle } from './published-entry.ts'
import { Publisher, signCheckpoint } from './publisher.ts'
import type { Recovered } from './recovery.ts'
import { TileEdge } from './tile-edge.ts'
import { tileWidth } from './tile.ts'
import { Authenticator } from './wal/authenticator.ts'
import { intentIdBytes } from './wal/frame.ts'
import { Wal } from './wal/wal.ts'

/** The writer of one open log: gives entries their place, commits them in groups, publishes behind. Made by `openLedger`. */
export class LogWriter implements Ledger {
  readonly origin: string
  readonly vkey: string
  readonly unsettled: readonly Intent[]
  readonly #directory: string
  readonly #options: OpenLedgerOptions
  readonly #files: FileLayer
  readonly #bounds: LedgerBounds
  readonly #locks: readonly Lock[]
  readonly #isNew: boolean
  readonly #assigner: Assigner
  readonly #wal: Wal
  readonly #committer: Committer
  readonly #headroom: Headroom
  readonly #publisher: Publisher
  readonly #edge: TileEdge
  #published: number
  #publishing: Promise<void> | undefined
  #publishTimer: NodeJS.Timeout | undefined
  /** Whether the timer stands for a block that is full. */
  #isHurried = false
  /** When the last publication began, on the monotonic clock. */
  #publishedAtMs = -Infinity
  /** Bytes of each open intent, by id. */
  readonly #openIntents: Map<IntentId, number> = new Map()
  #openIntentBytes = 0
  #nextIntent: number
  /** Calls that wait for room, oldest first. */
  readonly #waitingAppends: Fifo<() => void> = new Fifo()
  readonly #waitingIntents: Fifo<() => void> = new Fifo()
  #closing: Promise<void> | undefined

  constructor(
    directory: string,
    options: OpenLedgerOptions,
    files: FileLayer,
    recovered: Recovered,
    locks: readonly Lock[],
  ) {
    const { keys, clock } = options
    const { state, published, unpublished, resume } = recovered
    this.origin = keys.origin
    this.vkey = keys.vkey
    this.#directory = directory
    this.#options = options
    this.#files = files
    this.#bounds = { ...limits, ...options.bounds }
    this.#locks = locks
    this.#isNew = resume.live.length === 0
    this.#edge = TileEdge.read(directory, published)
    const threadedFiles = options.files === undefined ? this.#bounds.threadedFiles : Infinity
    this.#publisher = new Publisher(directory, this.#edge.cut(), { files, threadedFiles })
    this.#published = this.#publisher.size
    for (const entry of unpublished) this.#edge.add(entry)
    this.#assigner = new Assigner(state, keys.origin, keys.agent, clock)
    this.unsettled = this.#takeIntents(state)
    this.#nextIntent = state.nextIntent
    this.#headroom = new Headroom(directory, files, clock)
    this.#wal = new Wal({
      directory: join(directory, 'wal'),
      origin: keys.origin,
      authenticator: new Authenticator(keys.walKey),
      files,
      segmentBytes: this.#bounds.walSegmentBytes,
      resume,
    })
    const events = {
      staged: (entry: AssignedEntry): void => this.#edge.add(entry),
      wrote: (): void => this.#arrangePublishing(),
      failed: (error: KernelError): void => this.#failed(error),
    }
    this.#committer = new Committer(this.#wal, state, options.companion ?? alone, events, this.#bounds.syncIntervalMs)
  }

  #takeIntents(state: LogState): Intent[] {
    return [...state.intents].map(([id, bytes]) => {
      this.#openIntents.set(id, bytes.length)
      this.#openIntentBytes += bytes.length
      return { id, intent: JSON.parse(bytes.toString('utf8', intentIdBytes)) as JsonObject }
    })
  }

  async begin(): Promise<void> {
    try {
      await this.#headroom.ask()
      if (this.#isNew) await this.#committer.start()
      await this.#publisher.removeStrays()
      if (this.#assigner.size === 0) await this.#enrol()
      else await this.#assertEnrolled()
      this.#arrangePublishing()
    } catch (error) {
      await this.#wal.close()
      throw error
    }
  }

  /** The first entry of a log says which key signs the heads of the kernel's own agent. */
  async #enrol(): Promise<void> {
    const publicKey = Buffer.from(this.#options.keys.agent.publicKey).toString('base64')
    const draft: EntryDraft = { kind: 'enroll', agent: localAgent, principal: localAgent, publicKey }
    await this.append(draft, { durability: 'durable' })
  }

  /** Heads signed by another key than the one enrolled would stay in the log for good, and never verify. */
  async #assertEnrolled(): Promise<void> {
    const { keys } = this.#options
    const enrolled = await this.read(0)
      .then(parseEntry)
      .catch((error: unknown) => {
        // Verification names the damage; it must not stop the log from being continued.
        if (error instanceof KernelError) return undefined
        throw error
      })
    if (enrolled === undefined) return
    if (Buffer.from(keys.agent.publicKey).toString('base64') === enrolled.publicKey) return
    const path = join(keys.directory, 'agent.key')
    throw new KernelError(
      'KEY_INVALID',
      `\`${path}\` is not the key that entry 0 of this log enrols; restore it from your backup`,
    )
  }

  get treeSize(): number {
    return this.#assigner.size
  }

  get timeMs(): number {
    return this.#assigner.timeMs
  }

  get policy(): PolicyMark | undefined {
    return this.#assigner.policy
  }

  append(draft: EntryDraft, options: AppendOptions): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.enter(draft, options, (error, entry) => {
        if (entry === undefined) reject(error)
        else resolve({ seq: entry.seq, time: entry.time, leafHash: digestToHex(entry.leaf) })
      })
    })
  }

  enter(draft: EntryDraft, options: AppendOptions, done: AppendDone): void {
    const refusal = this.#refusal() ?? (isBeginning(draft, options) ? this.full : undefined)
    if (refusal !== undefined) done(refusal, undefined)
    else if (this.#waitingAppends.size === 0 && this.#hasRoom()) this.#enterNow(draft, options, done)
    else this.#waitingAppends.add(() => this.#enterNow(draft, options, done))
  }

  #refusal(): KernelError | undefined {
    if (this.#committer.failure !== undefined) return this.#committer.failure
    return this.#closing && new KernelError('LEDGER_UNWRITABLE', 'it was closed; open it again')
  }

  get full(): KernelError | undefined {
    if (this.#headroom.space !== 'spent') return undefined
    const advice = 'nothing is begun until then'
    return new KernelError('LEDGER_FULL', `free some space on the disk of \`${this.#directory}\`; ${advice}`)
  }

  get space(): Space {
    return this.#headroom.space
  }

  #hasRoom(): boolean {
    const entries = this.#assigner.size - this.#published
    return entries < this.#bounds.unpublishedEntries && this.#edge.heldBytes < limits.unpublishedBytes
  }

  #enterNow(draft: EntryDraft, { durability, settles = 0 }: AppendOptions, done: AppendDone): void {
    if (settles > 0 && !this.#openIntents.has(settles)) {
      done(new KernelError('ENTRY_INVALID', `it settles intent ${settles}, which is not open`), undefined)
      return
    }
    const head = this.#assigner.assignHead(draft.agent)
    let entry: AssignedEntry
    try {
      entry = this.#assigner.assign(draft)
    } catch (error) {
      // A head that was due has its place already, and keeps it.
      if (head !== undefined) this.#submit(undefined, head, 0, 'written', () => undefined)
      done(error as KernelError, undefined)
      return
    }
    if (settles > 0) this.#settle(settles)
    this.#submit(head, entry, settles, durability, (error) => {
      if (error === undefined) done(undefined, entry)
      else done(error, undefined)
    })
  }

  #submit(
    head: AssignedEntry | undefined,
    entry: AssignedEntry,
    settles: number,
    durability: AppendOptions['durability'],
    done: Done,
  ): void {
    this.#committer.submit({ head, entry, settles, frame: undefined, durability, done })
  }

  #settle(id: IntentId): void {
    this.#openIntentBytes -= this.#openIntents.get(id) ?? 0
    this.#openIntents.delete(id)
    while (this.#openIntentBytes < limits.openIntentBytes && this.#waitingIntents.size > 0) {
      this.#waitingIntents.take()?.()
    }
  }

  intend(intent: JsonObject): Promise<IntentId> {
    const refusal = this.#refusal() ?? this.full
    if (refusal !== undefined) return Promise.reject(refusal)
    const json = canonicalBytes(intent)
    if (json.length > limits.intentBytes) {
      return Promise.reject(new KernelError('ENTRY_TOO_LARGE', `the intent has more than ${limits.intentBytes} bytes`))
    }
    if (this.#openIntentBytes < limits.openIntentBytes) return this.#intendNow(json)
    return new Promise((resolve, reject) => {
      this.#waitingIntents.add(() => {
        const late = this.#refusal()
        if (late === undefined) this.#intendNow(json).then(resolve, reject)
        else reject(late)
      })
    })
  }

  #intendNow(json: Uint8Array): Promise<IntentId> {
    const id = this.#nextIntent++
    const frame = intentFrame(id, json)
    this.#openIntents.set(id, frame.bytes.length)
    this.#openIntentBytes += frame.bytes.length
    return this.#committer.submitLater({ frame, durability: 'durable' }).then(() => id)
  }

  async read(seq: number): Promise<Uint8Array> {
    if (!Number.isSafeInteger(seq) || seq < 0 || seq >= this.treeSize) {
      throw new KernelError('ENTRY_NOT_FOUND', `the log has entries 0 to ${this.treeSize - 1}, not \`${seq}\``)
    }
    if (seq >= this.#committer.size) await this.#committer.settle('written')
    const held = this.#edge.entry(seq)
    if (held !== undefined) return held
    const bundle = await readBundle(this.#directory, Math.floor(seq / tileWidth), this.#published)
    return Uint8Array.from(bundle[seq % tileWidth] as Uint8Array)
  }

  async sync(): Promise<void> {
    await this.#committer.settle('durable')
  }

  async publish(): Promise<void> {
    await this.#committer.settle('written')
    const target = this.#committer.size
    while (this.#published < target) await this.#publishNext()
  }

  #arrangePublishing(): void {
    if (this.#publishing !== undefined || this.#committer.failure !== undefined) return
    const unpublished = this.#edge.size - this.#published
    const isBlock = unpublished >= limits.blockEntries
    if (isBlock && !this.#isHurried) this.#publishIn(this.#bounds.publishPauseMs - this.#sincePublishedMs())
    else if (unpublished > 0 && this.#publishTimer === undefined) this.#publishIn(this.#bounds.publishIntervalMs)
    this.#isHurried = isBlock
  }

  #sincePublishedMs(): number {
    return this.#options.clock.monotonicMs() - this.#publishedAtMs
  }

  #publishIn(ms: number): void {
    clearTimeout(this.#publishTimer)
    this.#publishTimer = setTimeout(
      () => {
        this.#publishTimer = undefined
        this.#publishNext().catch(() => undefined)
      },
      Math.max(0, ms),
    )
  }

  /** One publication at a time; whoever comes meanwhile shares it. */
  #publishNext(): Promise<void> {
    this.#publishing ??= this.#publishNow()
      .catch((cause: unknown) => {
        if (this.#committer.failure === undefined) this.#committer.fail('the log cannot be published', cause)
        throw this.#committer.failure
      })
      .finally(() => {
        this.#publishing = undefined
        this.#arrangePublishing()
      })
    return this.#publishing
  }

  /**
   * A checkpoint leaves the process only when the WAL and the keys directory hold it durably, so that no crash makes the key
   * sign another history of the same size.
   */
  async #publishNow(): Promise<void> {
    clearTimeout(this.#publishTimer)
    this.#publishTimer = undefined
    this.#isHurried = false
    this.#publishedAtMs = this.#options.clock.monotonicMs()
    const size = this.#committer.size
    if (size === this.#published) return
    const note = signCheckpoint(this.#options.keys, size, Buffer.from(this.#committer.root(), 'latin1'))
    const cut = this.#edge.cut()
    await this.#committer.submitLater({ frame: { kind: 'checkpoint', bytes: note }, durability: 'durable' })
    await this.#files.replace(headPath(this.#options.keys), note)
    await this.#publisher.publish(cut, note)
    this.#edge.release(size)
    this.#published = size
    await this.#wal.release(size)
    while (this.#waitingAppends.size > 0 && this.#hasRoom()) this.#waitingAppends.take()?.()
  }

  #failed(error: KernelError): void {
    clearTimeout(this.#publishTimer)
    for (const waiting of [...this.#waitingAppends.takeAll(), ...this.#waitingIntents.takeAll()]) waiting()
    this.#options.onFailure?.(error)
  }

  close(): Promise<void> {
    this.#closing ??= Promise.resolve().then(() => this.#finish())
    return this.#closing
  }

  async #finish(): Promise<void> {
    try {
      if (this.#committer.failure !== undefined) throw this.#committer.failure
      for (const waiting of this.#waitingIntents.takeAll()) waiting()
      do await this.publish()
      while (this.#waitingAppends.size > 0)
      await this.#committer.finish()
    } finally {
      clearTimeout(this.#publishTimer)
      await this.#publishing?.catch(() => undefined)
      await this.#publisher.close()
      // Whatever the disk says now, the next process must be able to take over.
      await this.#wal.close().finally(() => {
        for (const lock of this.#locks) lock.release()
      })
    }
  }
}

/** What ends something that has begun, or is no action, is entered on the last of the space. */
function isBeginning({ kind }: EntryDraft, { settles }: AppendOptions): boolean {
  return kind === 'action' && settles === undefined
}

/** A log whose entries commit to nothing outside it. */
const alone: Companion = { write: () => undefined, sync: () => Promise.resolve() }
