import { errorTable, isKernelError } from '../../src/base/errors.ts'

/** One reader of bytes from outside, and how to tell that it was fooled. */
export interface Target {
  readonly name: string
  /** Names what the format is made of. */
  readonly words?: readonly string[]
  /** Inputs that are read without complaint, and some near misses: the others are made of them. The same in every run. */
  seeds(): Promise<readonly Uint8Array[]> | readonly Uint8Array[]
  /**
   * Reads one input and says how that ended: `ok` or an error code, perhaps with more words behind a space. Inputs that end in
   * a new way are worth to go on from.
   *
   * @throws Violation, or whatever the reader lets through that is no `KernelError`
   */
  run(input: Uint8Array): Promise<string> | string
  /** Ends what `seeds` has opened. */
  close?(): Promise<void> | void
}

/** An oracle was broken: the reader took what it must refuse, refused what it must take, or changed what it read. */
export class Violation extends Error {}

export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what)
}

/** How a reading ended, as a word; `taken` looks at what was read. */
export function ending<T>(read: () => T, taken: (value: T) => string | void, codes?: readonly string[]): string {
  let value: T
  try {
    value = read()
  } catch (error) {
    return refusal(error, codes)
  }
  return taken(value) ?? 'ok'
}

export async function endingLater<T>(
  read: () => Promise<T>,
  taken: (value: T) => Promise<string | void> | string | void,
  codes?: readonly string[],
): Promise<string> {
  let value: T
  try {
    value = await read()
  } catch (error) {
    return refusal(error, codes)
  }
  return (await taken(value)) ?? 'ok'
}

/** The code of a named error with its words but for the numbers in them. @throws what is no named error, or none of `codes` */
export function refusal(error: unknown, codes?: readonly string[]): string {
  if (!isKernelError(error) || !Object.hasOwn(errorTable, error.code)) throw error
  demand(codes === undefined || codes.includes(error.code), `${error.code} is not among what this reader says`)
  return `${error.code} ${error.message.replace(/`[^`]*`|\d+/g, '')}`
}

export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text)
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
