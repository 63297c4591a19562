import type { JsonObject } from '../../base/json.ts'
import { valueOf, type ParamValue } from './param-values.ts'

/** What a log saw of like requests. */
export interface Observation {
  readonly action: string
  readonly resources: readonly string[]
  readonly principal: string
  /** Those that tell requests apart; undefined where they were not read. */
  readonly params: JsonObject | undefined
  /** To be permitted, to stay refused, or never to be reached by a pattern, though no rule refused it. */
  readonly is: 'wanted' | 'refused' | 'closed'
  /** The last of them. */
  readonly seq: number
  readonly timeMs: number
}

/** The param by which requests of an action differ most. */
export const tellingParams: ReadonlyMap<string, string> = new Map([
  ['net.http', 'method'],
  ['proc.exec', 'args'],
])

/** Actions whose params must be read for `observations`: those that are told apart by them. */
export function actionsToldByParams(observations: readonly Observation[]): ReadonlySet<string> {
  const byAction = Map.groupBy(observations, ({ action }) => action)
  const found = new Set(tellingParams.keys())
  for (const [action, group] of byAction) if (conflictsIn(group, undefined).length > 0) found.add(action)
  return found
}

/** How many values a param may have that tells requests apart, unless it always does. */
const fewValues = 8
/** Params of which one may tell requests apart: an agent chooses how many it sends. */
const triedNames = 32

/** The param by which wanted requests of one action are told from refused ones; undefined where none is needed, or none does. */
export function tellingParam(action: string, group: readonly Observation[]): string | undefined {
  const usual = tellingParams.get(action)
  if (usual !== undefined) return usual
  const conflicts = conflictsIn(group, undefined)
  if (conflicts.length === 0) return undefined
  const names = new Set(conflicts.flatMap((each) => Object.keys(each.params ?? {})))
  return [...names]
    .sort()
    .slice(0, triedNames)
    .find((name) => {
      const values = new Set(group.filter(({ is }) => is === 'wanted').map(({ params }) => valueOf(params, name)))
      return (
        /^[A-Za-z_]\w*$/.test(name) &&
        values.size <= fewValues &&
        !values.has('unknown') &&
        conflictsIn(group, name).length === 0
      )
    })
}

/** Refused requests of which one like them was wanted, by the same principal. */
export function conflictsIn(group: readonly Observation[], param: string | undefined): readonly Observation[] {
  const wanted = new Set(group.filter(({ is }) => is === 'wanted').map((each) => keyOf(each, param, true)))
  return group.filter((each) => each.is === 'refused' && wanted.has(keyOf(each, param, true)))
}

/** Whether the same was permitted to one and refused to another, so that rules must say who. */
export function isAboutWho(group: readonly Observation[], param: string | undefined): boolean {
  const wanted = new Set(group.filter(({ is }) => is === 'wanted').map((each) => keyOf(each, param, false)))
  const own = new Set(conflictsIn(group, param))
  return group.some((each) => each.is === 'refused' && !own.has(each) && wanted.has(keyOf(each, param, false)))
}

/** What makes two requests alike. */
export function keyOf(observation: Observation, param: string | undefined, isOfOne: boolean): string {
  const { resources, principal, params } = observation
  const value: ParamValue = param === undefined ? '' : valueOf(params, param)
  return [isOfOne ? principal : '', value, ...resources].join('\0')
}
