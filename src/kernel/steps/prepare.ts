import { isKernelError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'
import type { EntryDraft } from '../../evidence/ledger/index.ts'
import type { Attempt } from '../attempt.ts'
import { refuse, type Ending } from '../outcome.ts'
import { draftOf } from '../draft.ts'
import { takeImage } from '../undo/take-image.ts'

/**
 * Makes ready what an observation needs: its params are kept. It waits for nothing, and writes no intent.
 */
export function prepareToObserve(attempt: Attempt): Ending | undefined {
  try {
    const { full } = attempt.gate.evidence
    if (full !== undefined) return unwritable(full, 'nothing was done')
    keepParams(attempt)
    return undefined
  } catch (error) {
    return unwritable(error, 'nothing was done')
  }
}

/**
 * Puts on disk what must be there before anything changes: params, before-image and intent. From here on a crash leaves a trace
 * that recovery turns into an entry.
 */
export async function prepareToMutate(attempt: Attempt): Promise<Ending | undefined> {
  const refusal = prepareToObserve(attempt)
  if (refusal !== undefined) return refusal
  try {
    const ending = await takeImage(attempt)
    if (ending !== undefined) return ending
    attempt.tier = attempt.parsed?.definition.tier
    attempt.intent = await attempt.gate.evidence.intend(asJson(draftOf(attempt)))
    return undefined
  } catch (error) {
    return unwritable(error, 'nothing was done')
  }
}

/** Refuses because there could be no entry. */
export function unwritable(error: unknown, so: string): Ending {
  const hint = 'look at `kestrel doctor`'
  if (!isKernelError(error, 'LEDGER_FULL'))
    return refuse('sealed', `the log or its vault cannot be written, so ${so}`, { hint })
  return refuse('no_space', `the disk of the log is nearly full, so ${so}`, { hint })
}

/** The draft as JSON, which has no undefined. */
function asJson(draft: EntryDraft): JsonObject {
  return JSON.parse(JSON.stringify(draft)) as JsonObject
}

/** Seals the params of this attempt in the vault, once. */
export function keepParams(attempt: Attempt): void {
  const { parsed, gate } = attempt
  if (parsed === undefined || attempt.params !== undefined || attempt.dryRun) return
  const params = parsed.params
  if (Object.keys(params).length === 0) return
  attempt.params = gate.evidence.keep(params, attempt.verdict?.class)
}
