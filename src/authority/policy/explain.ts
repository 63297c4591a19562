import type { CompiledPolicy } from './compiled-policy.ts'
import { hintForAccess, hintForMiss } from './hint.ts'
import { hasDotSegment, matchesPattern } from './pattern.ts'
import type { RuleBook } from './rule-book.ts'
import { isDenied, missOf, type Rule } from './rule.ts'
import type { Question, Verdict } from './types.ts'
import { blocksOfRules } from './rule-text.ts'
import { smallestRules } from './smallest-rule.ts'

/** One rule that had a say, or nearly had. */
export interface ConsideredRule {
  readonly id: string
  readonly section: 'allow' | 'deny' | 'access'
  /** The line of the rule; 0 in a policy that was given as an object. */
  readonly line: number
  readonly applies: boolean
  /** What made it apply, or what kept it from applying. */
  readonly why: string
}

/** A verdict with all that `kestrel policy explain` tells about it. */
export interface Explanation {
  readonly verdict: Verdict
  /** Those that apply first, then those that came nearest. */
  readonly rules: readonly ConsideredRule[]
  /**
   * For a refusal that a rule could turn: the smallest rule that does, as YAML. It may repeat params of the request where the
   * policy constrains them, so it is for the operator's eyes.
   */
  readonly suggestion?: string
}

/** How many rules that match only by action, or only by resource, are told. */
const nearMisses = 5

export function explainQuestion(policy: CompiledPolicy, question: Question): Explanation {
  const verdict = policy.decide(question)
  const smallest = smallestRules(policy, question, verdict)
  return {
    verdict,
    rules: [...considered(policy.book, question), ...nearlyMatching(policy.book, question)],
    ...(smallest === undefined ? {} : { suggestion: blocksOfRules(policy.book.allowName, smallest) }),
  }
}

function considered(book: RuleBook, question: Question): readonly ConsideredRule[] {
  const rules: ConsideredRule[] = []
  for (const rule of book.rules) {
    if (!matchesPattern(rule.action, question.action)) continue
    const resource = question.resources.find((each) => matchesPattern(rule.resource, each))
    if (resource !== undefined)
      rules.push(rule.effect === 'deny' ? judgedDeny(rule, question) : judgedAllow(rule, question))
  }
  for (const entry of book.accessEntries) {
    if (!question.resources.some((each) => matchesPattern(entry.resource, each))) continue
    const applies = !entry.roles.some((role) => question.principal.roles.includes(role))
    const why = applies ? hintForAccess(entry) : 'the principal has one of its roles'
    rules.push({ id: entry.id, section: 'access', line: entry.at.line, applies, why })
  }
  return rules.sort((a, b) => Number(b.applies) - Number(a.applies))
}

function judgedAllow(rule: Rule, question: Question): ConsideredRule {
  const resources = question.resources.filter((each) => matchesPattern(rule.resource, each))
  const misses = resources.map((each) => (hasDotSegment(each) ? 'dots' : missOf(rule, question, each)))
  const line = rule.at.line
  if (misses.includes(undefined)) {
    const why =
      rule.pending.length === 0
        ? 'it allows this'
        : `it allows this, but asks for ${rule.pending.join(', ')}, which this version cannot enforce`
    return { id: rule.id, section: 'allow', line, applies: true, why }
  }
  const miss = misses[0]
  const why =
    miss === undefined || miss === 'dots'
      ? 'no rule allows a resource with `.` or `..` segments'
      : hintForMiss(rule, miss)
  return { id: rule.id, section: 'allow', line, applies: false, why }
}

function judgedDeny(rule: Rule, question: Question): ConsideredRule {
  const resources = question.resources.filter((each) => matchesPattern(rule.resource, each))
  const applies = resources.some((each) => isDenied(rule, question, each))
  const why = applies ? 'it forbids this, and deny wins' : 'its `who`, `constraint` or `when` does not hold'
  return { id: rule.id, section: 'deny', line: rule.at.line, applies, why }
}

/** The allow rules that match by action or by resource alone, the most alike first. */
function nearlyMatching(book: RuleBook, question: Question): readonly ConsideredRule[] {
  const byAction: (readonly [number, ConsideredRule])[] = []
  const byResource: ConsideredRule[] = []
  for (const rule of book.rules) {
    if (rule.effect === 'deny') continue
    const actionMatches = matchesPattern(rule.action, question.action)
    const resourceMatches = question.resources.some((each) => matchesPattern(rule.resource, each))
    if (actionMatches === resourceMatches) continue
    const base = { id: rule.id, section: 'allow', line: rule.at.line, applies: false } as const
    if (actionMatches) {
      const likeness = Math.max(...question.resources.map((each) => commonStart(rule.resource.text, each)))
      byAction.push([likeness, { ...base, why: `it is for the resource \`${rule.resource.text}\`` }])
    } else {
      byResource.push({ ...base, why: `it is for the action \`${rule.action.text}\`` })
    }
  }
  const nearest = byAction.sort(([a], [b]) => b - a).map(([, rule]) => rule)
  return [...nearest.slice(0, nearMisses), ...byResource.slice(0, nearMisses)]
}

function commonStart(a: string, b: string): number {
  let length = 0
  while (length < a.length && length < b.length && a[length] === b[length]) length++
  return length
}
