import { isKernelError } from '../../base/errors.ts'
import type { Primitives } from '../../base/primitives.ts'
import type { Checkpoint, VerifierKey } from '../ledger/note.ts'
import { readSignedHead, signatureProblem, type SignedHead } from './log-head.ts'
import { sameHash } from './log-files.ts'
import type { EarlierHead } from './log-walk.ts'
import type { Problem } from './problem.ts'

/** Who kept the earlier head, and so how a log that does not extend it is told. */
export type Keeper = 'someone' | 'memory'

/** How what was kept of a log stands to the log. Exactly one is there. */
export interface Judged {
  /** To be held against the log's entries. */
  readonly head?: EarlierHead
  readonly problem?: Problem
  /** Why what was kept is not what its log once signed: it proves nothing, either way. */
  readonly unusable?: Problem
}

/** Holds a head that was kept against the one that the log has now, as far as the two alone can tell. */
export async function judgeEarlier(
  kept: Uint8Array,
  current: Checkpoint,
  vkey: VerifierKey | undefined,
  keeper: Keeper,
  primitives: Primitives,
): Promise<Judged> {
  const words = wordsOf[keeper]
  let signed: SignedHead
  try {
    signed = readSignedHead(kept)
  } catch (error) {
    if (!isKernelError(error, 'NOTE_INVALID')) throw error
    return { unusable: { code: 'file_damaged', message: `${words.head}: ${error.message}` } }
  }
  const { checkpoint, note } = signed
  const refused = vkey && (await signatureProblem(note, vkey, primitives))
  if (refused !== undefined) {
    const problem = { code: refused.code, message: `${words.head}: ${refused.message}` }
    return refused.code === 'signature_invalid' ? { unusable: problem } : { problem }
  }
  if (checkpoint.origin !== current.origin) {
    return { problem: { code: 'foreign_key', message: `${words.head} is of a log with another origin` } }
  }
  if (checkpoint.size > current.size) {
    const message = `the log is older than ${words.head}: ${current.size} entries, where there were ${checkpoint.size}`
    return { problem: { code: words.older, file: 'checkpoint', message } }
  }
  const message = `the log was forked: its first ${checkpoint.size} entries are not those that ${words.head} signed`
  const fork: Problem = { code: words.forked, message }
  if (checkpoint.size < current.size || sameHash(checkpoint.root, current.root)) return { head: { checkpoint, fork } }
  return { problem: fork }
}

const wordsOf = {
  someone: { head: 'the earlier checkpoint', older: 'not_an_extension', forked: 'not_an_extension' },
  memory: { head: 'the head that was verified here before', older: 'rolled_back', forked: 'forked' },
} as const
