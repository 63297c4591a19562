import { limits } from '../../../base/limits.ts'
import type { Pattern } from '../pattern.ts'
import {
  dictionary,
  duration,
  integer,
  list,
  oneOf,
  optional,
  record,
  required,
  type Placed,
  type Reader,
} from '../shape.ts'
import { actionPattern } from './pattern-fields.ts'
import { meterName } from './rules.ts'

export type Scope = 'run' | 'agent' | 'principal' | 'deployment'

const scopes = ['run', 'agent', 'principal', 'deployment'] as const

export interface BudgetDraft extends Placed {
  readonly limit: number | 'unlimited'
  readonly scope?: Scope
  readonly per?: number
}

export interface RateDraft extends Placed {
  readonly action: Pattern
  readonly max: number
  /** The window in ms. */
  readonly per: number
  readonly by?: Scope
}

export interface LimitsDraft extends Placed {
  readonly budgets?: ReadonlyMap<string, BudgetDraft>
  readonly rates?: readonly RateDraft[]
}

const count = integer('a budget', 0)

const amount: Reader<number | 'unlimited'> = (node, findings) =>
  node.kind === 'scalar' && node.value === 'unlimited' ? 'unlimited' : count(node, findings)

const fullBudget = record<BudgetDraft>('a budget', {
  limit: required(amount),
  scope: optional(oneOf('`scope`', scopes)),
  per: optional(duration('`per`')),
})

const budget: Reader<BudgetDraft> = (node, findings) => {
  if (node.kind === 'map') return fullBudget(node, findings)
  const limit = amount(node, findings)
  return limit === undefined ? undefined : { at: node.at, limit }
}

const rate = record<RateDraft>('a rate', {
  action: required(actionPattern),
  max: required(integer('`max`', 0)),
  per: required(duration('`per`')),
  by: optional(oneOf('`by`', scopes)),
})

export const limitsSection: Reader<LimitsDraft> = record<LimitsDraft>('`limits`', {
  budgets: optional(dictionary('`budgets`', meterName, budget)),
  rates: optional(list('`rates`', rate, { max: limits.policyRules })),
})
