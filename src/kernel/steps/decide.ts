import type { Verdict } from '../../authority/policy/index.ts'
import { limits } from '../../base/limits.ts'
import { askPolicy } from '../ask-policy.ts'
import type { Attempt, ParsedRequest } from '../attempt.ts'
import type { Ending, Reason } from '../outcome.ts'

/** Asks the policy that was in force when the attempt began. Whatever it does not permit ends here, or in `hold`. */
export function decide(attempt: Attempt): Ending | undefined {
  const parsed = attempt.parsed as ParsedRequest
  const verdict = askPolicy(attempt, parsed)
  attempt.verdict = verdict
  if (verdict.effect !== 'forbid') return undefined
  return { status: 'denied', reason: reasonOf(verdict) }
}

function reasonOf({ reason: code, rules, message, hint }: Verdict): Reason {
  const rule = rules.length > 1 ? rules.slice(0, limits.rulesPerEntry).join(', ') : rules[0]
  return {
    code,
    ...(rule !== undefined && { rule }),
    message,
    ...(hint !== undefined && { hint }),
  }
}
