import { toHex } from '../../base/bytes.ts'
import { nodePrimitives } from '../../base/hash.ts'
import { limits } from '../../base/limits.ts'
import { verifyReceipt } from '../../evidence/receipt/index.ts'
import { isKernelError } from '../../base/errors.ts'
import { exitCodes } from '../exit-code.ts'
import { readTextFile } from '../given-files.ts'
import { entryLine } from '../render/entry.ts'
import { facts, indented } from '../render/layout.ts'
import { visible } from '../../base/display.ts'
import type { World } from '../world.ts'

/** Verifies a receipt offline: that its entry stands in the log of `vkey`. */
export async function verifyGivenReceipt({ terminal }: World, file: string, vkey: string): Promise<number> {
  const bytes = readTextFile(file, limits.receiptBytes)
  try {
    const { entry, leafHash, checkpoint } = await verifyReceipt(bytes, { vkey, primitives: nodePrimitives })
    const { origin, size, root } = checkpoint
    if (terminal.isJson) {
      terminal.json({ ok: true, origin, size, root: toHex(root), problems: [], entry, leafHash, unwitnessed: true })
      return exitCodes.ok
    }
    const { paint } = terminal
    const pairs = [
      ['entry', entryLine(entry, paint).trimStart()],
      ['leaf hash', leafHash],
      ['log', visible(origin)],
      ['checkpoint', `${size} entries, root ${toHex(root)}, unwitnessed`],
    ] as const
    terminal.say(
      `${paint.good(paint.strong('verified'))}  this entry stands in the log`,
      ...indented(facts(pairs, paint), 2),
    )
    return exitCodes.ok
  } catch (error) {
    if (!isKernelError(error, 'RECEIPT_INVALID')) throw error
    const problem = { code: 'receipt_invalid', file, message: error.message }
    if (terminal.isJson) terminal.json({ ok: false, origin: '', size: 0, root: '', problems: [problem] })
    else terminal.say(`${terminal.paint.bad(terminal.paint.strong('not verified'))}  ${visible(error.message)}`)
    return exitCodes.unverified
  }
}
