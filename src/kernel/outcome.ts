import type { JsonValue } from '../base/json.ts'
import type { ReasonCode } from '../base/reasons.ts'
import type { Failure } from '../effects/provider.ts'

/** How an attempt ended. */
export type Status = 'ok' | 'denied' | 'invalid' | 'held' | 'failed' | 'unknown'

/** Why a request was refused or held, for the person or model that sent it. */
export interface Reason {
  readonly code: ReasonCode
  /** The rules that determined it, as `deny[0]`; several are joined by `, `. */
  readonly rule?: string
  readonly message: string
  /** What to do next: for a denial the smallest rule that would allow it. */
  readonly hint?: string
}

/**
 * What a caller gets back: always a value, never an exception (CONTRACT, "Outcome").
 *
 * `seq` is the entry's index in the log; for a dry run the index that it would get; −1 where the log could not be written, in
 * which case the kernel is sealed and writes the entry when it is started again.
 */
export type Outcome = {
  readonly seq: number
  readonly action: string
  readonly resource: string
  readonly durationMs: number
  /** There while what was changed can be put back. */
  readonly undo?: { readonly until: string }
} & (
  | { readonly status: 'ok'; readonly result?: JsonValue; readonly reason?: undefined; readonly error?: undefined }
  | {
      readonly status: 'denied' | 'invalid' | 'held'
      readonly reason: Reason
      readonly result?: undefined
      readonly error?: undefined
    }
  | {
      readonly status: 'failed' | 'unknown'
      readonly error: Failure
      readonly result?: undefined
      readonly reason?: undefined
    }
)

/** How the steps of an attempt end it; the record turns it into one entry and one outcome. */
export interface Ending {
  readonly status: Status
  readonly reason?: Reason
  readonly result?: JsonValue
  readonly error?: Failure
  /** What is known of the effect, where it was tried. */
  readonly effect?: 'none' | 'done' | 'uncertain'
}

/** What every outcome says, however the attempt ended. */
type Answered = Pick<Outcome, 'seq' | 'action' | 'resource' | 'durationMs'> & {
  /** Ms since 1970 UTC. */
  readonly undoableUntil?: number | undefined
}

/** Whether an attempt that ended so offers to be undone: it took effect, or says nothing of that. */
export function isUndoable({ status, effect }: Pick<Ending, 'status' | 'effect'>): boolean {
  return effect !== 'none' && status !== 'unknown'
}

/** The outcome of an attempt that ended so. */
export function outcomeOf(
  { status, reason, result, error }: Ending,
  { seq, action, resource, durationMs, undoableUntil }: Answered,
): Outcome {
  const outcome = {
    status,
    seq,
    action,
    resource,
    ...(reason !== undefined && { reason }),
    ...(result !== undefined && { result }),
    ...(undoableUntil !== undefined && { undo: { until: new Date(undoableUntil).toISOString() } }),
    ...(error !== undefined && { error }),
    durationMs,
  }
  // Each step that ends an attempt gives what its status promises; `refuse`, `invalid` and `screen` are the only makers.
  return outcome as unknown as Outcome
}

/** What the synchronous steps found: how the attempt ends, or the answer that its first try got already. */
export type Judgement =
  | { readonly ending: Ending; readonly answer?: never }
  | { readonly answer: Outcome | Promise<Outcome>; readonly ending?: never }

/** Ends an attempt as refused by what the kernel knows. */
export function refuse(code: ReasonCode, message: string, more: { rule?: string; hint?: string } = {}): Ending {
  return { status: 'denied', reason: { code, message, ...more } }
}

/** Ends an attempt as malformed. `message` never holds a value of the caller's. */
export function invalid(message: string, code: ReasonCode = 'invalid_request'): Ending {
  return { status: 'invalid', reason: { code, message } }
}
