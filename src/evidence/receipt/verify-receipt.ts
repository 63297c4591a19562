import { concat, toHex } from '../../base/bytes.ts'
import { isKernelError, KernelError } from '../../base/errors.ts'
import { defaultPrimitives, type Primitives } from '../../base/primitives.ts'
import { parseEntry, type Entry } from '../ledger/entry.ts'
import {
  checkpointOf,
  checkSignature,
  checkVkey,
  parseVkey,
  type Checkpoint,
  type VerifierKey,
} from '../ledger/note.ts'
import { leafHash, verifyInclusion } from '../proof/index.ts'
import { readCosigned, readWitnesses, type Cosigned } from './cosigned.ts'
import { readReceipt, type ReadReceipt } from './receipt.ts'

/** A payload that its holder shows beside the receipt, to prove what the entry committed to. */
export interface Disclosure {
  readonly salt: Uint8Array
  /** The payload's bytes; for an object its canonical JSON. */
  readonly bytes: Uint8Array
}

const saltBytes = 16

export interface VerifyReceiptOptions {
  /** The verifier key of the log that is trusted: `<origin>+<8 hex>+<base64>`. */
  readonly vkey: string
  /** Keys of witnesses, each of which must have cosigned the checkpoint. */
  readonly witnesses?: readonly string[]
  /** Default: those of Node where there is one, else WebCrypto. */
  readonly primitives?: Primitives
  readonly disclosure?: Disclosure
}

export interface VerifiedReceipt extends Cosigned {
  readonly entry: Entry
  /** Hex. */
  readonly leafHash: string
  readonly checkpoint: Checkpoint
  /** Which field of the entry commits to the disclosed payload, as `params` or `outcome.result`. */
  readonly discloses?: string
}

/**
 * Proves offline that an entry stands in the log of `vkey`, and that each of `witnesses` has seen that log.
 *
 * @throws KernelError RECEIPT_INVALID for any other bytes, KEY_INVALID for an unusable key
 */
export async function verifyReceipt(bytes: Uint8Array, options: VerifyReceiptOptions): Promise<VerifiedReceipt> {
  const { primitives = defaultPrimitives } = options
  const vkey = parseVkey(options.vkey)
  await checkVkey(vkey, primitives)
  const witnesses = await readWitnesses(options.witnesses ?? [], primitives)
  const receipt = readReceipt(bytes)
  try {
    return await verified(receipt, { vkey, witnesses, primitives, disclosure: options.disclosure })
  } catch (cause) {
    if (!isKernelError(cause) || isKernelError(cause, 'RECEIPT_INVALID')) throw cause
    throw new KernelError('RECEIPT_INVALID', cause.message, { cause })
  }
}

interface Trust {
  readonly vkey: VerifierKey
  readonly witnesses: readonly VerifierKey[]
  readonly primitives: Primitives
  readonly disclosure: Disclosure | undefined
}

async function verified(receipt: ReadReceipt, trust: Trust): Promise<VerifiedReceipt> {
  const { vkey, witnesses, primitives, disclosure } = trust
  const { note } = receipt.signed
  const entry = parseEntry(receipt.entry)
  if (entry.seq !== receipt.index) throw new KernelError('RECEIPT_INVALID', 'the entry has another index')
  await checkSignature(note, vkey, primitives)
  const checkpoint = checkpointOf(note, vkey)
  const leaf = await leafHash(receipt.entry, primitives)
  const { index, proof } = receipt
  await verifyInclusion({ index, proof, leafHash: leaf, size: checkpoint.size, root: checkpoint.root }, primitives)
  const { problems, ...cosigned } = await readCosigned(note, vkey, witnesses, primitives)
  if (problems[0] !== undefined) throw new KernelError('RECEIPT_INVALID', `its checkpoint: ${problems[0].message}`)
  const discloses = disclosure && (await committedBy(entry, disclosure, primitives))
  return { entry, leafHash: toHex(leaf), checkpoint, ...cosigned, ...(discloses !== undefined && { discloses }) }
}

async function committedBy(entry: Entry, disclosure: Disclosure, primitives: Primitives): Promise<string> {
  if (disclosure.salt.length !== saltBytes) throw new KernelError('RECEIPT_INVALID', `a salt has ${saltBytes} bytes`)
  const digest = await primitives.sha256(concat(disclosure.salt, disclosure.bytes))
  const commitment = toHex(digest)
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['params', entry.params],
    ['outcome.result', entry.outcome?.result],
    ['undo.image', entry.undo?.image],
    ['reason', entry.reason],
    ...(entry.flow ?? []).map((verdict) => ['flow.value', verdict.value] as const),
  ]
  const field = fields.find(([, value]) => value === commitment)?.[0]
  if (field === undefined)
    throw new KernelError('RECEIPT_INVALID', 'the entry does not commit to the disclosed payload')
  return field
}
