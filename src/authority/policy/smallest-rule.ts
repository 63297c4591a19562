import { canonicalJson } from '../../base/canonical-json.ts'
import type { JsonValue } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import type { CompiledPolicy } from './compiled-policy.ts'
import { tellingParams } from './observation.ts'
import { hasDotSegment, literalPattern, matchesPattern } from './pattern.ts'
import type { RuleBook } from './rule-book.ts'
import { missOf, type Rule } from './rule.ts'
import type { RuleText } from './rule-text.ts'
import type { Question, Verdict } from './types.ts'
import { visibleYaml, yamlKey, yamlText } from './yaml-text.ts'

const actionText = /^[A-Za-z0-9_.-]+$/

/**
 * The smallest rules by which `question` would be permitted: one for each resource that none allows yet. Undefined where no
 * allow rule would help, or none could say it.
 *
 * @param who for whom they are, as `role:editor`; without it for the one who asked, where the refusal was about a rule for others
 */
export function smallestRules(
  { book }: Pick<CompiledPolicy, 'book'>,
  question: Question,
  verdict: Verdict,
  who?: readonly string[],
): readonly RuleText[] | undefined {
  if (verdict.effect !== 'forbid' || verdict.rules.some((id) => id.startsWith('access['))) return undefined
  const narrow = narrowing(book, question, verdict)
  if (narrow === undefined || !actionText.test(question.action)) return undefined
  const names = who ?? (narrow.isForAsker ? [`principal:${question.principal.id}`] : [])
  const whoLine = names.length === 0 ? [] : [`who: [${names.map(yamlText).join(', ')}]`]
  const resources = uncovered(book, question)
  if (resources.some((each) => hasDotSegment(each) || !isWritable(literalPattern(each)))) return undefined
  return resources.map((resource) => ({
    action: question.action,
    resource: literalPattern(resource),
    more: [...whoLine, ...narrow.params],
  }))
}

function isWritable(pattern: string): boolean {
  return pattern !== '' && pattern.length <= limits.policyPatternLength && !/\p{Cc}/u.test(pattern)
}

function uncovered(book: RuleBook, question: Question): readonly string[] {
  const applying = (resource: string): boolean =>
    book.rules.some(
      (rule) =>
        rule.effect === 'allow' &&
        matchesPattern(rule.action, question.action) &&
        matchesPattern(rule.resource, resource) &&
        missOf(rule, question, resource) === undefined,
    )
  return question.resources.filter((resource) => !applying(resource))
}

interface Narrowing {
  readonly isForAsker: boolean
  /** Lines that hold the rule to the params of the request. */
  readonly params: readonly string[]
}

/** What keeps a suggested rule small; undefined where no allow rule would help. */
function narrowing(book: RuleBook, question: Question, { reason, rules }: Verdict): Narrowing | undefined {
  const nearest = book.rules.find(({ id }) => id === rules[0])
  switch (reason) {
    case 'no_matching_rule':
      return { isForAsker: false, params: paramLines(toldBy(question), question) }
    case 'role_missing':
      return { isForAsker: true, params: [] }
    case 'constraint_mismatch':
    case 'condition_false':
      return { isForAsker: true, params: paramLines(paramsOf(nearest), question) }
    default:
      return undefined
  }
}

/** Of a program its arguments and of the web the method say as much as the resource: where they were sent, a rule names them. */
function toldBy({ action, params }: Question): readonly string[] {
  const name = tellingParams.get(action)
  return name !== undefined && Object.hasOwn(params, name) ? [name] : []
}

/** The params that a rule looks at. */
function paramsOf(rule: Rule | undefined): readonly string[] {
  const asked = [...(rule?.when?.text ?? '').matchAll(/\bparams\.([A-Za-z_]\w*)/g)].map(([, name]) => name as string)
  return [...new Set([...Object.keys(rule?.constraint ?? {}), ...asked])]
}

function paramLines(names: readonly string[], { params }: Question): readonly string[] {
  const isSent = (name: string): boolean => Object.hasOwn(params, name)
  const sent = names.filter((name) => isSent(name) && params[name] !== null && name !== '__proto__')
  const members = sent.map((name) => `${yamlKey(name)}: ${visibleYaml(canonicalJson(params[name] as JsonValue))}`)
  const others = names.filter((name) => !sent.includes(name) && /^[A-Za-z_]\w*$/.test(name))
  const absent = others.map((name) => (isSent(name) ? `params.${name} == null` : `!has(params.${name})`))
  return [
    ...(members.length === 0 ? [] : [`constraint: { ${members.join(', ')} }`]),
    ...(absent.length === 0 ? [] : [`when: ${JSON.stringify(absent.join(' && '))}`]),
  ]
}
