import type { ErrorCode } from '../base/errors.ts'
import type { Outcome, Status } from '../kernel/outcome.ts'

/** What a shell gets to know (CONTRACT, "Exit codes"). */
export const exitCodes = {
  ok: 0,
  bug: 1,
  usage: 2,
  denied: 3,
  held: 4,
  failed: 5,
  unverified: 6,
  unknown: 7,
  invalid: 8,
  /** As shells say it: 128 and the number of SIGINT. */
  interrupted: 130,
} as const

export function exitCodeOf(status: Status): number {
  return exitCodes[status]
}

/** From the best to the worst. What may have happened unseen is worse than what surely did not. */
const severity: readonly Status[] = ['ok', 'held', 'denied', 'invalid', 'failed', 'unknown']

export function worseOf(a: Status, b: Outcome['status']): Status {
  return severity.indexOf(b) > severity.indexOf(a) ? b : a
}

/** Codes of what was written once and cannot be trusted any more. */
const damage: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ENTRY_INVALID',
  'LEDGER_CORRUPT',
  'LEDGER_PROOF_INVALID',
  'LEDGER_ROLLED_BACK',
  'NOTE_INVALID',
  'RECEIPT_INVALID',
  'SEAL_INVALID',
  'STATE_INVALID',
  'TILE_INVALID',
  'WITNESS_STATE_UNUSABLE',
])

const broken: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'KERNEL_BUSY',
  'KERNEL_SEALED',
  'LEDGER_FULL',
  'LEDGER_UNWRITABLE',
])

/** An error that a person can act upon: damage, a log that cannot be written, and else what they typed or configured. */
export function exitCodeOfError(code: ErrorCode): number {
  if (damage.has(code)) return exitCodes.unverified
  return broken.has(code) ? exitCodes.failed : exitCodes.usage
}
