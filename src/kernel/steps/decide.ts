import { limits } from '../../base/limits.ts'
import type { Attempt, ParsedRequest } from '../attempt.ts'
import { paramsOf } from '../attempt.ts'
import type { Ending } from '../outcome.ts'

/** Asks the policy that was in force when the attempt began. Whatever it does not permit ends here, or in `hold`. */
export function decide(attempt: Attempt): Ending | undefined {
  const parsed = attempt.parsed as ParsedRequest
  const verdict = attempt.inForce.policy.decide({
    principal: attempt.caller.principal,
    agent: attempt.caller.agent,
    action: parsed.action,
    resources: parsed.resources,
    params: paramsOf(parsed),
    timeMs: attempt.gate.clock.now(),
  })
  attempt.verdict = verdict
  if (verdict.effect !== 'forbid') return undefined
  const { reason: code, message, hint } = verdict
  const rules = verdict.rules.slice(0, limits.rulesPerEntry)
  return {
    status: 'denied',
    reason: { code, ...(rules.length > 0 && { rule: rules.join(', ') }), message, ...(hint !== undefined && { hint }) },
  }
}
