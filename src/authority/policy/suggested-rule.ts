import { covers, sampleOf } from './covering.ts'
import { linesFor, type ParamValue } from './param-values.ts'
import { compilePattern, type Pattern } from './pattern.ts'
import { ResourceIndex } from './rule-index.ts'
import type { RuleText } from './rule-text.ts'
import { yamlText } from './yaml-text.ts'

/** A pattern for one value of a param, and for one principal or for anyone. */
export interface ValuedPattern {
  readonly action: string
  readonly param: string | undefined
  readonly value: ParamValue
  readonly principal: string | undefined
  readonly pattern: string
}

export interface SuggestedRule extends RuleText {
  /** The param that it is held to, and to which values; absent where any will do. */
  readonly held: { readonly param: string; readonly values: readonly ParamValue[] } | undefined
}

/** Patterns of one action that differ in values and principals alone. */
interface Merged {
  readonly action: string
  readonly pattern: string
  readonly param: string | undefined
  readonly values: Set<ParamValue>
  readonly principals: Set<string> | undefined
}

/** Values of one program beyond which its arguments are not written out. */
const mostValues = 48

/** As few rules as say the same, by action and pattern. */
export function mergedRules(patterns: readonly ValuedPattern[]): readonly SuggestedRule[] {
  const byValues = mergeBy(patterns, ({ principal }) => principal ?? '', true)
  const merged = mergeBy(byValues, ({ values }) => [...values].sort(compare).join('\0'), false)
  const rules = withoutCovered(merged).flatMap(rulesOf)
  return rules.sort(
    (a, b) => compare(a.action, b.action) || compare(a.resource, b.resource) || compare(a.more.join(), b.more.join()),
  )
}

/** First the values of each principal, then the principals of the same values. */
function mergeBy(all: readonly (ValuedPattern | Merged)[], own: (each: never) => string, byValue: boolean): Merged[] {
  const merged = new Map<string, Merged>()
  for (const each of all) {
    const key = [each.action, each.pattern, (own as (each: ValuedPattern | Merged) => string)(each)].join('\0')
    const values = 'values' in each ? each.values : new Set([each.value])
    const principals =
      'values' in each ? each.principals : each.principal === undefined ? undefined : new Set([each.principal])
    const known = merged.get(key)
    if (known === undefined) {
      const copied = principals === undefined ? undefined : new Set(principals)
      merged.set(key, {
        action: each.action,
        pattern: each.pattern,
        param: each.param,
        values: new Set(values),
        principals: copied,
      })
    } else if (byValue) for (const value of values) known.values.add(value)
    else for (const principal of principals ?? []) known.principals?.add(principal)
  }
  return [...merged.values()]
}

function withoutCovered(all: readonly Merged[]): readonly Merged[] {
  const compiled = new Map<Merged, Pattern>()
  const wide = new Map<string, ResourceIndex<Merged>>()
  for (const each of all) {
    const reading = compilePattern(each.pattern)
    if ('problem' in reading) continue
    compiled.set(each, reading.pattern)
    if (reading.pattern.kind === 'literal') continue
    const index = wide.get(each.action) ?? new ResourceIndex()
    wide.set(each.action, index)
    index.add(reading.pattern, each)
  }
  return [...compiled].flatMap(([each, pattern]) => {
    const found: Merged[] = []
    wide.get(each.action)?.collect(sampleOf(pattern) ?? each.pattern, found)
    const isCovered = found.some(
      (other) =>
        other.pattern !== each.pattern &&
        covers(compiled.get(other) as Pattern, pattern) &&
        holdsAll(other.values, each.values) &&
        holdsAll(other.principals, each.principals),
    )
    return isCovered ? [] : [each]
  })
}

function holdsAll(wide: ReadonlySet<string> | undefined, narrow: ReadonlySet<string> | undefined): boolean {
  if (wide === undefined || wide.has('unknown')) return true
  return narrow !== undefined && [...narrow].every((each) => wide.has(each))
}

function rulesOf({ action, pattern, param, values, principals }: Merged): readonly SuggestedRule[] {
  const isAny = param === undefined || values.has('unknown') || (action === 'proc.exec' && values.size > mostValues)
  const names = [...(principals ?? [])].sort().map((name) => yamlText(`principal:${name}`))
  const who = names.length === 0 ? [] : [`who: [${names.join(', ')}]`]
  if (isAny) return [{ action, resource: pattern, more: who, held: undefined }]
  const held = { param, values: [...values].sort() }
  return linesFor(param, values).map((lines) => ({ action, resource: pattern, more: [...who, ...lines], held }))
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
