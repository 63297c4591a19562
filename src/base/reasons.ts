/**
 * Why a request was refused, held or permitted: the closed list behind `reason.code` of an outcome and `decision.reason` of an
 * entry. `docs/errors.md` explains each.
 */
export const reasonTable = {
  permitted: 'the policy permits it',
  invalid_request: 'the request is malformed',
  idempotency_conflict: 'the same idempotency key came with another request',
  unknown_action: 'no provider of this kernel has this action',
  no_matching_rule: 'no rule allows it',
  denied_by_rule: 'a deny rule forbids it',
  constraint_mismatch: 'the params are not those that the rule allows',
  condition_false: 'the condition of the rule does not hold',
  role_missing: 'the principal lacks a role that the policy asks for',
  not_enforced_yet: 'the policy asks for something that this version cannot enforce',
  approval_required: 'a person must approve it first',
  budget_exhausted: 'the budget is used up',
  rate_limited: 'too many requests in the window',
  untrusted_argument: 'an argument comes from a source that the policy does not trust',
  self_protected: 'it would touch what belongs to Kestrel itself',
  outside_mount: 'it would lead out of the folders that the policy mounts',
  name_mismatch: 'the volume knows this file under another spelling of its name',
  unsafe_file: 'the file is not an ordinary file or folder',
  private_address: 'it leads to an address that is not public',
  secret_not_for_here: 'the secret may not be sent there',
  undo_unavailable: 'the rule asks for undo, and what would be changed cannot be kept',
  undo_conflict: 'what it changed has changed since',
  undo_expired: 'the before-image is no longer kept',
  already_undone: 'it was undone already',
  nothing_to_undo: 'the entry changed nothing that could be put back',
  effect_unknown: 'whether there is something to take back is not known',
  result_not_kept: 'the result that it would be taken back by is not kept',
  reference_unresolved: 'the request that takes it back cannot be filled in',
  compensation_invalid: 'no provider carries out the request that takes it back',
  no_jail: 'here programs could reach what belongs to Kestrel itself',
  internal_error: 'the gate failed while judging it, so it refuses',
  no_space: 'the disk of the log is nearly full',
  sealed: 'the kernel is sealed and denies everything',
} as const

export type ReasonCode = keyof typeof reasonTable
