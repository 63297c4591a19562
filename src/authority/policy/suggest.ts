import { limits } from '../../base/limits.ts'
import { Bounds } from './bounds.ts'
import type { CompiledPolicy } from './compiled-policy.ts'
import { Cover, type RootOf } from './cover.ts'
import { loadPolicy } from './load.ts'
import { conflictsIn, isAboutWho, tellingParam, type Observation } from './observation.ts'
import { valueOf, type ParamValue } from './param-values.ts'
import { literalPattern } from './pattern.ts'
import { rootsOf } from './roots.ts'
import { mergedRules, type SuggestedRule, type ValuedPattern } from './suggested-rule.ts'
import { suggestionText, type SuggestionFacts } from './suggestion-text.ts'
import type { ActionKinds } from './check-options.ts'
import type { JsonObject } from '../../base/json.ts'
import type { Question } from './types.ts'

export interface SuggestOptions {
  /** The policy in force: the suggestion keeps all of it but its allow rules. */
  readonly policy: CompiledPolicy
  /** Its text. */
  readonly text: string
  readonly actions: ActionKinds
  /** Names in each rule the principals that asked. */
  readonly withWho: boolean
}

export interface Suggestion {
  readonly yaml: string
  readonly rules: number
  /** Requests that were permitted and are left out, since a deny rule forbids them now or they cannot be written as a rule. */
  readonly leftOut: readonly Observation[]
  /** Requests that were refused and that no rule could tell from permitted ones. */
  readonly opened: readonly Observation[]
}

/** So many siblings make a folder. */
const leastSiblings = 3
/** Rules beyond which folders are taken together as far as the log lets them. */
const readableRules = 20

/**
 * The smallest readable policy that permits what was wanted and nothing that was refused. The same observations give the same
 * text.
 */
export function suggestPolicy(observations: readonly Observation[], options: SuggestOptions): Suggestion {
  const { kept, leftOut } = sorted(observations, options.policy)
  const literal = new Set<string>()
  for (;;) {
    const rules = rulesFor(kept, options, literal)
    const facts: SuggestionFacts = {
      observations: kept,
      leftOut,
      actions: options.actions,
      roots: rootsOf(options.policy),
    }
    const yaml = suggestionText(options.text, rules, facts)
    const opened = openedBy(yaml, kept)
    const tooWide = new Set(opened.map(({ action }) => action).filter((action) => !literal.has(action)))
    if (tooWide.size === 0) return { yaml, rules: rules.length, leftOut, opened }
    // A request with two resources may be permitted by rules for each: then nothing is taken together.
    for (const action of tooWide) literal.add(action)
  }
}

/** Without what a deny rule forbids, what no pattern can say, and of two that contradict each other the older. */
function sorted(
  observations: readonly Observation[],
  policy: CompiledPolicy,
): { readonly kept: readonly Observation[]; readonly leftOut: readonly Observation[] } {
  const leftOut: Observation[] = []
  const kept: Observation[] = []
  const bounds = new Bounds(policy)
  for (const group of Map.groupBy(observations, ({ action }) => action).values()) {
    const param = tellingParam(group[0]?.action ?? '', group)
    const refused = new Map(conflictsIn(group, param).map((each) => [requestOf(each, param), each]))
    for (const each of group) {
      if (each.is !== 'wanted') continue
      const other = refused.get(requestOf(each, param))
      if (
        isForbidden(bounds, each) ||
        !each.resources.every(isWritable) ||
        (other !== undefined && other.seq > each.seq)
      ) {
        leftOut.push(each)
      } else kept.push(each)
    }
    const wanted = new Map(kept.filter(({ is }) => is === 'wanted').map((each) => [requestOf(each, param), each.seq]))
    for (const each of group) {
      if (each.is !== 'wanted' && !wanted.has(requestOf(each, param))) kept.push(each)
    }
  }
  return { kept, leftOut }
}

function requestOf({ action, principal, resources, params }: Observation, param: string | undefined): string {
  return [action, principal, param === undefined ? '' : valueOf(params, param), ...resources].join('\0')
}

function isWritable(resource: string): boolean {
  const pattern = literalPattern(resource)
  return pattern !== '' && pattern.length + '/**'.length <= limits.policyPatternLength && !/\p{Cc}/u.test(pattern)
}

function isForbidden(bounds: Bounds, observation: Observation): boolean {
  const bounded = bounds.decide(questionOf(observation), { params: observation.params === undefined, roles: true })
  return bounded !== 'undecided' && bounded.verdict.reason === 'denied_by_rule'
}

function questionOf({ action, resources, principal, params, timeMs }: Observation): Question {
  return {
    principal: { id: principal, roles: [] },
    agent: 'local',
    action,
    resources,
    params: params ?? noParams,
    timeMs,
  }
}

