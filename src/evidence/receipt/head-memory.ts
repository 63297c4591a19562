/**
 * Where the last verified head of each log stays between two verifications: outside of what is verified, so that a log which
 * is put back to an older state, or forked, is recognised.
 */
export interface HeadMemory {
  /** The signed note kept of the log of this name, or undefined when nothing is. */
  recall(origin: string): Promise<Uint8Array | undefined>
  /** Keeps `note` in place of what `recall` gave. Called only after success, for a note that says more. */
  remember(origin: string, note: Uint8Array): Promise<void>
}

/** What the memory had to say. */
export type Remembered =
  /** The log extends the head of this many entries. */
  | { readonly size: number }
  /** What was kept cannot be believed, and was left where it is: why. */
  | { readonly unusable: string }
