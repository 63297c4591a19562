/** Where time comes from. Injected, so that a test can move it. */
export interface Clock {
  /** Milliseconds since 1970 UTC, an integer. May jump when the host's clock is set. */
  now(): number
  /** Milliseconds from an arbitrary start that never go back; fractions allowed. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
}
