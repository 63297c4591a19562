import type { CompiledPolicy } from './compiled-policy.ts'
import { decide } from './decide.ts'
import type { RuleBook } from './rule-book.ts'
import { ActionCache, ActionIndex, ResourceIndex } from './rule-index.ts'
import type { Rule } from './rule.ts'
import type { Question, Verdict } from './types.ts'

/** What is not known of a request of the past. */
export interface Unknowns {
  readonly params: boolean
  readonly roles: boolean
}

/** The verdict, or that it hangs on what is not known. */
export type Bounded = { readonly verdict: Verdict } | 'undecided'

/**
 * Decides questions of which a part is not known: once as if it were all that a rule could ask for, once as if it were the
 * worst. Where both come out alike, the rest does not matter.
 */
export class Bounds {
  readonly #policy: CompiledPolicy
  readonly #books: Map<string, RuleBook> = new Map()

  constructor(policy: CompiledPolicy) {
    this.#policy = policy
  }

  decide(question: Question, unknown: Unknowns): Bounded {
    if (!unknown.params && !unknown.roles) return { verdict: this.#policy.decide(question) }
    const worst = decide(this.#book(unknown, false), question)
    const best = decide(this.#book(unknown, true), question)
    return worst.effect === best.effect ? { verdict: worst } : 'undecided'
  }

  /** The verdict if all that is not known were as a rule wants it. */
  best(question: Question, unknown: Unknowns): Verdict {
    return decide(this.#book(unknown, true), question)
  }

  #book(unknown: Unknowns, isBest: boolean): RuleBook {
    const key = `${unknown.params} ${unknown.roles} ${isBest}`
    let book = this.#books.get(key)
    if (book === undefined) this.#books.set(key, (book = bookWithout(this.#policy.book, unknown, isBest)))
    return book
  }
}

function bookWithout(book: RuleBook, unknown: Unknowns, isBest: boolean): RuleBook {
  const rules = book.rules.flatMap((rule) => without(rule, unknown, isBest === (rule.effect === 'allow')) ?? [])
  const allow = indexed(rules, 'allow')
  const deny = indexed(rules, 'deny')
  const { plans } = book
  return {
    ...book,
    rules,
    allow,
    deny,
    plans: new ActionCache((action) => ({
      allow: allow.indexesFor(action),
      deny: deny.indexesFor(action),
      pending: plans.get(action).pending,
    })),
    access: unknown.roles ? accessWithout(book, isBest) : book.access,
  }
}

function indexed(rules: readonly Rule[], effect: Rule['effect']): ActionIndex<Rule> {
  const index = new ActionIndex<Rule>()
  for (const rule of rules) if (rule.effect === effect) index.add(rule.action, rule.resource, rule)
  return index
}

/** The rule as if what is not known fitted it, or as if it did not: then perhaps there is none left. */
function without(rule: Rule, unknown: Unknowns, fits: boolean): Rule | undefined {
  const { who, constraint, when } = rule
  const asksRoles = unknown.roles && who?.some(({ kind }) => kind === 'role') === true
  const asksParams = unknown.params && constraint !== undefined
  const isOpen =
    when !== undefined &&
    ((unknown.params && /\bparams\b/.test(when.text)) || (unknown.roles && /\broles\b/.test(when.text)))
  if (!asksRoles && !asksParams && !isOpen) return rule
  if (!fits && (asksParams || isOpen)) return undefined
  return {
    ...rule,
    who: asksRoles ? (fits ? undefined : who.filter(({ kind }) => kind !== 'role')) : who,
    constraint: asksParams ? undefined : constraint,
    when: isOpen ? undefined : when,
  }
}

function accessWithout(book: RuleBook, isBest: boolean): RuleBook['access'] {
  if (isBest || book.accessEntries.length === 0) return undefined
  const index = new ResourceIndex<(typeof book.accessEntries)[number]>()
  for (const entry of book.accessEntries) index.add(entry.resource, { ...entry, roles: [] })
  return index
}
