import { limits } from '../base/limits.ts'
import type { EntryDraft } from '../evidence/ledger/index.ts'
import type { Attempt } from './attempt.ts'

type Decision = EntryDraft['decision']

/** What every entry and intent of this attempt says, whatever becomes of it. */
export function draftOf(
  attempt: Attempt,
  outcome?: EntryDraft['outcome'],
  decision: Decision = judgedBy(attempt),
): EntryDraft {
  const { caller, parsed, inForce } = attempt
  // One literal with every field, so that all drafts have one shape; what is undefined is absent from the entry.
  return {
    kind: 'action',
    agent: caller.agent,
    principal: caller.principal.id,
    action: attempt.action === '' ? undefined : attempt.action,
    resource: attempt.resource === '' ? undefined : attempt.resource,
    resources: parsed !== undefined && parsed.displayed.length > 1 ? parsed.displayed : undefined,
    params: attempt.params,
    policy: decision === undefined ? undefined : inForce.seq,
    decision,
    tier: attempt.tier,
    of: attempt.of,
    key: attempt.key,
    undo: mayBeUndone(outcome) ? attempt.undo : undefined,
    class: attempt.verdict?.class,
    outcome,
  }
}

/** Of an attempt that surely changed nothing, nothing is to be put back. */
function mayBeUndone(outcome: EntryDraft['outcome']): boolean {
  return outcome?.effect !== 'none'
}

function judgedBy({ verdict }: Attempt): Decision {
  return verdict && decisionOf(verdict.effect, verdict.reason, verdict.rules)
}

export function decisionOf(
  effect: NonNullable<Decision>['effect'],
  reason: string,
  rules: readonly string[],
): NonNullable<Decision> {
  const named = rules.length > limits.rulesPerEntry ? rules.slice(0, limits.rulesPerEntry) : rules
  return { effect, reason, rules: named.length === 0 ? undefined : named }
}
