import { join } from 'node:path'
import { canonicalBytes } from '../../base/canonical-json.ts'
import { KernelError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import type { AssignedEntry } from './assigned-entry.ts'
import { Assigner, localAgent } from './assigner.ts'
import { Committer } from './committer.ts'
import { parseEntry, type EntryDraft } from './entry.ts'
import type { FileLayer } from './file-layer.ts'
import { headPath } from './head-file.ts'
import type { Appended, AppendOptions, Intent, IntentId, Ledger, LedgerBounds, OpenLedgerOptions } from './ledger.ts'
import type { Lock } from './lock.ts'
import { intentFrame, settleFrame, type LogState, type PolicyMark } from './log-state.ts'
import { readBundle } from './published-entry.ts'
import { Publisher, signCheckpoint } from './publisher.ts'
import type { Recovered } from './recovery.ts'
import { tileWidth } from './tile.ts'
import { Authenticator } from './wal/authenticator.ts'
import type { Frame } from './wal/frame.ts'
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
  readonly #publisher: Publisher
  /** Written entries from `#published` on. */
  readonly #unpublished: AssignedEntry[]
  #unpublishedBytes = 0
  #published: number
  #publishing: Promise<void> | undefined
  #publishTimer: NodeJS.Timeout | undefined
  /** Bytes of each open intent, by id. */
  readonly #openIntents: Map<IntentId, number> = new Map()
  #openIntentBytes = 0
  #nextIntent: number
  /** Calls that wait for room, oldest first. */
  readonly #waitingAppends: (() => void)[] = []
  readonly #waitingIntents: (() => void)[] = []
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
    this.#publisher = new Publisher(directory, published, files)
    this.#unpublished = [...unpublished]
    this.#unpublishedBytes = bytesOf(unpublished)
    this.#published = published?.size ?? 0
    this.#assigner = new Assigner(state, keys.origin, keys.agent, clock)
    this.unsettled = this.#takeIntents(state)
    this.#nextIntent = state.nextIntent
    this.#wal = new Wal({
      directory: join(directory, 'wal'),
      origin: keys.origin,
      authenticator: new Authenticator(keys.walKey),
      files,
      segmentBytes: this.#bounds.walSegmentBytes,
      resume,
    })
    const events = {
      written: (entries: readonly AssignedEntry[]): void => this.#written(entries),
      failed: (error: KernelError): void => this.#failed(error),
    }
    this.#committer = new Committer(this.#wal, state, events, this.#bounds.syncIntervalMs)
  }

  #takeIntents(state: LogState): Intent[] {
    return [...state.intents].map(([id, bytes]) => {
      this.#openIntents.set(id, bytes.length)
      this.#openIntentBytes += bytes.length
      return { id, intent: JSON.parse(bytes.toString('utf8', 8)) as JsonObject }
    })
  }

  async begin(): Promise<void> {
    try {
      if (this.#isNew) await this.#committer.start()
      await this.#publisher.removeStrays()
      if (this.#assigner.size === 0) await this.#enrol()
      else await this.#assertEnrolled()
      this.#written([])
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

  get policy(): PolicyMark | undefined {
    return this.#assigner.policy
  }

  append(draft: EntryDraft, options: AppendOptions): Promise<Appended> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    if (this.#hasRoom() && this.#waitingAppends.length === 0) return this.#appendNow(draft, options)
    return new Promise((resolve, reject) => {
      this.#waitingAppends.push(() => void this.#appendNow(draft, options).then(resolve, reject))
    })
  }

  #refusal(): KernelError | undefined {
    if (this.#committer.failure !== undefined) return this.#committer.failure
    return this.#closing && new KernelError('LEDGER_UNWRITABLE', 'it was closed; open it again')
  }

  #hasRoom(): boolean {
    const entries = this.#assigner.size - this.#published
    return entries < this.#bounds.unpublishedEntries && this.#unpublishedBytes < limits.unpublishedBytes
  }

  #appendNow(draft: EntryDraft, { durability, settles }: AppendOptions): Promise<Appended> {
    if (settles !== undefined && !this.#openIntents.has(settles)) {
      return Promise.reject(new KernelError('ENTRY_INVALID', `it settles intent ${settles}, which is not open`))
    }
    const entries: AssignedEntry[] = []
    try {
      const { seq, time, leafHash } = this.#assigner.assign(draft, entries)
      this.#unpublishedBytes += bytesOf(entries)
      const frames = framesOf(entries)
      if (settles !== undefined) frames.push(this.#settle(settles))
      return this.#committer.submit(frames, entries, durability, { seq, time, leafHash })
    } catch (error) {
      // A head that was due has its place already, and keeps it.
      this.#unpublishedBytes += bytesOf(entries)
      if (entries.length > 0)
        this.#committer.submit(framesOf(entries), entries, 'written', undefined).catch(() => undefined)
      return Promise.reject(error)
    }
  }

  #settle(id: IntentId): Frame {
    this.#openIntentBytes -= this.#openIntents.get(id) ?? 0
    this.#openIntents.delete(id)
    while (this.#openIntentBytes < limits.openIntentBytes && this.#waitingIntents.length > 0) {
      this.#waitingIntents.shift()?.()
    }
    return settleFrame(id)
  }

  intend(intent: JsonObject): Promise<IntentId> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    const json = canonicalBytes(intent)
    if (json.length > limits.intentBytes) {
      return Promise.reject(new KernelError('ENTRY_TOO_LARGE', `the intent has more than ${limits.intentBytes} bytes`))
    }
    if (this.#openIntentBytes < limits.openIntentBytes) return this.#intendNow(json)
    return new Promise((resolve, reject) => {
      this.#waitingIntents.push(() => {
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
    return this.#committer.submit([frame], [], 'durable', id)
  }

  async read(seq: number): Promise<Uint8Array> {
    if (!Number.isSafeInteger(seq) || seq < 0 || seq >= this.treeSize) {
      throw new KernelError('ENTRY_NOT_FOUND', `the log has entries 0 to ${this.treeSize - 1}, not \`${seq}\``)
    }
    if (seq >= this.#committer.size) await this.#committer.submit([], [], 'written', undefined)
    const waiting = this.#unpublished[seq - this.#published]
    if (waiting !== undefined) return Uint8Array.from(waiting.bytes)
    const bundle = await readBundle(this.#directory, Math.floor(seq / tileWidth), this.#published)
    return Uint8Array.from(bundle[seq % tileWidth] as Uint8Array)
  }

  async sync(): Promise<void> {
    await this.#committer.submit([], [], 'durable', undefined)
  }

  async publish(): Promise<void> {
    await this.#committer.submit([], [], 'written', undefined)
    const target = this.#committer.size
    while (this.#published < target) await this.#publishNext()
  }

  #written(entries: readonly AssignedEntry[]): void {
    for (const entry of entries) this.#unpublished.push(entry)
    if (this.#publishing !== undefined || this.#committer.failure !== undefined) return
    if (this.#unpublished.length >= limits.blockEntries) this.#publishNext().catch(() => undefined)
    else if (this.#unpublished.length > 0) this.#publishLater()
  }

  #publishLater(): void {
    this.#publishTimer ??= setTimeout(() => {
      this.#publishTimer = undefined
      this.#publishNext().catch(() => undefined)
    }, this.#bounds.publishIntervalMs)
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
        this.#written([])
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
    const size = this.#committer.size
    if (size === this.#published) return
    const entries = this.#unpublished.slice(0, size - this.#published)
    const note = signCheckpoint(this.#options.keys, size, this.#committer.root())
    await this.#committer.submit([{ kind: 'checkpoint', bytes: note }], [], 'durable', undefined)
    await this.#files.replace(headPath(this.#options.keys), note)
    await this.#publisher.publish(entries, note)
    this.#unpublished.splice(0, entries.length)
    this.#unpublishedBytes -= bytesOf(entries)
    this.#published = size
    await this.#wal.release(size)
    while (this.#waitingAppends.length > 0 && this.#hasRoom()) this.#waitingAppends.shift()?.()
  }

  #failed(error: KernelError): void {
    clearTimeout(this.#publishTimer)
    for (const waiting of [...this.#waitingAppends.splice(0), ...this.#waitingIntents.splice(0)]) waiting()
    this.#options.onFailure?.(error)
  }

  close(): Promise<void> {
    this.#closing ??= Promise.resolve().then(() => this.#finish())
    return this.#closing
  }

  async #finish(): Promise<void> {
    try {
      if (this.#committer.failure !== undefined) throw this.#committer.failure
      for (const waiting of this.#waitingIntents.splice(0)) waiting()
      do await this.publish()
      while (this.#waitingAppends.length > 0)
      await this.#committer.finish()
    } finally {
      clearTimeout(this.#publishTimer)
      await this.#publishing?.catch(() => undefined)
      // Whatever the disk says now, the next process must be able to take over.
      await this.#wal.close().finally(() => {
        for (const lock of this.#locks) lock.release()
      })
    }
  }
}

function bytesOf(entries: readonly AssignedEntry[]): number {
  let sum = 0
  for (const { bytes } of entries) sum += bytes.length
  return sum
}

function framesOf(entries: readonly AssignedEntry[]): Frame[] {
  return entries.map(({ bytes }) => ({ kind: 'entry', bytes }))
}
