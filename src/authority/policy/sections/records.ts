import { limits } from '../../../base/limits.ts'
import type { Pattern } from '../pattern.ts'
import { duration, list, optional, record, required, textLike, type Placed, type Reader } from '../shape.ts'
import { resourcePattern } from './pattern-fields.ts'

export interface ClassifyDraft extends Placed {
  readonly resource: Pattern
  readonly class: string
  readonly subject?: string
}

export interface RetentionDraft extends Placed {
  readonly type: string
  /** In ms. */
  readonly duration: number
}

export interface ExportDraft extends Placed {
  readonly format: string
  readonly destination: string
}

const className = textLike(
  'a class',
  /^[a-z][a-z0-9_-]{0,63}$/,
  'lower-case letters, digits, `_` or `-`, as `sensitive`',
)
const subject = textLike(
  'a subject',
  /^params\.[A-Za-z_][A-Za-z0-9_]*$/,
  'the param that names it, as `params.patient`',
)
const format = textLike('a format', /^[a-z][a-z0-9+.-]{0,63}$/, 'a short name, as `json`')
const destination = textLike('a destination', /^\P{Cc}+$/u, 'where it goes, as `s3://bucket`')

export const classifySection: Reader<readonly ClassifyDraft[]> = list(
  '`classify`',
  record<ClassifyDraft>('a classification', {
    resource: required(resourcePattern),
    class: required(className),
    subject: optional(subject),
  }),
  { max: limits.policyRules },
)

export const retentionSection: Reader<readonly RetentionDraft[]> = list(
  '`retention`',
  record<RetentionDraft>('a retention entry', {
    type: required(className),
    duration: required(duration('`duration`')),
  }),
  { max: limits.policyRules },
)

export const exportSection: Reader<readonly ExportDraft[]> = list(
  '`export`',
  record<ExportDraft>('an export entry', { format: required(format), destination: required(destination) }),
  { max: limits.policyRules },
)
