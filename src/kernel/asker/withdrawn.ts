import type { Failure } from '../../effects/provider.ts'
import type { Attempt } from '../attempt.ts'
import type { Ending } from '../outcome.ts'

/** What is told of an attempt whose caller cancelled before the effect began. */
export const withdrawal: Failure = {
  code: 'cancelled',
  message: 'it was cancelled before it began, so nothing was done',
  retryable: true,
}

/**
 * Ends an attempt that its caller has cancelled, where nothing has begun yet. Asked only of what is permitted: a refusal stays
 * one in the log, also where the caller does not wait for it.
 */
export function withdrawn({ asker }: Attempt): Ending | undefined {
  return asker?.hasCancelled === true ? { status: 'failed', effect: 'none', error: withdrawal } : undefined
}
