import { hintForAccess, hintForMiss } from './hint.ts'
import { strictest } from './obligations.ts'
import { hasDotSegment } from './pattern.ts'
import type { Access, ActionPlan, Classification, Pending, RuleBook } from './rule-book.ts'
import { isDenied, missOf, type Miss, type Rule } from './rule.ts'
import type { Obligations, Question, Verdict } from './types.ts'
import { deniedBy, forbid, listed, permitBy } from './verdict.ts'
import { rulesText } from './yaml-text.ts'

/**
 * Decides one question: deny rules, then allow rules, then access, then what no engine enforces yet. Whatever is left is
 * permitted. The order of the rules in the file never matters.
 */
export function decide(book: RuleBook, question: Question): Verdict {
  const plan = book.plans.get(question.action)
  const className = classOf(book, question.resources)
  const matching: Rule[] = []
  return (
    denied(plan, question, className) ??
    notAllowed(book, plan, question, className, matching) ??
    notAccessible(book, question, className) ??
    notEnforced(book, plan, question, className, matching) ??
    permitted(matching, className)
  )
}

function denied(plan: ActionPlan, question: Question, className: string | undefined): Verdict | undefined {
  if (plan.deny.length === 0) return undefined
  const found: Rule[] = []
  for (const resource of question.resources) {
    const candidates: Rule[] = []
    for (const index of plan.deny) index.collect(resource, candidates)
    for (const rule of candidates) if (isDenied(rule, question, resource)) found.push(rule)
  }
  if (found.length === 0) return undefined
  const only = found.length === 1 ? found[0] : undefined
  if (only?.alone !== undefined && className === undefined) return only.alone
  return deniedBy(idsOf(found), className)
}

/** Each resource needs an allow rule of its own; those that apply are added to `matching`. */
function notAllowed(
  book: RuleBook,
  plan: ActionPlan,
  question: Question,
  className: string | undefined,
  matching: Rule[],
): Verdict | undefined {
  const { resources } = question
  if (resources.length === 0)
    return forbid('no_matching_rule', [], 'the request names no resource', undefined, className)
  let refusal: Verdict | undefined
  for (const resource of resources) {
    const candidates: Rule[] = []
    if (!hasDotSegment(resource)) for (const index of plan.allow) index.collect(resource, candidates)
    if (candidates.length === 0) return noRule(book, plan, question, className)
    const before = matching.length
    const misses: (readonly [Rule, Miss])[] = []
    for (const rule of candidates) {
      const miss = missOf(rule, question, resource)
      if (miss === undefined) matching.push(rule)
      else misses.push([rule, miss])
    }
    if (matching.length === before) refusal ??= missed(misses, className)
  }
  return refusal
}

function noRule(book: RuleBook, plan: ActionPlan, question: Question, className: string | undefined): Verdict {
  const { resources } = question
  const uncovered =
    resources.length === 1
      ? resources
      : resources.filter((resource) => {
          const candidates: Rule[] = []
          for (const index of plan.allow) index.collect(resource, candidates)
          return candidates.length === 0 || hasDotSegment(resource)
        })
  const dotted = uncovered.some(hasDotSegment)
  const hint = dotted
    ? 'name the resource without `.` and `..` segments'
    : rulesText(book.allowName, question.action, uncovered)
  return forbid('no_matching_rule', [], 'no rule allows this action on this resource', hint, className)
}

const nearness: Readonly<Record<Miss, number>> = { role_missing: 0, constraint_mismatch: 1, condition_false: 2 }

const missMessages: Readonly<Record<Miss, string>> = {
  role_missing: 'is not for this principal',
  constraint_mismatch: 'wants other params',
  condition_false: 'has a condition that does not hold',
}

/** Tells of the rules that came nearest: past `who`, then past `constraint`. */
function missed(misses: readonly (readonly [Rule, Miss])[], className: string | undefined): Verdict {
  const nearest = Math.max(...misses.map(([, miss]) => nearness[miss]))
  const near = misses.filter(([, miss]) => nearness[miss] === nearest).sort(([a], [b]) => a.order - b.order)
  const [rule, miss] = near[0] as readonly [Rule, Miss]
  const ids = idsOf(near.map(([each]) => each))
  return forbid(miss, ids, `${listed(ids)} ${missMessages[miss]}`, hintForMiss(rule, miss), className)
}

function notAccessible(book: RuleBook, question: Question, className: string | undefined): Verdict | undefined {
  if (book.access === undefined) return undefined
  const entries: Access[] = []
  for (const resource of question.resources) book.access.collect(resource, entries)
  const { roles } = question.principal
  const unmet = entries.filter((entry) => !entry.roles.some((role) => roles.includes(role)))
  if (unmet.length === 0) return undefined
  const ids = idsOf(unmet)
  const first = unmet.find(({ id }) => id === ids[0]) as Access
  return forbid('role_missing', ids, `${listed(ids)} asks for another role`, hintForAccess(first), className)
}

function notEnforced(
  book: RuleBook,
  plan: ActionPlan,
  question: Question,
  className: string | undefined,
  matching: readonly Rule[],
): Verdict | undefined {
  const asking = matching.filter(({ pending }) => pending.length > 0)
  const others = book.retention === undefined ? plan.pending : [...plan.pending, ...retainedOf(book, question)]
  if (asking.length === 0 && others.length === 0) return undefined
  const features = [...new Set([...asking.flatMap(({ pending }) => pending), ...others.map(({ feature }) => feature)])]
  const ids = [...new Set([...idsOf(asking), ...others.map(({ id }) => id)])]
  const message = `${listed(ids)} asks for ${listed(features)}, which this version cannot enforce`
  const hint = `remove ${listed(features)} from ${listed(ids)} to allow this without it`
  return forbid('not_enforced_yet', ids, message, hint, className, obligationsOf(matching))
}

/** What retention asks for, by the class of each resource: the one class of the request would hide that of the other. */
function retainedOf(book: RuleBook, { resources }: Question): readonly Pending[] {
  return resources.flatMap((resource) => book.retention?.get(classOf(book, [resource]) ?? 'internal') ?? [])
}

function permitted(matching: readonly Rule[], className: string | undefined): Verdict {
  const only = matching.length === 1 ? matching[0] : undefined
  if (only?.alone !== undefined && className === undefined) return only.alone
  return permitBy(idsOf(matching), obligationsOf(matching), className)
}

function obligationsOf(matching: readonly Rule[]): Obligations {
  return strictest(matching.map(({ obligations }) => obligations))
}

/**
 * The class of the most specific classification (the longest pattern, then the first by name), so that the order of the
 * entries does not matter.
 */
function classOf(book: RuleBook, resources: readonly string[]): string | undefined {
  if (book.classify === undefined) return undefined
  const found: Classification[] = []
  for (const resource of resources) book.classify.collect(resource, found)
  let best: Classification | undefined
  for (const each of found) if (best === undefined || isMoreSpecific(each, best)) best = each
  return best?.class
}

function isMoreSpecific(a: Classification, b: Classification): boolean {
  const difference = a.resource.text.length - b.resource.text.length
  return difference > 0 || (difference === 0 && a.class < b.class)
}

/** The ids of `rules`, each once, in the order of the file. */
function idsOf(rules: readonly { readonly id: string; readonly order: number }[]): readonly string[] {
  if (rules.length === 1) return [(rules[0] as { readonly id: string }).id]
  return [...new Set([...rules].sort((a, b) => a.order - b.order).map(({ id }) => id))]
}
