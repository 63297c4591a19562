import type { Place } from './node.ts'
import type { Pattern } from './pattern.ts'
import type { Rule } from './rule.ts'
import type { ActionCache, ActionIndex, ResourceIndex } from './rule-index.ts'

/** An `access` entry, compiled. */
export interface Access {
  readonly id: string
  readonly order: number
  readonly at: Place
  readonly resource: Pattern
  readonly roles: readonly string[]
}

/** A `classify` entry, compiled. */
export interface Classification {
  readonly class: string
  readonly resource: Pattern
}

/** An entry of a section whose engine is not built: what it governs is refused. */
export interface Pending {
  readonly id: string
  /** As `limits.rates`. */
  readonly feature: string
}

/** Everything that has a say about one action. */
export interface ActionPlan {
  readonly allow: readonly ResourceIndex<Rule>[]
  readonly deny: readonly ResourceIndex<Rule>[]
  readonly pending: readonly Pending[]
}

/** A whole policy, compiled for deciding. */
export interface RuleBook {
  /** The list that this policy keeps its allow rules in. */
  readonly allowName: 'allow' | 'capabilities'
  readonly rules: readonly Rule[]
  readonly accessEntries: readonly Access[]
  readonly plans: ActionCache<ActionPlan>
  readonly allow: ActionIndex<Rule>
  readonly deny: ActionIndex<Rule>
  /** Undefined where the policy has no such section. */
  readonly access: ResourceIndex<Access> | undefined
  readonly classify: ResourceIndex<Classification> | undefined
  /** By class. */
  readonly retention: ReadonlyMap<string, Pending> | undefined
}
