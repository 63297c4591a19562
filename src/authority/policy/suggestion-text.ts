import type { ActionKinds } from './check-options.ts'
import type { RootOf } from './cover.ts'
import { readDocument } from './document.ts'
import { Findings } from './findings.ts'
import type { Member, Node } from './node.ts'
import type { Observation } from './observation.ts'
import { linesOfRule } from './rule-text.ts'
import type { SuggestedRule } from './suggested-rule.ts'
import { yamlKey, yamlText } from './yaml-text.ts'

export interface SuggestionFacts {
  readonly observations: readonly Observation[]
  readonly leftOut: readonly Observation[]
  readonly actions: ActionKinds
  readonly roots: RootOf
}

/** A policy with these allow rules, and with all that `text` has beside its own. */
export function suggestionText(text: string, rules: readonly SuggestedRule[], facts: SuggestionFacts): string {
  const node = readDocument(text, new Findings())
  const members = node?.kind === 'map' ? node.members : []
  const others = members.filter(({ key }) => !['version', 'mounts', 'allow', 'capabilities'].includes(key))
  const mounts = members.filter(({ key }) => key === 'mounts')
  const allow = rules.length === 0 ? ['allow: []'] : ['allow:', ...rules.flatMap((rule) => ruleLines(rule, facts))]
  return `${[...head(rules, facts), 'version: 1', ...mounts.flatMap(sectionLines), ...allow, ...others.flatMap(sectionLines)].join('\n')}\n`
}

function head(rules: readonly SuggestedRule[], { observations, leftOut }: SuggestionFacts): string[] {
  const wanted = observations.filter(({ is }) => is === 'wanted').length
  const refused = observations.filter(({ is }) => is !== 'wanted').length
  const told = `# ${counted(rules.length, 'rule')} for ${counted(wanted, 'distinct request')} that the log saw permitted; ${refused} that it saw refused stay so.`
  const urls = rules.some(({ resource }) => /^https?:/.test(resource))
  return [
    told,
    ...(leftOut.length > 0
      ? [`# Left out: ${counted(leftOut.length, 'request')} that the policy forbids now, or that no rule can name.`]
      : []),
    ...(urls ? ['# The log holds URLs without their query: a rule for one URL permits it without.'] : []),
  ]
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function ruleLines(rule: SuggestedRule, facts: SuggestionFacts): string[] {
  const marks = marksOf(rule, facts)
  const [action = '', ...more] = linesOfRule(rule)
  return [`  - ${action}${marks.length === 0 ? '' : ` # ${marks.join(', ')}`}`, ...more.map((line) => `    ${line}`)]
}

/** What a reader should look at twice. */
function marksOf({ action, resource, held }: SuggestedRule, { actions, roots }: SuggestionFacts): readonly string[] {
  const kind = actions.get(action)
  const marks: string[] = []
  if (action === 'proc.exec') marks.push(held === undefined ? 'runs programs, with any arguments' : 'runs programs')
  else if (action === 'net.http') {
    if (held === undefined || held.values.some((value) => !['"GET"', '"HEAD"', 'unsent'].includes(value)))
      marks.push('sends')
  } else if (kind === 'mutate') marks.push('writes')
  else if (kind === undefined) marks.push('its effect is not known here')
  if (resource.endsWith('/**') && resource.slice(0, -'/**'.length) === roots(resource)) {
    marks.push(/^https?:/.test(resource) ? 'whole host' : 'all of it')
  }
  return marks
}

/** A section as it was written, but for its layout and its comments. */
function sectionLines({ key, value }: Member): string[] {
  if (value.kind === 'list' && value.items.length > 0) {
    return [`${yamlKey(key)}:`, ...value.items.map((item) => `  - ${flowOf(item)}`)]
  }
  if (value.kind === 'map' && value.members.length > 0) {
    return [`${yamlKey(key)}:`, ...value.members.map((member) => `  ${yamlKey(member.key)}: ${flowOf(member.value)}`)]
  }
  return [`${yamlKey(key)}: ${flowOf(value)}`]
}

function flowOf(node: Node): string {
  if (node.kind === 'list') return node.items.length === 0 ? '[]' : `[${node.items.map(flowOf).join(', ')}]`
  if (node.kind === 'map') {
    const members = node.members.map(({ key, value }) => `${yamlKey(key)}: ${flowOf(value)}`)
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
  }
  return typeof node.value === 'string' ? yamlText(node.value) : JSON.stringify(node.value)
}