const noParams: JsonObject = Object.freeze(Object.create(null) as JsonObject)

/** A cover of like requests: of one action, one value of the telling param, and one principal where that matters. */
interface Cluster {
  readonly action: string
  readonly param: string | undefined
  readonly value: ParamValue
  readonly principal: string | undefined
  readonly cover: Cover
}

function rulesFor(
  observations: readonly Observation[],
  options: SuggestOptions,
  literal: ReadonlySet<string>,
): readonly SuggestedRule[] {
  const rootOf = rootsOf(options.policy)
  const groups = [...Map.groupBy(observations, ({ action }) => action)].sort(([a], [b]) => (a < b ? -1 : 1))
  const clusters = groups.flatMap(([action, group]) =>
    clustersOf(action, group, options.withWho, literal.has(action) ? () => undefined : rootOf),
  )
  for (const { cover } of clusters) cover.gatherSiblings(leastSiblings)
  let rules = ruled(clusters)
  for (const least of [leastSiblings, 2]) {
    const deepest = Math.max(0, ...clusters.map(({ cover }) => cover.deepest))
    for (let depth = deepest; depth > 0 && rules.length > readableRules; depth--)
      rules = narrowed(clusters, depth, least, rules)
  }
  return rules
}

/** Takes folders of one depth together, those that save most rules first, until there are few enough. */
function narrowed(
  clusters: readonly Cluster[],
  depth: number,
  least: number,
  before: readonly SuggestedRule[],
): readonly SuggestedRule[] {
  let rules = before
  const folders = clusters.flatMap(({ cover }) =>
    cover.foldersAt(depth, least).map((folder, rank) => ({ cover, folder, rank })),
  )
  folders.sort((a, b) => a.rank - b.rank || (a.folder < b.folder ? -1 : 1))
  if (folders.length === 0) return before
  let saved = 0
  for (const { cover, folder } of folders) {
    if (rules.length - saved <= readableRules) {
      rules = ruled(clusters)
      saved = 0
      if (rules.length <= readableRules) break
    }
    const pieces = cover.pieces.length
    cover.collapse(folder)
    saved += pieces - cover.pieces.length
  }
  return ruled(clusters)
}

function ruled(clusters: readonly Cluster[]): readonly SuggestedRule[] {
  const patterns = clusters.flatMap(({ action, param, value, principal, cover }) =>
    cover.pieces.map(({ pattern }): ValuedPattern => ({ action, param, value, principal, pattern })),
  )
  return mergedRules(patterns)
}

function clustersOf(
  action: string,
  group: readonly Observation[],
  withWho: boolean,
  rootOf: RootOf,
): readonly Cluster[] {
  const param = tellingParam(action, group)
  const saysWho = withWho || isAboutWho(group, param)
  const wanted = group.filter(({ is }) => is === 'wanted')
  const isAsked = new Set(wanted.flatMap(({ resources }) => resources))
  const clusters = Map.groupBy(wanted, ({ principal, params }) =>
    JSON.stringify([saysWho ? principal : null, param === undefined ? null : valueOf(params, param)]),
  )
  return [...clusters.values()].map((members) => {
    const [first] = members as [Observation, ...Observation[]]
    const value = param === undefined ? '' : valueOf(first.params, param)
    const principal = saysWho ? first.principal : undefined
    const isOther = (each: Observation): boolean =>
      each.is === 'refused' && ((saysWho && each.principal !== principal) || isOtherValue(each, param, value))
    const closed = group
      .filter((each) => each.is !== 'wanted' && !isOther(each))
      .flatMap((each) =>
        // Of a request with two resources one may well be wanted elsewhere.
        each.resources.length === 1 ? each.resources : each.resources.filter((resource) => !isAsked.has(resource)),
      )
    const cover = new Cover(
      members.flatMap(({ resources }) => resources),
      closed,
      action === 'proc.exec' ? () => undefined : rootOf,
    )
    return { action, param, value, principal, cover }
  })
}

function isOtherValue({ params }: Observation, param: string | undefined, value: ParamValue): boolean {
  if (param === undefined || value === 'unknown') return false
  const own = valueOf(params, param)
  return own !== 'unknown' && own !== value
}

/** What was refused and the suggestion surely permits. */
function openedBy(yaml: string, observations: readonly Observation[]): readonly Observation[] {
  const bounds = new Bounds(loadPolicy(yaml, { file: 'the suggestion', baseDirectory: '/' }))
  return observations.filter((each) => {
    if (each.is !== 'refused') return false
    const bounded = bounds.decide(questionOf(each), { params: each.params === undefined, roles: true })
    return bounded !== 'undecided' && bounded.verdict.effect === 'permit'
  })
}
