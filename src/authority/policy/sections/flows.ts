import { limits } from '../../../base/limits.ts'
import type { Findings } from '../findings.ts'
import { quoted, type Place } from '../node.ts'
import type { Pattern } from '../pattern.ts'
import {
  dictionary,
  list,
  oneOf,
  optional,
  record,
  required,
  text,
  textLike,
  type Placed,
  type Reader,
} from '../shape.ts'
import { actionPattern } from './pattern-fields.ts'

/** What the results of an action are worth as a source of arguments. */
export interface SourceDraft extends Placed {
  readonly action: Pattern
  readonly label: string
  readonly fields?: ReadonlyMap<string, string>
}

/** Where the value of a param must come from. */
export interface FlowDraft extends Placed {
  readonly action: Pattern
  readonly param: string
  readonly from: readonly string[]
  readonly otherwise?: 'hold' | 'forbid'
}

const label = textLike('a label', /^[a-z][a-z0-9_-]*$/, 'lower-case letters, digits, `_` or `-`, as `trusted`')

function fieldName(name: string, at: Place, findings: Findings): void {
  if (name === '') findings.problem(at, 'value', `${quoted(name)} is no name of a field; write one`)
}

export const sourcesSection: Reader<readonly SourceDraft[]> = list(
  '`sources`',
  record<SourceDraft>('a source', {
    action: required(actionPattern),
    label: required(label),
    fields: optional(dictionary('`fields`', fieldName, label)),
  }),
  { max: limits.policyRules },
)

export const flowsSection: Reader<readonly FlowDraft[]> = list(
  '`flows`',
  record<FlowDraft>('a flow', {
    action: required(actionPattern),
    param: required(text('`param`')),
    from: required(list('`from`', label, { max: 1000, isFilled: true })),
    otherwise: optional(oneOf('`otherwise`', ['hold', 'forbid'])),
  }),
  { max: limits.policyRules },
)
