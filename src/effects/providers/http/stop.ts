import type { ReasonCode } from '../../../base/reasons.ts'

/** Ends a request from the depth of it. Thrown only in this folder, and caught only where the whole of it is answered. */
export class Stop extends Error {
  /** Set when it is a refusal; a failure has none. */
  readonly refused: ReasonCode | undefined
  readonly code: string
  readonly retryable: boolean
  readonly hint: string | undefined

  constructor(code: string, message: string, more: Pick<Partial<Stop>, 'refused' | 'retryable' | 'hint'> = {}) {
    super(message)
    this.code = code
    this.refused = more.refused
    this.retryable = more.retryable ?? false
    this.hint = more.hint
  }
}

export function refuse(refused: ReasonCode, message: string, hint?: string): Stop {
  return new Stop(refused, message, { refused, hint })
}

/** @param code short and stable */
export function fail(code: string, message: string, retryable = false): Stop {
  return new Stop(code, message, { retryable })
}

/** Rejects when `signal` is aborted, with its reason: for what cannot be called off itself. */
export async function unlessAborted<Value>(waiting: Promise<Value>, signal: AbortSignal): Promise<Value> {
  // Nobody waits for it any more when it fails after that.
  waiting.catch(() => undefined)
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([waiting, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
