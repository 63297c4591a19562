import { concat } from '../../base/bytes.ts'
import { KernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Primitives } from '../../base/primitives.ts'
import { formatSignatureLine, isLineOf, parseNote, type VerifierKey } from '../ledger/note.ts'
import { consistencyProof } from '../proof/index.ts'
import type { LogFiles } from '../receipt/log-files.ts'
import type { SignedHead } from '../receipt/log-head.ts'
import { nodesOf } from '../receipt/tile-nodes.ts'
import { openCosignature, timestampOf, type CosignedAt } from './cosignature.ts'
import { formatAddCheckpoint } from './request.ts'

/** What a log has for a witness. */
export interface LogToCosign {
  readonly files: LogFiles
  readonly signed: SignedHead
  readonly primitives: Primitives
}

/** One HTTP exchange, whose answer is at most `limits.witnessAnswerBytes` long. */
export type Post = (body: Uint8Array) => Promise<{ readonly status: number; readonly body: Uint8Array }>

/** The answer of a witness, ready to be added to the checkpoint. */
export interface AskedLine {
  /** A signature line, its newline included. */
  readonly line: string
  /** By which key, as the line says; it has been checked only where the key was given. */
  readonly key: Pick<VerifierKey, 'name' | 'keyId'>
  readonly timestamp: CosignedAt
}

const sizePattern = /^(0|[1-9][0-9]{0,15})\n$/

/**
 * Asks a witness to cosign the checkpoint of a log: first as if the witness had never seen it, then with the proof from the size
 * that it names.
 *
 * @param witness its key; without it the first line of the answer is taken as it is, and its time is what it says
 * @throws KernelError WITNESS_REFUSED when it does not know the log; LEDGER_ROLLED_BACK or LEDGER_PROOF_INVALID when it remembers
 * a longer or another history; WITNESS_UNAVAILABLE when its answer is none of the protocol; NOTE_INVALID for a false cosignature;
 * LEDGER_CORRUPT when the proof cannot be made
 */
export async function askWitness(log: LogToCosign, witness: VerifierKey | undefined, post: Post): Promise<AskedLine> {
  let oldSize = 0
  for (let attempt = 0; attempt < limits.witnessAttempts; attempt++) {
    const proof = await proofFrom(log, oldSize)
    const { status, body } = await post(formatAddCheckpoint({ oldSize, proof, checkpoint: log.signed.bytes }))
    if (status === 200) return lineOf(body, log, witness)
    if (status !== 409) throw refusalOf(status)
    oldSize = rememberedSize(body, log.signed.checkpoint.size)
  }
  const why = `others were faster ${limits.witnessAttempts} times; try again`
  throw new KernelError('WITNESS_UNAVAILABLE', why)
}

/** The consistency proof by the log's own tiles. @throws KernelError LEDGER_CORRUPT */
export async function proofFrom({ files, signed, primitives }: LogToCosign, oldSize: number): Promise<Uint8Array[]> {
  const { size } = signed.checkpoint
  return consistencyProof(oldSize, size, nodesOf(files, size, primitives), primitives)
}

function rememberedSize(body: Uint8Array, ownSize: number): number {
  const size = Number(sizePattern.exec(new TextDecoder().decode(body))?.[1])
  if (!Number.isSafeInteger(size)) throw new KernelError('WITNESS_UNAVAILABLE', 'it answers 409 without a tree size')
  if (size <= ownSize) return size
  const why = `the witness has seen ${size} entries where there are ${ownSize} now; is this an older copy?`
  throw new KernelError('LEDGER_ROLLED_BACK', why)
}

function refusalOf(status: number): KernelError {
  switch (status) {
    case 403:
      return new KernelError('WITNESS_REFUSED', 'it trusts another key for this log; give it the line of `kestrel key`')
    case 404:
      return new KernelError('WITNESS_REFUSED', 'it does not know this log; give it the line of `kestrel key`')
    case 422:
      return new KernelError(
        'LEDGER_PROOF_INVALID',
        'the log was forked: it does not extend what the witness remembers',
      )
    default:
      return new KernelError('WITNESS_UNAVAILABLE', `it answers ${status}, which the protocol does not have`)
  }
}

/** The answer is read behind the checkpoint, where it is to stand: what does not fit there is no answer. */
async function lineOf(body: Uint8Array, log: LogToCosign, witness: VerifierKey | undefined): Promise<AskedLine> {
  const { bytes, note } = log.signed
  const answered = parseNote(concat(bytes, body)).signatures.slice(note.signatures.length)
  const found = witness === undefined ? answered[0] : answered.find((line) => isLineOf(line, witness))
  if (found === undefined)
    throw new KernelError('NOTE_INVALID', 'the answer has no cosignature by the key of the witness')
  const { name, keyId, signature } = found
  const timestamp =
    witness === undefined ? timestampOf(found) : await openCosignature(found, note.body, witness, log.primitives)
  return { line: formatSignatureLine(name, keyId, signature), key: { name, keyId }, timestamp }
}
