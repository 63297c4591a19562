import type { JsonObject } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import type { Condition, Conditions } from '../condition.ts'
import type { Findings } from '../findings.ts'
import { nameOf, quoted, type Node } from '../node.ts'
import type { Pattern } from '../pattern.ts'
import {
  dictionary,
  integer,
  jsonMap,
  list,
  oneOf,
  optional,
  record,
  required,
  text,
  type Placed,
  type Reader,
} from '../shape.ts'
import type { Compensation } from '../types.ts'
import { who, type Who } from '../who.ts'
import { compensate } from './compensate.ts'
import { actionPattern, resourcePattern } from './pattern-fields.ts'

/** What narrows a rule beside its two patterns. */
export interface RuleHead extends Placed {
  readonly action: Pattern
  readonly resource: Pattern
  readonly who?: readonly Who[]
  readonly constraint?: JsonObject
  readonly when?: Condition
}

export interface AllowDraft extends RuleHead {
  readonly approval?: 'required' | 'review'
  readonly undo?: 'required' | 'on' | 'off'
  readonly cost?: ReadonlyMap<string, number>
  readonly network?: 'private'
  readonly compensate?: Compensation
}

const people = list('`who`', who, { max: 1000, isFilled: true })
const constraint = jsonMap('`constraint`', { isStrict: true })

/** Readers for `allow` (or `capabilities`) and `deny`; conditions are compiled by those of the policy. */
export function rulesSection(conditions: Conditions): {
  readonly allow: Reader<readonly AllowDraft[]>
  readonly deny: Reader<readonly RuleHead[]>
} {
  const head = {
    action: required(actionPattern),
    resource: required(resourcePattern),
    who: optional(people),
    constraint: optional(constraint),
    when: optional(conditionReader(conditions)),
  }
  const allow = record<AllowDraft>('a rule', {
    ...head,
    approval: optional(oneOf('`approval`', ['required', 'review'])),
    undo: optional(undo),
    cost: optional(cost),
    network: optional(oneOf('`network`', ['private'])),
    compensate: optional(compensate),
  })
  const deny = record<RuleHead>('a deny rule', head)
  return {
    allow: list('the list of rules', allow, { max: limits.policyRules }),
    deny: list('`deny`', deny, { max: limits.policyRules }),
  }
}

const undo = oneOf('`undo`', ['required', 'on', 'off'])

export function meterName(name: string, at: Placed['at'], findings: Findings): void {
  if (/^[a-z][a-z0-9_-]{0,63}$/.test(name)) return
  findings.problem(
    at,
    'value',
    `${quoted(name)} is no name of a meter: write lower-case letters, digits, \`_\` or \`-\``,
  )
}

const costs = dictionary('`cost`', meterName, integer('the cost', 0))

const cost: Reader<ReadonlyMap<string, number>> = (node, findings) => {
  const value = costs(node, findings)
  if (value === undefined || node.kind !== 'map' || node.members.length > 0) return value
  return findings.problem(node.at, 'empty', '`cost` is empty; name a meter, as `{ api: 1 }`, or remove it')
}

const conditionText = text('`when`')

function conditionReader(conditions: Conditions): Reader<Condition> {
  return (node: Node, findings: Findings) => {
    if (node.kind === 'scalar' && typeof node.value === 'boolean') {
      return findings.problem(
        node.at,
        'type',
        `\`when\` must be text, not ${nameOf(node)}; remove it if it always holds`,
      )
    }
    const expression = conditionText(node, findings)
    if (expression === undefined) return undefined
    const reading = conditions.read(expression)
    if ('condition' in reading) return reading.condition
    const where = reading.offset > 0 ? ` at character ${reading.offset + 1} of it` : ''
    return findings.problem(
      node.at,
      'condition',
      `the condition ${quoted(expression)} does not compile${where}: ${reading.problem}`,
    )
  }
}
