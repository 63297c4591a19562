import type { Attempt } from '../attempt.ts'
import { refuse, type Ending } from '../outcome.ts'

/**
 * Ends an attempt that a person must approve first. Approvals are not built: such a request is refused and says so, whatever
 * the policy room made of it.
 */
export function hold(attempt: Attempt): Ending | undefined {
  const { verdict } = attempt
  if (verdict?.effect === 'permit' && verdict.obligations.approval === undefined) return undefined
  return refuse('not_enforced_yet', 'the rule asks for an approval, which this version cannot give', {
    ...(verdict !== undefined && { rule: verdict.rules.join(', ') }),
  })
}
