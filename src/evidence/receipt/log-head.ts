import { equalBytes, fromUtf8 } from '../../base/bytes.ts'
import { isKernelError, KernelError } from '../../base/errors.ts'
import type { Primitives } from '../../base/primitives.ts'
import { checkVkey, openCheckpoint, parseCheckpoint, parseNote, parseVkey } from '../ledger/note.ts'
import type { Checkpoint, VerifierKey } from '../ledger/note.ts'
import { readFile, type LogFiles } from './log-files.ts'
import type { Problems } from './problem.ts'

/** What a log says of itself, and by which key it is to be believed. */
export interface LogHead {
  /** Undefined when the file is missing or malformed. */
  readonly checkpoint?: Checkpoint
  /** Undefined when no key was given and the log's own is missing or malformed. */
  readonly vkey?: VerifierKey
}

/**
 * Reads `vkey` and `checkpoint`, and checks the signature. A given key outranks the one in the folder, which whoever replaced
 * the log could have replaced too.
 *
 * @throws KernelError LEDGER_NOT_FOUND when neither file is there, KEY_INVALID when the given key is unusable
 */
export async function readHead(
  files: LogFiles,
  given: string | undefined,
  problems: Problems,
  primitives: Primitives,
): Promise<LogHead> {
  const trusted = given === undefined ? undefined : await checkedVkey(given, primitives)
  const [note, keyFile] = await Promise.all([readFile(files, 'checkpoint'), readFile(files, 'vkey')])
  if (note === undefined && keyFile === undefined) {
    throw new KernelError(
      'LEDGER_NOT_FOUND',
      'it has neither `checkpoint` nor `vkey`; name the folder `ledger` of a data directory',
    )
  }
  const own = keyFile === undefined ? undefined : await ownVkey(keyFile, problems, primitives)
  if (trusted !== undefined && own !== undefined && !sameKey(trusted, own)) {
    problems.add({ code: 'foreign_key', file: 'vkey', message: 'the log names another key than the one given' })
  }
  const vkey = trusted ?? own
  if (keyFile === undefined && trusted === undefined) {
    problems.add({ code: 'missing', file: 'vkey', message: 'there is no verifier key; give it with `--vkey`' })
  }
  const checkpoint = note === undefined ? undefined : await ownCheckpoint(note, vkey, problems, primitives)
  if (note === undefined)
    problems.add({ code: 'missing', file: 'checkpoint', message: 'there is no signed checkpoint' })
  return { ...(checkpoint && { checkpoint }), ...(vkey && { vkey }) }
}

/** What is wrong with the signature of a note, or undefined. @throws KernelError NOTE_INVALID when it is no note at all */
export async function signatureProblem(
  note: Uint8Array,
  vkey: VerifierKey,
  primitives: Primitives,
): Promise<{ code: 'foreign_key' | 'signature_invalid'; message: string } | undefined> {
  try {
    await openCheckpoint(note, vkey, primitives)
    return undefined
  } catch (error) {
    if (!isKernelError(error, 'NOTE_INVALID')) throw error
    const { signatures } = parseNote(note)
    const byKey = signatures.some(({ name, keyId }) => name === vkey.name && equalBytes(keyId, vkey.keyId))
    return byKey
      ? { code: 'signature_invalid', message: error.message }
      : { code: 'foreign_key', message: 'it is not signed by the key of this log' }
  }
}

async function ownCheckpoint(
  note: Uint8Array | string,
  vkey: VerifierKey | undefined,
  problems: Problems,
  primitives: Primitives,
): Promise<Checkpoint | undefined> {
  if (typeof note === 'string') {
    problems.add({ code: 'file_damaged', file: 'checkpoint', message: note })
    return undefined
  }
  try {
    const checkpoint = parseCheckpoint(parseNote(note).body)
    const problem = vkey && (await signatureProblem(note, vkey, primitives))
    if (problem !== undefined) problems.add({ ...problem, file: 'checkpoint' })
    return checkpoint
  } catch (error) {
    if (!isKernelError(error, 'NOTE_INVALID')) throw error
    problems.add({ code: 'file_damaged', file: 'checkpoint', message: error.message })
    return undefined
  }
}

async function ownVkey(
  bytes: Uint8Array | string,
  problems: Problems,
  primitives: Primitives,
): Promise<VerifierKey | undefined> {
  if (typeof bytes === 'string') {
    problems.add({ code: 'file_damaged', file: 'vkey', message: bytes })
    return undefined
  }
  try {
    return await checkedVkey(fromUtf8(bytes), primitives)
  } catch (error) {
    if (!isKernelError(error)) throw error
    problems.add({ code: 'file_damaged', file: 'vkey', message: error.message })
    return undefined
  }
}

async function checkedVkey(text: string, primitives: Primitives): Promise<VerifierKey> {
  const vkey = parseVkey(text)
  await checkVkey(vkey, primitives)
  return vkey
}

function sameKey(a: VerifierKey, b: VerifierKey): boolean {
  return a.name === b.name && equalBytes(a.publicKey, b.publicKey)
}
