import { equalBytes, utf8 } from '../../base/bytes.ts'
import { isKernelError } from '../../base/errors.ts'
import type { Primitives } from '../../base/primitives.ts'
import { isLineOf, parseCheckpoint, parseNote } from '../ledger/note.ts'
import type { Checkpoint, Note, VerifierKey } from '../ledger/note.ts'
import { emptyRoot, verifyConsistency } from '../proof/index.ts'
import { refuse, type Refusal } from './refusal.ts'

/** The keys of the logs that a witness knows, by origin; several while a log changes its key. */
export type KnownLogs = ReadonlyMap<string, readonly VerifierKey[]>

/** A checkpoint that one of its log's keys signed. */
export interface Submitted {
  readonly note: Note
  readonly checkpoint: Checkpoint
}

/** From which remembered size a checkpoint is said to go on, and the proof of it. */
export interface Extension {
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
}

/** The first half, which needs no memory: whether it is a checkpoint of a known log, by that log's signature. */
export async function admit(bytes: Uint8Array, logs: KnownLogs, primitives: Primitives): Promise<Submitted | Refusal> {
  let note: Note
  try {
    note = parseNote(bytes)
  } catch (error) {
    if (!isKernelError(error, 'NOTE_INVALID')) throw error
    return refuse(400, error.message)
  }
  const keys = logs.get(note.body.slice(0, note.body.indexOf('\n')))
  if (keys === undefined) return refuse(404, 'this witness does not know the log of this origin')
  if (!(await isSigned(note, keys, primitives))) return refuse(403, 'no key of this log signed the checkpoint')
  try {
    return { note, checkpoint: parseCheckpoint(note.body, 'taken') }
  } catch (error) {
    if (!isKernelError(error, 'NOTE_INVALID')) throw error
    return refuse(400, error.message)
  }
}

/**
 * The second half, the whole state machine: whether a checkpoint follows from the largest one that was cosigned.
 *
 * @param known what is remembered of its log; undefined when nothing was ever cosigned
 * @returns undefined when it may be cosigned and remembered
 */
export async function judge(
  { size, root }: Checkpoint,
  { oldSize, proof }: Extension,
  known: Pick<Checkpoint, 'size' | 'root'> | undefined,
  primitives: Primitives,
): Promise<Refusal | undefined> {
  const knownSize = known?.size ?? 0
  if (oldSize > size) return refuse(400, 'the old size is larger than the checkpoint')
  if (oldSize !== knownSize) return { status: 409, says: 'the old size is not what was last cosigned', size: knownSize }
  if (size === 0 && !equalBytes(root, await emptyRoot(primitives))) {
    return refuse(422, 'the root is not that of a tree without leaves')
  }
  const oldRoot = known?.root ?? (await emptyRoot(primitives))
  try {
    // an empty proof is the only one from nothing, and between two trees of one size
    await verifyConsistency({ oldSize, oldRoot, newSize: size, newRoot: root, proof }, primitives)
    return undefined
  } catch (error) {
    if (!isKernelError(error, 'LEDGER_PROOF_INVALID')) throw error
    return refuse(422, error.message)
  }
}

/** By one key at least, and falsely by none. */
async function isSigned(
  { body, signatures }: Note,
  keys: readonly VerifierKey[],
  primitives: Primitives,
): Promise<boolean> {
  const message = utf8(body)
  let isSignedOnce = false
  for (const key of keys) {
    for (const { signature } of signatures.filter((line) => isLineOf(line, key))) {
      if (!(await primitives.verifyEd25519(key.publicKey, message, signature))) return false
      isSignedOnce = true
    }
  }
  return isSignedOnce
}
