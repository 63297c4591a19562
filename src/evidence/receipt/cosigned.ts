import { toHex } from '../../base/bytes.ts'
import { isKernelError } from '../../base/errors.ts'
import { defaultPrimitives, type Primitives } from '../../base/primitives.ts'
import { isLineOf, parseNote, type Note, type VerifierKey } from '../ledger/note.ts'
import { openCosignature, readWitnessKey, type CosignedAt } from '../witness/cosignature.ts'
import type { Problem } from './problem.ts'

/** A witness that was asked for, and has cosigned. */
export interface Witnessed {
  readonly name: string
  /** Seconds since 1970 UTC, by the clock of the witness: the latest where it cosigned several times. */
  readonly timestamp: CosignedAt
}

/** What the signature lines of a checkpoint are worth besides that of its log. */
export interface Cosigned {
  readonly witnessed: readonly Witnessed[]
  /** Lines of keys that nobody named, as `<name>+<8 hex>`: they say nothing until someone checks them. */
  readonly uncheckedSignatures: readonly string[]
}

/** The keys of witnesses. @throws KernelError KEY_INVALID */
export function readWitnesses(vkeys: readonly string[], primitives: Primitives): Promise<readonly VerifierKey[]> {
  return Promise.all(vkeys.map((vkey) => readWitnessKey(vkey, primitives)))
}

/**
 * Looks for the cosignature of each of `witnesses`. One that is false makes the whole note false, even beside a true one.
 *
 * @param log undefined when not even the log's key is known
 */
export async function readCosigned(
  note: Note,
  log: VerifierKey | undefined,
  witnesses: readonly VerifierKey[],
  primitives: Primitives,
): Promise<Cosigned & { readonly problems: readonly Problem[] }> {
  const witnessed: Witnessed[] = []
  const problems: Problem[] = []
  for (const witness of witnesses) {
    const found = await cosignedBy(witness, note, primitives)
    if (typeof found === 'number') witnessed.push({ name: witness.name, timestamp: found })
    else problems.push(found)
  }
  const known = log === undefined ? witnesses : [log, ...witnesses]
  const unknown = note.signatures.filter((line) => !known.some((key) => isLineOf(line, key)))
  return { witnessed, uncheckedSignatures: unknown.map(({ name, keyId }) => `${name}+${toHex(keyId)}`), problems }
}

/** What is wrong with the cosignatures of a checkpoint alone. @throws KernelError NOTE_INVALID, KEY_INVALID */
export async function cosignatureProblems(
  checkpoint: Uint8Array,
  vkeys: readonly string[],
  primitives: Primitives = defaultPrimitives,
): Promise<readonly Problem[]> {
  const witnesses = await readWitnesses(vkeys, primitives)
  return (await readCosigned(parseNote(checkpoint), undefined, witnesses, primitives)).problems
}

async function cosignedBy(witness: VerifierKey, note: Note, primitives: Primitives): Promise<CosignedAt | Problem> {
  let latest: CosignedAt | undefined
  try {
    for (const line of note.signatures.filter((each) => isLineOf(each, witness))) {
      latest = Math.max(latest ?? 0, await openCosignature(line, note.body, witness, primitives))
    }
  } catch (error) {
    if (!isKernelError(error, 'NOTE_INVALID')) throw error
    return { code: 'cosignature_invalid', file: 'checkpoint', message: `witness ${witness.name}: ${error.message}` }
  }
  const message = `witness ${witness.name} has not cosigned it`
  return latest ?? { code: 'cosignature_missing', file: 'checkpoint', message }
}
