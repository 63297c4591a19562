import { limits } from '../../../base/limits.ts'
import type { Pattern } from '../pattern.ts'
import { list, record, required, textLike, type Placed, type Reader } from '../shape.ts'
import { resourcePattern } from './pattern-fields.ts'

/** Who may reach a resource at all, whatever the rules allow. */
export interface AccessDraft extends Placed {
  readonly resource: Pattern
  readonly roles: readonly string[]
}

const role = textLike('a role', /^[^\p{C}\p{Z}]+$/u, 'a name without spaces')

export const accessSection: Reader<readonly AccessDraft[]> = list(
  '`access`',
  record<AccessDraft>('an access entry', {
    resource: required(resourcePattern),
    roles: required(list('`roles`', role, { max: 1000, isFilled: true })),
  }),
  { max: limits.policyRules },
)
