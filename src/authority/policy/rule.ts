import type { JsonObject } from '../../base/json.ts'
import type { Condition } from './condition.ts'
import { meetsConstraint } from './constraint.ts'
import type { Place } from './node.ts'
import type { Pattern } from './pattern.ts'
import type { Obligations, Question, Verdict } from './types.ts'
import { isOneOf, type Who } from './who.ts'

/** One rule of `allow` (or `capabilities`) or `deny`, compiled. */
export interface Rule {
  /** `allow[0]`, `capabilities[2]`, `deny[1]`. */
  readonly id: string
  readonly effect: 'allow' | 'deny'
  /** Its place among all rules of the file, for a stable order of ids. */
  readonly order: number
  readonly at: Place
  readonly action: Pattern
  readonly resource: Pattern
  readonly who: readonly Who[] | undefined
  readonly constraint: JsonObject | undefined
  readonly when: Condition | undefined
  readonly obligations: Obligations
  /** What it asks for that no engine of this version enforces, as `approval: required`. */
  readonly pending: readonly string[]
  /** The verdict when it alone determines one, and no class comes in. */
  readonly alone: Verdict | undefined
}

/** Why a rule whose patterns match does not apply, in the order in which it is looked at. */
export type Miss = 'role_missing' | 'constraint_mismatch' | 'condition_false'

/** The first thing that keeps an allow rule from applying; undefined when it applies. */
export function missOf(rule: Rule, question: Question, resource: string): Miss | undefined {
  if (rule.who !== undefined && !isOneOf(rule.who, question)) return 'role_missing'
  if (rule.constraint !== undefined && !meetsConstraint(rule.constraint, question.params)) return 'constraint_mismatch'
  // a condition that cannot be evaluated does not hold
  if (rule.when !== undefined && rule.when.holds(question, resource) !== true) return 'condition_false'
  return undefined
}

/** Whether a deny rule applies. One whose condition cannot be evaluated does: an error forbids. */
export function isDenied(rule: Rule, question: Question, resource: string): boolean {
  if (rule.who !== undefined && !isOneOf(rule.who, question)) return false
  if (rule.constraint !== undefined && !meetsConstraint(rule.constraint, question.params)) return false
  return rule.when === undefined || rule.when.holds(question, resource) !== false
}
