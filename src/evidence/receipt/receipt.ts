import { fromBase64, fromUtf8, toBase64, utf8 } from '../../base/bytes.ts'
import { isKernelError, KernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { readSignedHead, type SignedHead } from './log-head.ts'
import { hashBytes } from '../ledger/tile.ts'

/** A `.tlog-proof` whose extra data is the entry itself. @see https://c2sp.org/tlog-proof */
export interface Receipt {
  /** The entry's own bytes. */
  readonly entry: Uint8Array
  /** Its place in the log. */
  readonly index: number
  /** Inclusion proof, from the leaf's sibling up. */
  readonly proof: readonly Uint8Array[]
  /** The signed note, verbatim. */
  readonly checkpoint: Uint8Array
}

const header = 'c2sp.org/tlog-proof@v1'
const indexPattern = /^index (0|[1-9][0-9]{0,15})$/

/** @throws KernelError RECEIPT_INVALID when it would not be read back */
export function formatReceipt(receipt: Receipt): Uint8Array {
  const lines = [header, `extra ${toBase64(receipt.entry)}`, `index ${receipt.index}`, ...receipt.proof.map(toBase64)]
  const head = utf8(`${lines.join('\n')}\n\n`)
  const bytes = new Uint8Array(head.length + receipt.checkpoint.length)
  bytes.set(head)
  bytes.set(receipt.checkpoint, head.length)
  parseReceipt(bytes)
  return bytes
}

/**
 * Reads the form only: nothing of it is true until `verifyReceipt` says so.
 *
 * @throws KernelError RECEIPT_INVALID
 */
export function parseReceipt(bytes: Uint8Array): Receipt {
  const { entry, index, proof, checkpoint } = readReceipt(bytes)
  return { entry, index, proof, checkpoint }
}

/** A receipt with its checkpoint taken apart, so that whoever goes on to verify it reads nothing twice. */
export interface ReadReceipt extends Receipt {
  readonly signed: SignedHead
}

/** @throws KernelError RECEIPT_INVALID */
export function readReceipt(bytes: Uint8Array): ReadReceipt {
  if (bytes.length > limits.receiptBytes) throw refuse(`it has more than ${limits.receiptBytes} bytes`)
  const text = attempt('it is not UTF-8', () => fromUtf8(bytes))
  const end = text.indexOf('\n\n')
  if (end < 0) throw refuse('it has no checkpoint')
  const [first, extra = '', index = '', ...path] = text.slice(0, end).split('\n')
  if (first !== header) throw refuse(`its first line is not \`${header}\``)
  if (!extra.startsWith('extra ')) throw refuse('its second line is not the entry')
  const entry = attempt('the entry is not base64', () => fromBase64(extra.slice('extra '.length)))
  if (entry.length === 0 || entry.length > limits.entryBytes) throw refuse('the entry is empty or too long')
  const seq = Number(indexPattern.exec(index)?.[1])
  if (!Number.isSafeInteger(seq)) throw refuse('its third line is not the index of the entry')
  if (path.length > limits.proofHashes) throw refuse(`it has more than ${limits.proofHashes} proof lines`)
  const proof = path.map((line) => attempt('a proof line is not base64', () => fromBase64(line)))
  if (proof.some((hash) => hash.length !== hashBytes)) throw refuse(`a proof line is not ${hashBytes} bytes`)
  // what stands before it was ASCII, or it would have been refused by now
  const checkpoint = bytes.slice(end + 2)
  const signed = attempt('its checkpoint is malformed', () => readSignedHead(checkpoint))
  return { entry, index: seq, proof, checkpoint, signed }
}

function attempt<T>(otherwise: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (isKernelError(cause)) throw new KernelError('RECEIPT_INVALID', otherwise, { cause })
    throw cause
  }
}

function refuse(why: string): KernelError<'RECEIPT_INVALID'> {
  return new KernelError('RECEIPT_INVALID', why)
}
