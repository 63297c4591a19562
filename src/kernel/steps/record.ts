import type { EntryDraft } from '../../evidence/ledger/index.ts'
import { keptAnswer } from '../answers.ts'
import type { Attempt } from '../attempt.ts'
import { draftOf } from '../draft.ts'
import { outcomeOf, refuse, type Ending, type Outcome } from '../outcome.ts'
import { keepParams } from './prepare.ts'

/** The seq of an outcome whose entry could not be written yet. */
const unwritten = -1

/**
 * Writes the one terminal entry of an attempt and answers it. A dry run is answered and writes nothing.
 */
export async function conclude(attempt: Attempt, ending: Ending): Promise<Outcome> {
  const { gate } = attempt
  const durationMs = Math.max(0, gate.clock.monotonicMs() - attempt.startedMs)
  if (attempt.dryRun) return answer(attempt, ending, gate.evidence.nextSeq, durationMs)
  let outcome: Outcome
  try {
    keepParams(attempt)
    const draft = terminalDraft(attempt, ending, durationMs)
    const { seq } = await gate.evidence.append(draft, {
      durable: gate.durability === 'strict' || changesTheWorld(attempt) || ending.status === 'held',
      ...(attempt.intent !== undefined && { settles: attempt.intent }),
    })
    outcome = answer(attempt, ending, seq, durationMs)
  } catch {
    outcome = answer(attempt, withoutRecord(attempt, ending), unwritten, durationMs)
  }
  settleAnswer(attempt, outcome)
  return outcome
}

function changesTheWorld(attempt: Attempt): boolean {
  return attempt.intent !== undefined
}

function terminalDraft(attempt: Attempt, ending: Ending, durationMs: number): EntryDraft {
  const draft = draftOf(attempt)
  const kept = keepAnswer(attempt, ending)
  return {
    ...draft,
    ...(ending.status === 'denied' &&
      ending.reason !== undefined && {
        policy: attempt.inForce.seq,
        decision: { ...draft.decision, effect: 'forbid', reason: ending.reason.code },
      }),
    outcome: {
      status: ending.status,
      ...(kept !== undefined && { result: kept }),
      ...(ending.effect !== undefined && { effect: ending.effect }),
      durationMs: Math.round(durationMs),
      ...errorCode(ending),
    },
  }
}

/** Why it failed, or why it was malformed: a policy that was not asked left no decision to say it. */
function errorCode({ status, error, reason }: Ending): { error?: string } {
  const code = error?.code ?? (status === 'invalid' ? reason?.code : undefined)
  return code === undefined ? {} : { error: code }
}

/** What the vault keeps of the answer: of a keyed request all, to give it again; of a mutation the result; of a read nothing. */
function keepAnswer(attempt: Attempt, ending: Ending): string | undefined {
  const { gate, verdict, keyedRequest } = attempt
  if (keyedRequest !== undefined) return gate.evidence.keep(keptAnswer(keyedRequest, ending), verdict?.class)
  if (!changesTheWorld(attempt) || ending.result === undefined) return undefined
  return gate.evidence.keep(ending.result, verdict?.class)
}

/** An outcome without an entry: where something may have happened `unknown`, elsewhere a refusal without a result. */
function withoutRecord(attempt: Attempt, ending: Ending): Ending {
  if (changesTheWorld(attempt) && ending.effect !== 'none') {
    const message = 'the effect could not be recorded; the entry is written when the kernel is started again'
    return { status: 'unknown', error: { code: 'not_recorded', message, retryable: false } }
  }
  return refuse('sealed', 'the log or its vault cannot be written, so nothing is allowed', {
    hint: 'look at `kestrel doctor`',
  })
}

function answer({ action, resource }: Attempt, ending: Ending, seq: number, durationMs: number): Outcome {
  return outcomeOf(ending, { seq, action, resource, durationMs: Math.round(durationMs * 1000) / 1000 })
}

function settleAnswer(attempt: Attempt, outcome: Outcome): void {
  const { key, keyedRequest, gate } = attempt
  if (key === undefined || keyedRequest === undefined) return
  if (outcome.seq === unwritten) gate.answers.forget(key, outcome)
  else gate.answers.remember(key, keyedRequest, outcome)
}
