import { equalBytes, fromUtf8 } from '../../base/bytes.ts'
import { isKernelError, KernelError } from '../../base/errors.ts'
import type { Primitives } from '../../base/primitives.ts'
import {
  checkpointOf,
  checkSignature,
  checkVkey,
  isLineOf,
  parseCheckpoint,
  parseNote,
  parseVkey,
} from '../ledger/note.ts'
import type { Checkpoint, Note, VerifierKey } from '../ledger/note.ts'
import { readFile, type LogFiles } from './log-files.ts'
import type { Problem, Problems } from './problem.ts'

/** A signed tree head as it was found. */
export interface SignedHead {
  /** The file, byte for byte. */
  readonly bytes: Uint8Array
  readonly note: Note
  readonly checkpoint: Checkpoint
}

/** What a log says of itself, and by which key it is to be believed. */
export interface LogHead {
  /** Undefined when the file is missing or malformed. */
  readonly signed?: SignedHead
  /** Undefined when no key was given and the log's own is missing or malformed. */
  readonly vkey?: VerifierKey
}

/** Reads the form only. @throws KernelError NOTE_INVALID */
export function readSignedHead(bytes: Uint8Array): SignedHead {
  const note = parseNote(bytes)
  return { bytes, note, checkpoint: parseCheckpoint(note.body) }
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
  const [noteFile, keyFile] = await Promise.all([readFile(files, 'checkpoint'), readFile(files, 'vkey')])
  if (noteFile === undefined && keyFile === undefined) {
    throw new KernelError(
      'LEDGER_NOT_FOUND',
      'it has neither `checkpoint` nor `vkey`; name the folder `ledger` of a data directory',
    )
  }
  const own = await understood('vkey', keyFile, problems, (bytes) => checkedVkey(wholeLine(bytes), primitives))
  if (trusted !== undefined && own !== undefined && !sameKey(trusted, own)) {
    problems.add({ code: 'foreign_key', file: 'vkey', message: 'the log names another key than the one given' })
  }
  const vkey = trusted ?? own
  if (keyFile === undefined && trusted === undefined) {
    problems.add({ code: 'missing', file: 'vkey', message: 'there is no verifier key; give it with `--vkey`' })
  }
  const signed = await understood('checkpoint', noteFile, problems, readSignedHead)
  const problem = signed && vkey && (await signatureProblem(signed.note, vkey, primitives))
  if (problem !== undefined) problems.add({ ...problem, file: 'checkpoint' })
  if (noteFile === undefined)
    problems.add({ code: 'missing', file: 'checkpoint', message: 'there is no signed checkpoint' })
  return { ...(signed && { signed }), ...(vkey && { vkey }) }
}

/** What is wrong with the log's own signature of a checkpoint, or undefined. */
export async function signatureProblem(
  note: Note,
  vkey: VerifierKey,
  primitives: Primitives,
): Promise<(Problem & { readonly code: 'foreign_key' | 'signature_invalid' }) | undefined> {
  try {
    await checkSignature(note, vkey, primitives)
    checkpointOf(note, vkey)
    return undefined
  } catch (error) {
    if (!isKernelError(error, 'NOTE_INVALID')) throw error
    return note.signatures.some((line) => isLineOf(line, vkey))
      ? { code: 'signature_invalid', message: error.message }
      : { code: 'foreign_key', message: 'it is not signed by the key of this log' }
  }
}

/** What one of the two files says; undefined when it is not there, or is not in its format, which is a problem. */
async function understood<T>(
  file: 'checkpoint' | 'vkey',
  found: Uint8Array | string | undefined,
  problems: Problems,
  read: (bytes: Uint8Array) => T | Promise<T>,
): Promise<T | undefined> {
  let damage = found
  try {
    if (typeof found === 'object') return await read(found)
  } catch (error) {
    if (!isKernelError(error)) throw error
    damage = error.message
  }
  if (typeof damage === 'string') problems.add({ code: 'file_damaged', file, message: damage })
  return undefined
}

/** The file `vkey` is one line and its newline: each log has one spelling of it. @throws KernelError KEY_INVALID */
function wholeLine(bytes: Uint8Array): string {
  const text = fromUtf8(bytes)
  if (!text.endsWith('\n')) throw new KernelError('KEY_INVALID', 'its line does not end; a newline is missing')
  return text
}

async function checkedVkey(text: string, primitives: Primitives): Promise<VerifierKey> {
  const vkey = parseVkey(text)
  await checkVkey(vkey, primitives)
  return vkey
}

function sameKey(a: VerifierKey, b: VerifierKey): boolean {
  return a.name === b.name && equalBytes(a.publicKey, b.publicKey)
}
