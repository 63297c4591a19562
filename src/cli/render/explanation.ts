import type { ConsideredRule, Explanation } from '../../authority/policy/index.ts'
import { visible } from '../../base/display.ts'
import { facts, indented, padded, textLines } from './layout.ts'
import type { Paint } from './paint.ts'

/** A verdict with its rules, for people. */
export function explanationLines({ verdict, rules, suggestion }: Explanation, asked: string, paint: Paint): string[] {
  const { effect, reason, message, hint } = verdict
  const shown = { permit: paint.good, forbid: paint.bad, hold: paint.wait }[effect](paint.strong(effect))
  const pairs: [string, string | readonly string[]][] = [
    ['why', textLines(message)],
    ['code', reason],
  ]
  if (verdict.rules.length > 0) pairs.push(['decided by', verdict.rules.map(visible).join(', ')])
  if (rules.length > 0) pairs.push(['rules', ruleLines(rules, paint)])
  if (suggestion !== undefined) pairs.push(['to allow it', ['add this to the policy:', ...textLines(suggestion)]])
  else if (hint !== undefined) pairs.push(['next', textLines(hint)])
  return [`${shown}  ${asked}`, ...indented(facts(pairs, paint), 2)]
}

function ruleLines(rules: readonly ConsideredRule[], paint: Paint): string[] {
  const width = Math.max(...rules.map(({ id }) => id.length))
  return rules.map(({ id, line, applies, why }) => {
    const mark = applies ? paint.good('●') : paint.quiet('○')
    return `${mark} ${padded(visible(id), width)}  ${line === 0 ? '' : `line ${line}: `}${visible(why)}`
  })
}
