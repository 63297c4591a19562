import type { ReasonCode } from '../../base/reasons.ts'

/** A request of the past, as a log holds it: without roles, and of a URL without its query. */
export interface PastRequest {
  readonly seq: number
  readonly action: string
  readonly resources: readonly string[]
  readonly principal: string
  readonly agent: string
  readonly timeMs: number
  readonly was: PastDecision
  /** SHA-256 of the policy file that decided it, hex. */
  readonly policyDigest: string | undefined
  /** Whether any params were sent. */
  readonly hasParams: boolean
}

export interface PastDecision {
  readonly effect: 'permit' | 'forbid' | 'hold'
  /** A reason code, also of a version that has more of them. */
  readonly reason: string
  readonly rules: readonly string[]
}

const byPolicy: ReadonlySet<string> = new Set<ReasonCode>([
  'permitted',
  'no_matching_rule',
  'denied_by_rule',
  'constraint_mismatch',
  'condition_false',
  'role_missing',
  'not_enforced_yet',
  'approval_required',
])

/**
 * Whether the policy decided it. Else the gate or a provider refused what it permits, or before it was asked, and no rule
 * changes that.
 */
export function wasDecidedByPolicy({ reason, rules }: PastDecision): boolean {
  // Found on the way, as where a redirect leads: the rules named are those that permitted the request.
  const isOnTheWay = reason === 'no_matching_rule' ? rules.length > 0 : reason === 'denied_by_rule' && !deniesIn(rules)
  return byPolicy.has(reason) && !isOnTheWay
}

function deniesIn(rules: readonly string[]): boolean {
  return rules.some((id) => id.startsWith('deny['))
}
