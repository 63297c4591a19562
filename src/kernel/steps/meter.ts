import type { Attempt } from '../attempt.ts'
import { refuse, type Ending } from '../outcome.ts'

/**
 * Reserves what an attempt may cost. Budgets are not built: a missing budget is zero, so what has a cost is refused, whatever
 * the policy room made of it.
 */
export function meter(attempt: Attempt): Ending | undefined {
  const { verdict } = attempt
  if (verdict?.obligations.cost === undefined) return undefined
  return refuse('not_enforced_yet', 'the rule names a cost, and this version keeps no budgets', {
    rule: verdict.rules.join(', '),
  })
}
