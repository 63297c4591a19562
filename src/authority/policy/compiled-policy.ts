import type { RuleBook } from './rule-book.ts'
import type { Policy } from './types.ts'

/** A policy with what `explainQuestion` and `runPolicyTests` look into. */
export interface CompiledPolicy extends Policy {
  /** For this room alone; its shape is not a promise. */
  readonly book: RuleBook
}
