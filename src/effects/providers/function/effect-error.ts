import type { Failure } from '../../provider.ts'

/**
 * What a function throws to say how it ended. Code and message go to the caller as they are: no secrets, and no text of another
 * error.
 */
export abstract class EffectError extends Error {
  abstract readonly effect: 'none' | 'uncertain'
  readonly failure: Failure

  /** @param code short and stable, as `not_found`; @param message what happened and what to do next */
  constructor(code: string, message: string, options: { readonly retryable?: boolean } = {}) {
    super(message)
    this.name = new.target.name
    this.failure = { code, message, retryable: options.retryable ?? false }
  }
}

/** It failed and surely nothing happened: `throw new NoEffect('not_found', 'there is no such customer')`. */
export class NoEffect extends EffectError {
  readonly effect = 'none' as const
}

/** Nobody can tell whether it happened, as after a lost connection: the attempt becomes `unknown` and a person settles it. */
export class UncertainEffect extends EffectError {
  readonly effect = 'uncertain' as const
}
