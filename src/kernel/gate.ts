import type { Policy } from '../authority/policy/index.ts'
import type { Clock } from '../base/clock.ts'
import type { JsonObject, JsonValue } from '../base/json.ts'
import type { KernelError } from '../base/errors.ts'
import type { Principal } from '../base/principal.ts'
import type { ActionDefinition, ContentStore, Protection } from '../effects/provider.ts'
import type { EntryDraft } from '../evidence/ledger/index.ts'
import type { Images } from './undo/images.ts'
import type { Outcome } from './outcome.ts'

/** Everything that an attempt may use: the rooms that the kernel wired, and nothing of the caller's. */
export interface Gate {
  readonly clock: Clock
  readonly actions: ReadonlyMap<string, ActionDefinition>
  readonly protection: Protection
  /** The policy in force and the seq of its entry. An attempt keeps the one it was decided under. */
  readonly policy: PolicyInForce
  readonly evidence: Evidence
  readonly answers: Answers
  readonly durability: Durability
  /** Aborted when the kernel closes: whatever still runs ends as if its time were up. */
  readonly closing: AbortSignal
  readonly seal: Seal
  readonly admission: Admission
  readonly deadlines: Deadlines
  readonly turns: Turns
}

/** Ends what takes too long, and all when the kernel closes. */
export interface Deadlines {
  /** Rejects with `timeIsUp`, `closed` or, once it was hurried, `cancelled` where that comes before the answer. */
  within(answering: Promise<unknown>, timeoutMs: number, hurried?: Hurried): Promise<unknown>
}

/** Is handed what cuts a wait short, for the moment in which somebody wants that. */
export type Hurried = (hurry: () => void) => void

/** Lets one attempt at a time change a resource. */
export interface Turns {
  take<Result>(resources: readonly string[], act: () => Promise<Result>): Promise<Result>
}

/** Lets attempts in. Whoever begins one ends it. */
export interface Admission {
  tryBegin(principal: string): boolean
  /** @throws KernelError KERNEL_BUSY */
  wait(principal: string, begin: () => void): void
  end(principal: string): void
}

/** Broken once the log failed: from then on nothing is decided any more. */
export interface Seal {
  by: KernelError | undefined
}

/** When an answer may be given: `default` waits for the disk only for what changes the world, `strict` always. */
export type Durability = 'default' | 'strict'

export interface PolicyInForce {
  readonly policy: Policy
  readonly seq: number
}

/** What the gate needs of the ledger and the vault. */
export interface Evidence {
  /** The index that the next entry gets. */
  readonly nextSeq: number
  /** Why nothing can be begun now, while what has begun can still end. */
  readonly full: KernelError | undefined
  /** Keeps `payload` in the vault and returns its commitment; it is on disk as soon as an entry that follows is. */
  keep(payload: JsonValue, sensitivity: string | undefined): Commitment
  /** What a provider keeps content in, for an entry of this class. */
  contents(sensitivity: string | undefined): ContentStore
  readonly images: Images
  /** Makes an intent durable. */
  intend(intent: JsonObject): Promise<number>
  /** Writes the one terminal entry. */
  append(draft: EntryDraft, options: { durable: boolean; settles: number | undefined }, done: Recorded): void
}

/** Told of the entry's seq, or why there is none. */
export type Recorded = (error: KernelError | undefined, seq: number | undefined) => void

/** 64 hex digits. */
export type Commitment = string

/** Answers that were given to requests with an idempotency key. */
export interface Answers {
  find(key: string): StoredAnswer | undefined
  /** Announces an attempt whose answer will be remembered, so that a retry meanwhile joins it. */
  expect(key: string, request: string): void
  remember(key: string, request: string, outcome: Outcome): void
  /** Answers those who joined, and remembers nothing: the attempt left no entry. */
  forget(key: string, outcome: Outcome): void
}

export interface StoredAnswer {
  /** Digest of the request that was answered. */
  readonly request: string
  readonly outcome: Outcome | Promise<Outcome>
}

/** Who carries a request to the gate; known from the handle, never from the request. */
export interface Caller {
  readonly principal: Principal
  /** The enrolled agent that acts; in process always `local`. */
  readonly agent: string
  /** Only asks what would happen, whatever the request says. */
  readonly dryRun?: true
}
