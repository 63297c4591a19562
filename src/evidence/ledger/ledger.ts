import type { Clock } from '../../base/clock.ts'
import type { KernelError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'
import type { KeyRing } from '../../base/keys.ts'
import type { AssignedEntry } from './assigned-entry.ts'
import type { Companion, Durability } from './committer.ts'
import type { EntryDraft } from './entry.ts'
import type { FileLayer } from './file-layer.ts'
import type { Space } from './headroom.ts'
import type { PolicyMark } from './log-state.ts'

/** Names an intent while it is open. Grows over the life of a log; never used twice. */
export type IntentId = number

/** What was about to be done when the process ended. */
export interface Intent {
  readonly id: IntentId
  /** As given to `intend`. */
  readonly intent: JsonObject
}

/** An entry's place in the log. */
export interface Appended {
  readonly seq: number
  /** Ms since 1970 UTC. */
  readonly time: number
  /** 64 hex. */
  readonly leafHash: string
}

/** Told of the entry, or why there is none. */
export type AppendDone = (error: KernelError | undefined, entry: AssignedEntry | undefined) => void

export interface AppendOptions {
  readonly durability: Durability
  /** The intent that this entry ends: both are in one batch, so no crash comes between. */
  readonly settles?: IntentId
}

export interface OpenLedgerOptions {
  /** `<data directory>/ledger`; made when it does not exist. */
  readonly directory: string
  readonly keys: KeyRing
  readonly clock: Clock
  /** Called once when the log cannot be written any more. */
  readonly onFailure?: (error: KernelError) => void
  /** What entries commit to, elsewhere on the disk: written before them, and synced beside them. */
  readonly companion?: Companion
  /** The file system; another one in tests of failing disks. */
  readonly files?: FileLayer
  /** Smaller bounds than `base/limits.ts`, for tests that must reach them. */
  readonly bounds?: Partial<LedgerBounds>
}

export interface LedgerBounds {
  readonly walSegmentBytes: number
  readonly publishIntervalMs: number
  readonly publishPauseMs: number
  readonly syncIntervalMs: number
  readonly unpublishedEntries: number
  readonly threadedFiles: number
}

/**
 * The only writer of a log.
 *
 * Every method that writes rejects with `LEDGER_UNWRITABLE` once a write or a sync has failed: the log is then as far as it
 * got, and must be opened again.
 */
export interface Ledger {
  readonly origin: string
  /** `<origin>+<8 hex>+<base64>` */
  readonly vkey: string
  /** Entries appended so far, also those that are on their way to the disk. */
  readonly treeSize: number
  /** Of the last entry, ms since 1970 UTC: no later one has a lower. */
  readonly timeMs: number
  /** The latest `policy` entry. */
  readonly policy: PolicyMark | undefined
  /** How much room the disk of the log has. While it is `spent`, only entries that settle an intent or are no action are taken. */
  readonly space: Space
  /** Why nothing can be begun while space is `spent`: LEDGER_FULL. */
  readonly full: KernelError | undefined
  /** Intents that were open when the ledger was opened, oldest first. Each needs a terminal entry with `settles`. */
  readonly unsettled: readonly Intent[]
  /**
   * Appends an entry; seq, time and agentSeq are assigned in the order of the calls. Waits while more than
   * `limits.unpublishedEntries` or `limits.unpublishedBytes` are unpublished.
   *
   * @throws KernelError ENTRY_INVALID, ENTRY_TOO_LARGE, LEDGER_FULL, LEDGER_UNWRITABLE
   */
  append(draft: EntryDraft, options: AppendOptions): Promise<Appended>
  /** `append` without a promise of its own. `done` is called once, never before this returns unless it is refused, and must not throw. */
  enter(draft: EntryDraft, options: AppendOptions, done: AppendDone): void
  /**
   * Records what is about to be done; resolves when it is durable. Waits while open intents take more than
   * `limits.openIntentBytes`.
   *
   * @throws KernelError ENTRY_TOO_LARGE, LEDGER_FULL, LEDGER_UNWRITABLE
   */
  intend(intent: JsonObject): Promise<IntentId>
  /** The bytes of an entry, published or not. @throws KernelError ENTRY_NOT_FOUND, TILE_INVALID */
  read(seq: number): Promise<Uint8Array>
  /** Resolves when all that was appended before the call is durable. */
  sync(): Promise<void>
  /** Resolves when all that was appended before the call is in published files, under a signed checkpoint. */
  publish(): Promise<void>
  /** Publishes everything and lets go of the folder. Rejects when that fails, but lets go all the same. */
  close(): Promise<void>
}
