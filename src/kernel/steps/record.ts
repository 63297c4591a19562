import { KernelError } from '../../base/errors.ts'
import type { EntryDraft } from '../../evidence/ledger/index.ts'
import { keptAnswer } from '../answers.ts'
import type { Attempt } from '../attempt.ts'
import { decisionOf, draftOf } from '../draft.ts'
import type { Recorded } from '../gate.ts'
import { isUndoable, outcomeOf, type Ending, type Outcome } from '../outcome.ts'
import { keepParams, unwritable } from './prepare.ts'

/** The seq of an outcome whose entry could not be written yet. */
const unwritten = -1

/**
 * Writes the one terminal entry of an attempt and answers it. A dry run is answered and writes nothing.
 */
export function conclude(attempt: Attempt, ending: Ending): Promise<Outcome> {
  const { gate } = attempt
  const durationMs = Math.max(0, gate.clock.monotonicMs() - attempt.startedMs)
  if (attempt.dryRun) {
    gate.admission.end(attempt.caller.principal.id)
    return Promise.resolve(answer(attempt, ending, gate.evidence.nextSeq, durationMs))
  }
  return new Promise((resolve) => {
    record(attempt, ending, durationMs, (error, seq) => {
      const isWritten = error === undefined && seq !== undefined
      const outcome = isWritten
        ? answer(attempt, ending, seq, durationMs)
        : answer(attempt, withoutRecord(attempt, ending, error), unwritten, durationMs)
      settleAnswer(attempt, outcome)
      gate.admission.end(attempt.caller.principal.id)
      resolve(outcome)
    })
  })
}

function record(attempt: Attempt, ending: Ending, durationMs: number, done: Recorded): void {
  const { gate, intent } = attempt
  const full = intent === undefined ? gate.evidence.full : undefined
  if (full !== undefined) {
    done(full, undefined)
    return
  }
  let draft: EntryDraft
  try {
    keepParams(attempt)
    draft = terminalDraft(attempt, ending, durationMs)
  } catch (cause) {
    done(new KernelError('LEDGER_UNWRITABLE', 'the entry could not be made', { cause }), undefined)
    return
  }
  const durable = gate.durability === 'strict' || changesTheWorld(attempt) || ending.status === 'held'
  gate.evidence.append(draft, { durable, settles: intent }, done)
}

function changesTheWorld(attempt: Attempt): boolean {
  return attempt.intent !== undefined
}

function terminalDraft(attempt: Attempt, ending: Ending, durationMs: number): EntryDraft {
  const { status, effect } = ending
  const result = keepAnswer(attempt, ending)
  const error = errorCode(ending)
  const outcome = { status, result, effect, durationMs: Math.round(durationMs), error }
  // A step behind the policy may have refused what that permits: the entry says so.
  if (status !== 'denied' || ending.reason === undefined) return draftOf(attempt, outcome)
  return draftOf(attempt, outcome, decisionOf('forbid', ending.reason.code, attempt.verdict?.rules ?? []))
}

/** Why it failed, or why it was malformed: a policy that was not asked left no decision to say it. */
function errorCode({ status, error, reason }: Ending): string | undefined {
  return error?.code ?? (status === 'invalid' ? reason?.code : undefined)
}

/** What the vault keeps of the answer: of a keyed request all, to give it again; of a mutation the result; of a read nothing. */
function keepAnswer(attempt: Attempt, ending: Ending): string | undefined {
  const { gate, verdict, keyedRequest } = attempt
  if (keyedRequest !== undefined) return gate.evidence.keep(keptAnswer(keyedRequest, ending), verdict?.class)
  if (!changesTheWorld(attempt) || ending.result === undefined) return undefined
  return gate.evidence.keep(ending.result, verdict?.class)
}

/** An outcome without an entry: where something may have happened `unknown`, elsewhere a refusal without a result. */
function withoutRecord(attempt: Attempt, ending: Ending, error: KernelError | undefined): Ending {
  if (changesTheWorld(attempt) && ending.effect !== 'none') {
    const message = 'the effect could not be recorded; the entry is written when the kernel is started again'
    return { status: 'unknown', error: { code: 'not_recorded', message, retryable: false } }
  }
  return unwritable(error, 'nothing is allowed')
}

function answer({ action, resource, undo }: Attempt, ending: Ending, seq: number, durationMs: number): Outcome {
  const undoableUntil = isUndoable(ending) ? undo?.until : undefined
  return outcomeOf(ending, { seq, action, resource, durationMs: Math.round(durationMs * 1000) / 1000, undoableUntil })
}

function settleAnswer(attempt: Attempt, outcome: Outcome): void {
  const { key, keyedRequest, gate } = attempt
  if (key === undefined || keyedRequest === undefined) return
  if (outcome.seq === unwritten) gate.answers.forget(key, outcome)
  else gate.answers.remember(key, keyedRequest, outcome)
}
