import { yamlText } from './yaml-text.ts'

/** A rule as it is written into a file: its keys with their values, as YAML in one line each. */
export interface RuleText {
  readonly action: string
  readonly resource: string
  /** Further lines, as `who: [role:editor]`. */
  readonly more: readonly string[]
}

/** `action: …`, `resource: …` and the rest, a line each. */
export function linesOfRule({ action, resource, more }: RuleText): readonly string[] {
  return [`action: ${yamlText(action)}`, `resource: ${yamlText(resource)}`, ...more]
}

/** The same in one line, as `{ action: …, resource: … }`. */
export function flowOfRule(rule: RuleText): string {
  return `{ ${linesOfRule(rule).join(', ')} }`
}

/** A list of rules to paste. */
export function blocksOfRules(list: string, rules: readonly RuleText[]): string {
  const lines = rules.flatMap((rule) => linesOfRule(rule).map((line, i) => `${i === 0 ? '  - ' : '    '}${line}`))
  return [`${list}:`, ...lines].join('\n')
}
