import type { JsonObject } from '../../base/json.ts'
import { paramsOf, type Attempt, type ParsedRequest } from '../attempt.ts'
import { refuse, type Ending } from '../outcome.ts'
import { draftOf } from '../draft.ts'

/**
 * Puts on disk what must be there before anything changes: the params, and for a mutation its intent. From here on a crash
 * leaves a trace that recovery turns into an entry.
 */
export async function prepare(attempt: Attempt): Promise<Ending | undefined> {
  const { gate, verdict } = attempt
  const parsed = attempt.parsed as ParsedRequest
  if (verdict?.obligations.undo === 'required') {
    return refuse('not_enforced_yet', 'the rule asks for undo, and this version keeps no before-images', {
      rule: verdict.rules.join(', '),
    })
  }
  try {
    keepParams(attempt)
    if (parsed.definition.kind === 'observe') return undefined
    attempt.intent = await gate.evidence.intend(draftOf(attempt) as unknown as JsonObject)
    return undefined
  } catch {
    return refuse('sealed', 'the log or its vault cannot be written, so nothing was done', {
      hint: 'look at `kestrel doctor`',
    })
  }
}

/** Seals the params of this attempt in the vault, once. */
export function keepParams(attempt: Attempt): void {
  const { parsed, gate } = attempt
  if (parsed === undefined || attempt.params !== undefined || attempt.dryRun) return
  const params = paramsOf(parsed)
  if (Object.keys(params).length === 0) return
  attempt.params = gate.evidence.keep(params, attempt.verdict?.class)
}
