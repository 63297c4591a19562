import type { Question, Verdict } from '../authority/policy/index.ts'
import type { Attempt } from './attempt.ts'

/** What the policy of `attempt` says of a request of its principal: the one it is about, or another that it leads to. */
export function askPolicy(
  { inForce, caller, gate }: Attempt,
  { action, resources, params }: Pick<Question, 'action' | 'resources' | 'params'>,
): Verdict {
  const { principal, agent } = caller
  return inForce.policy.decide({ principal, agent, action, resources, params, timeMs: gate.clock.now() })
}
