import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { nodePrimitives } from '../../base/hash.ts'
import { logFiles } from '../../evidence/ledger/index.ts'
import { buildReceipt } from '../../evidence/receipt/index.ts'
import { visible } from '../../base/display.ts'
import { exitCodes } from '../exit-code.ts'
import { readCount } from '../log-filter.ts'
import { recoverIfNeeded } from '../recover-if-needed.ts'
import type { World } from '../world.ts'

/** Makes the receipt of one entry: enough, with the `vkey`, to verify it offline. */
export async function receipt(world: World, seqText: string, out: string | undefined): Promise<number> {
  const { terminal, places } = world
  const seq = readCount(seqText, 'the number of the entry')
  await recoverIfNeeded(world)
  const bytes = await buildReceipt(logFiles(places.ledger), seq, { primitives: nodePrimitives })
  const text = Buffer.from(bytes).toString('utf8')
  if (out === undefined) {
    if (terminal.isJson) terminal.json({ seq, receipt: text })
    else terminal.write(text)
    return exitCodes.ok
  }
  const file = resolve(out)
  writeFileSync(file, bytes)
  if (terminal.isJson) terminal.json({ seq, file, sizeBytes: bytes.length })
  else
    terminal.say(
      `receipt of entry ${seq} written to \`${visible(out)}\`; verify it with the key that \`kestrel key\` prints`,
    )
  return exitCodes.ok
}
