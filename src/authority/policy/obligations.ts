import { canonicalJson } from '../../base/canonical-json.ts'
import type { JsonObject } from '../../base/json.ts'
import type { AllowDraft } from './sections/rules.ts'
import type { Compensation, Obligations } from './types.ts'

const approvals = ['review', 'required'] as const
const undos = ['off', 'on', 'required'] as const

export const noObligations: Obligations = Object.freeze({})

export function obligationsOf(rule: AllowDraft): Obligations {
  const { approval, undo, cost, network, compensate } = rule
  if ([approval, undo, cost, network, compensate].every((each) => each === undefined)) return noObligations
  return Object.freeze({
    ...(approval === undefined ? {} : { approval }),
    ...(undo === undefined ? {} : { undo }),
    ...(cost === undefined ? {} : { cost: costOf(cost) }),
    ...(network === undefined ? {} : { network }),
    ...(compensate === undefined ? {} : { compensate }),
  })
}

function costOf(cost: Iterable<readonly [string, number]>): Readonly<Record<string, number>> {
  // in the order of the names, so that equal costs are equal text whatever the order of the rules
  return Object.freeze(Object.fromEntries([...cost].sort(([a], [b]) => (a < b ? -1 : 1))))
}

/**
 * The strictest of all, in any order: approval over review, undo if any asks, the highest cost per meter. `network` is no duty
 * but a permission: one rule that gives it is enough, as one rule that allows is. Of two different requests that
 * would take it back neither is stricter, and the order of the rules must not choose.
 */
export function strictest(all: readonly Obligations[]): Obligations {
  if (all.length === 1) return all[0] as Obligations
  let approval = -1
  let undo = -1
  const cost = new Map<string, number>()
  const network = all.find((each) => each.network !== undefined)?.network
  const compensate = onlyOne(all)
  for (const each of all) {
    if (each.approval !== undefined) approval = Math.max(approval, approvals.indexOf(each.approval))
    if (each.undo !== undefined) undo = Math.max(undo, undos.indexOf(each.undo))
    for (const [meter, units] of Object.entries(each.cost ?? {})) cost.set(meter, Math.max(cost.get(meter) ?? 0, units))
  }
  if (approval === -1 && undo === -1 && cost.size === 0 && network === undefined && compensate === undefined) {
    return noObligations
  }
  return Object.freeze({
    ...(approval === -1 ? {} : { approval: approvals[approval] as 'review' | 'required' }),
    ...(undo === -1 ? {} : { undo: undos[undo] as 'off' | 'on' | 'required' }),
    ...(cost.size === 0 ? {} : { cost: costOf(cost) }),
    ...(network === undefined ? {} : { network }),
    ...(compensate === undefined ? {} : { compensate }),
  })
}

/** Whether `a` asks for anything, or permits anything beside, that `b` does not. */
export function isStricterThan(a: Obligations, b: Obligations): boolean {
  const rank = (names: readonly string[], name: string | undefined): number =>
    name === undefined ? -1 : names.indexOf(name)
  return (
    rank(approvals, a.approval) > rank(approvals, b.approval) ||
    rank(undos, a.undo) > rank(undos, b.undo) ||
    Object.entries(a.cost ?? {}).some(([meter, units]) => units > (b.cost?.[meter] ?? -1)) ||
    (a.network !== undefined && b.network === undefined) ||
    (a.compensate !== undefined && onlyOne([a, b]) !== b.compensate)
  )
}

function onlyOne(all: readonly Obligations[]): Compensation | 'conflicting' | undefined {
  let found: Compensation | undefined
  for (const { compensate } of all) {
    if (compensate === undefined || compensate === found) continue
    if (compensate === 'conflicting' || (found !== undefined && textOf(compensate) !== textOf(found))) {
      return 'conflicting'
    }
    found = compensate
  }
  return found
}

function textOf({ action, resource, params = {} }: Compensation): string {
  return canonicalJson({ action, resource, params } satisfies JsonObject)
}
