import { fromBase64, toBase64, utf8 } from '../../base/bytes.ts'
import { isKernelError } from '../../base/errors.ts'
import { refuse, type Refusal } from './refusal.ts'

/** What a log asks of a witness. @see https://c2sp.org/tlog-witness "add-checkpoint" */
export interface AddCheckpoint {
  /** What the log believes that the witness remembers. */
  readonly oldSize: number
  /** Consistency proof from there. */
  readonly proof: readonly Uint8Array[]
  /** The signed note, byte for byte. */
  readonly checkpoint: Uint8Array
}

/** So many the protocol allows: a tree of 2^63 leaves needs no more. */
const proofLines = 63
const hashBytes = 32
const newline = 0x0a
const oldPattern = /^old (0|[1-9][0-9]{0,15})$/
const linePattern = /^[A-Za-z0-9+/]{43}=$/

export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): Uint8Array {
  const head = utf8([`old ${oldSize}`, ...proof.map(toBase64), '', ''].join('\n'))
  const bytes = new Uint8Array(head.length + checkpoint.length)
  bytes.set(head)
  bytes.set(checkpoint, head.length)
  return bytes
}

/** Reads the form only; the checkpoint is not looked into. */
export function parseAddCheckpoint(bytes: Uint8Array): AddCheckpoint | Refusal {
  const lines: string[] = []
  let at = 0
  for (let end = bytes.indexOf(newline); end > at; end = bytes.indexOf(newline, at)) {
    if (lines.length > proofLines) return refuse(400, `the request has more than ${proofLines} proof lines`)
    lines.push(String.fromCharCode(...bytes.subarray(at, Math.min(end, at + 2 * hashBytes))))
    at = end + 1
  }
  if (bytes[at] !== newline) return refuse(400, 'the request has no empty line before the checkpoint')
  const [first = '', ...rest] = lines
  const oldSize = Number(oldPattern.exec(first)?.[1])
  if (!Number.isSafeInteger(oldSize)) return refuse(400, 'the first line is not `old` and a tree size')
  const proof: Uint8Array[] = []
  for (const line of rest) {
    const hash = hashOf(line)
    if (hash === undefined) return refuse(400, 'a proof line is not the base64 of a hash')
    proof.push(hash)
  }
  return { oldSize, proof, checkpoint: bytes.slice(at + 1) }
}

function hashOf(line: string): Uint8Array | undefined {
  if (!linePattern.test(line)) return undefined
  try {
    return fromBase64(line)
  } catch (error) {
    if (!isKernelError(error)) throw error
    return undefined
  }
}
