import type { JsonObject } from '../base/json.ts'
import type { Judged } from '../effects/provider.ts'
import { askPolicy } from './ask-policy.ts'
import type { Attempt, ParsedRequest } from './attempt.ts'

/**
 * Judges a resource that turned up while `attempt` was under way, as if the same principal had asked for it: under the policy
 * of the attempt, and without asking anybody. What would need an approval or a budget of its own is refused.
 */
export function judgeFurther(attempt: Attempt, raw: string, params: JsonObject | undefined): Judged {
  const parsed = attempt.parsed as ParsedRequest
  const reading = parsed.definition.readResource(raw)
  if ('problem' in reading) return { refused: 'invalid_request', message: reading.problem }
  const verdict = askPolicy(attempt, {
    action: parsed.action,
    resources: [reading.canonical],
    params: params ?? parsed.params,
  })
  const { effect, reason, message, hint, obligations } = verdict
  if (effect !== 'permit') return { refused: reason, message, ...(hint !== undefined && { hint }) }
  if (obligations.approval === 'required')
    return { refused: 'approval_required', message: 'it needs an approval of its own' }
  if (obligations.cost !== undefined) return { refused: 'not_enforced_yet', message: 'it has a cost of its own' }
  return { network: obligations.network ?? 'public' }
}
