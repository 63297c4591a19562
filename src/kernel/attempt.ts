import type { Verdict } from '../authority/policy/index.ts'
import type { JsonObject } from '../base/json.ts'
import type { ActionDefinition } from '../effects/provider.ts'
import type { EntryDraft } from '../evidence/ledger/index.ts'
import type { Asker } from './asker/asker.ts'
import type { Caller, Commitment, Gate, PolicyInForce } from './gate.ts'

/** What parsing leaves: canonical, copied, and never read from the caller's object again. */
export interface ParsedRequest {
  readonly action: string
  /** Those that were sent; empty where none were. Frozen. */
  readonly params: JsonObject
  readonly idempotencyKey: string | undefined
  readonly definition: ActionDefinition
  /** Canonical; the first is the request's own, the others stand in its params. */
  readonly resources: readonly string[]
  /** The same, as they may stand in a log. */
  readonly displayed: readonly string[]
}

/**
 * One submit on its way through the gate. Each step fills in what it learned; the terminal entry is written from here.
 */
export interface Attempt {
  readonly gate: Gate
  readonly caller: Caller
  /** Who may cancel this attempt and hears how far it is, where somebody wants to. */
  readonly asker: Asker | undefined
  readonly startedMs: number
  /** The policy that this attempt is decided under, also if another one is loaded meanwhile. */
  readonly inForce: PolicyInForce
  /** Known as soon as they are found well-formed, also where the rest of the request is not. */
  action: string
  resource: string
  parsed: ParsedRequest | undefined
  dryRun: boolean
  /** Digest of principal and idempotency key. */
  key: string | undefined
  /** Digest of what was asked under that key. */
  keyedRequest: string | undefined
  verdict: Verdict | undefined
  params: Commitment | undefined
  /** The intent frame of a mutation. */
  intent: number | undefined
  /** What runs the effect, once that has been begun. */
  tier: EntryDraft['tier'] | undefined
  /** The entry that this attempt is about. */
  of: number | undefined
  /** Of an undo: the action that was done first. */
  undoes: string | undefined
  /** The before-image of a mutation, and what the entry says of it. */
  image: JsonObject | undefined
  undo: EntryDraft['undo'] | undefined
}

/** The params of a request that was sent without. */
export const noParams: JsonObject = Object.freeze(Object.create(null) as JsonObject)
