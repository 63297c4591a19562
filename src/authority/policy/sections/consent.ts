import { duration, integer, list, optional, record, type Placed, type Reader } from '../shape.ts'
import { who, type Who } from '../who.ts'

/** How approvals are given. */
export interface ApprovalDraft extends Placed {
  readonly quorum?: number
  /** In ms. */
  readonly expires?: number
  readonly approvers?: readonly Who[]
}

export interface IdentityDraft extends Placed {
  /** In ms. */
  readonly rotate?: number
}

export const approvalSection: Reader<ApprovalDraft> = record<ApprovalDraft>('`approval`', {
  quorum: optional(integer('`quorum`', 1)),
  expires: optional(duration('`expires`')),
  approvers: optional(list('`approvers`', who, { max: 1000, isFilled: true })),
})

export const identitySection: Reader<IdentityDraft> = record<IdentityDraft>('`identity`', {
  rotate: optional(duration('`rotate`')),
})
