import { limits } from '../../base/limits.ts'
import { appliesWherever, sampleOf } from './covering.ts'
import type { Findings } from './findings.ts'
import { isStricterThan } from './obligations.ts'
import type { RuleBook } from './rule-book.ts'
import type { ResourceIndex } from './rule-index.ts'
import type { Rule } from './rule.ts'

/** Warns of rules that make no difference: what a deny rule forbids whole, and what another allow rule allows as well. */
export function warnOfShadows(book: RuleBook, findings: Findings): void {
  let comparisons = 0
  const search = { exhausted: (): boolean => ++comparisons > limits.policyComparisons || findings.warned }
  for (const rule of book.rules) {
    if (search.exhausted()) return
    if (rule.effect === 'deny') {
      warnOfTwin(rule, book, findings, search)
      continue
    }
    const deny = candidates(rule, book, 'deny').find((each) => !search.exhausted() && appliesWherever(each, rule))
    if (deny !== undefined) {
      const help = 'deny wins, so it never allows anything; narrow the one or remove the other'
      findings.warning(rule.at, 'unreachable_rule', `\`${deny.id}\` forbids all that \`${rule.id}\` allows: ${help}`)
    } else warnOfTwin(rule, book, findings, search)
  }
}

function warnOfTwin(rule: Rule, book: RuleBook, findings: Findings, search: { exhausted(): boolean }): void {
  for (const wide of candidates(rule, book, rule.effect)) {
    if (search.exhausted()) return
    if (wide === rule || !appliesWherever(wide, rule) || isStricterThan(rule.obligations, wide.obligations)) continue
    const isSame = appliesWherever(rule, wide) && !isStricterThan(wide.obligations, rule.obligations)
    // Of two that say the same the later is told.
    if (isSame && rule.order < wide.order) continue
    const does = rule.effect === 'deny' ? 'forbids' : 'allows'
    const but = isStricterThan(wide.obligations, rule.obligations)
      ? `, and asks for more: where both match the stricter holds, so \`${rule.id}\` loosens nothing`
      : ''
    const message = `\`${wide.id}\` ${does} all of it already${but}; remove \`${rule.id}\``
    findings.warning(rule.at, 'redundant_rule', message)
    return
  }
}

/** Rules that may match all that `rule` matches. */
function candidates(rule: Rule, book: RuleBook, effect: Rule['effect']): readonly Rule[] {
  const sample = sampleOf(rule.resource)
  const found: Rule[] = []
  for (const index of indexesFor(rule, book, effect)) index.collect(sample ?? rule.resource.text, found)
  return found.filter((each) => each.effect === effect)
}

function indexesFor(rule: Rule, book: RuleBook, effect: Rule['effect']): readonly ResourceIndex<Rule>[] {
  const { action } = rule
  // A pattern of actions is looked up by its own text: a wildcard matches itself.
  return book[effect].indexesFor(action.kind === 'literal' ? action.value : action.text)
}
