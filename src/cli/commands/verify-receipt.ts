import { toHex } from '../../base/bytes.ts'
import { nodePrimitives } from '../../base/hash.ts'
import { limits } from '../../base/limits.ts'
import { cosignatureProblems, parseReceipt, verifyReceipt, type VerifiedReceipt } from '../../evidence/receipt/index.ts'
import { isKernelError } from '../../base/errors.ts'
import { exitCodes } from '../exit-code.ts'
import { readTextFile } from '../given-files.ts'
import { entryLine } from '../render/entry.ts'
import { facts, indented } from '../render/layout.ts'
import type { Paint } from '../render/paint.ts'
import { witnessLines } from '../render/witnessed.ts'
import { visible } from '../../base/display.ts'
import type { World } from '../world.ts'

export interface ReceiptTrust {
  readonly vkey: string
  readonly witnesses: readonly string[]
}

/** Verifies a receipt offline: that its entry stands in the log of `vkey`, and that each of `witnesses` has seen that log. */
export async function verifyGivenReceipt({ terminal }: World, file: string, trust: ReceiptTrust): Promise<number> {
  const bytes = readTextFile(file, limits.receiptBytes)
  try {
    const verified = await verifyReceipt(bytes, { ...trust, primitives: nodePrimitives })
    if (terminal.isJson) terminal.json(jsonOf(verified))
    else terminal.say(...lines(verified, terminal.paint))
    return exitCodes.ok
  } catch (error) {
    if (!isKernelError(error, 'RECEIPT_INVALID')) throw error
    const problem = { code: await codeOf(bytes, trust), file, message: error.message }
    if (terminal.isJson) terminal.json({ ok: false, origin: '', size: 0, root: '', problems: [problem] })
    else terminal.say(`${terminal.paint.bad(terminal.paint.strong('not verified'))}  ${visible(error.message)}`)
    return exitCodes.unverified
  }
}

/** Where all but the cosignatures holds, which of them is at fault; else the receipt as a whole. */
async function codeOf(bytes: Uint8Array, { vkey, witnesses }: ReceiptTrust): Promise<string> {
  if (witnesses.length === 0) return 'receipt_invalid'
  try {
    await verifyReceipt(bytes, { vkey, primitives: nodePrimitives })
  } catch {
    return 'receipt_invalid'
  }
  const problems = await cosignatureProblems(parseReceipt(bytes).checkpoint, witnesses, nodePrimitives)
  return problems[0]?.code ?? 'receipt_invalid'
}

function jsonOf({ checkpoint, entry, leafHash, witnessed, uncheckedSignatures }: VerifiedReceipt): object {
  const { origin, size, root } = checkpoint
  const proven = { ok: true, origin, size, root: toHex(root), problems: [], entry, leafHash }
  return { ...proven, witnessed, uncheckedSignatures, unwitnessed: witnessed.length === 0 }
}

function lines({ checkpoint, entry, leafHash, ...cosigned }: VerifiedReceipt, paint: Paint): string[] {
  const { origin, size, root } = checkpoint
  const isUnwitnessed = cosigned.witnessed.length + cosigned.uncheckedSignatures.length === 0
  const pairs: [string, string | readonly string[]][] = [
    ['entry', entryLine(entry, paint).trimStart()],
    ['leaf hash', leafHash],
    ['log', visible(origin)],
    ['checkpoint', `${size} entries, root ${toHex(root)}${isUnwitnessed ? ', unwitnessed' : ''}`],
  ]
  if (!isUnwitnessed) pairs.push(['witness', witnessLines(cosigned)])
  return [`${paint.good(paint.strong('verified'))}  this entry stands in the log`, ...indented(facts(pairs, paint), 2)]
}
