import { concat, utf8 } from '../../base/bytes.ts'
import { KernelError } from '../../base/errors.ts'
import type { Primitives } from '../../base/primitives.ts'
import { checkVkey, formatSignatureLine, parseVkey, signatureTypes } from '../ledger/note.ts'
import type { NoteSignature, VerifierKey } from '../ledger/note.ts'

/** Seconds since 1970 UTC, 1 to 2^53−1: as of then the checkpoint was the largest tree of its log that the witness had seen. */
export type CosignedAt = number

const timestampBytes = 8
const ed25519Bytes = 64

/** Reads the key of a witness, `<name>+<8 hex>+<base64>` of type 0x04. @throws KernelError KEY_INVALID */
export async function readWitnessKey(text: string, primitives: Pick<Primitives, 'sha256'>): Promise<VerifierKey> {
  const key = parseVkey(text, signatureTypes.cosignature)
  await checkVkey(key, primitives)
  return key
}

/** What a witness signs of a checkpoint's text. @see https://c2sp.org/tlog-cosignature "Ed25519 signed message" */
export function cosignedMessage(timestamp: CosignedAt, body: string): Uint8Array {
  return utf8(`cosignature/v1\ntime ${timestamp}\n${body}`)
}

/** A cosignature as a line of the note, its newline included. @throws KernelError NOTE_INVALID */
export function formatCosignature(
  { name, keyId }: Pick<VerifierKey, 'name' | 'keyId'>,
  timestamp: CosignedAt,
  signature: Uint8Array,
): string {
  if (!isTime(timestamp) || signature.length !== ed25519Bytes) {
    throw new KernelError('NOTE_INVALID', 'a cosignature needs a time in seconds and an Ed25519 signature')
  }
  const time = new Uint8Array(timestampBytes)
  new DataView(time.buffer).setBigUint64(0, BigInt(timestamp))
  return formatSignatureLine(name, keyId, concat(time, signature))
}

/**
 * When `witness` cosigned the text.
 *
 * @param line one that says it is by the witness
 * @param witness has passed `checkVkey`
 * @throws KernelError NOTE_INVALID for a false or malformed cosignature
 */
export async function openCosignature(
  line: NoteSignature,
  body: string,
  witness: VerifierKey,
  primitives: Pick<Primitives, 'verifyEd25519'>,
): Promise<CosignedAt> {
  const timestamp = timestampOf(line)
  const message = cosignedMessage(timestamp, body)
  if (!(await primitives.verifyEd25519(witness.publicKey, message, line.signature.subarray(timestampBytes)))) {
    throw new KernelError('NOTE_INVALID', 'the cosignature does not fit the text')
  }
  return timestamp
}

/** The time that a cosignature states, whether or not it is true. @throws KernelError NOTE_INVALID for what is no cosignature */
export function timestampOf({ signature }: NoteSignature): CosignedAt {
  if (signature.length !== timestampBytes + ed25519Bytes) {
    throw new KernelError('NOTE_INVALID', 'the cosignature is not a time and an Ed25519 signature')
  }
  const timestamp = Number(new DataView(signature.buffer, signature.byteOffset).getBigUint64(0))
  if (!isTime(timestamp)) throw new KernelError('NOTE_INVALID', 'the cosignature states no time that can be')
  return timestamp
}

function isTime(timestamp: number): boolean {
  return Number.isSafeInteger(timestamp) && timestamp > 0
}
