import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildReceipt, verifyReceipt, type LogFiles } from 'kestrel-kernel/receipt'
import type { Benchmark } from '../benchmark.ts'
import { measure } from '../measure.ts'
import { aWorld } from '../world.ts'

const entries = 2000

/** Verifies one receipt after another, each of another entry, from its bytes and the verifier key alone. */
export const receiptBenchmark: Benchmark = {
  name: 'receipt',
  async run({ seconds }) {
    await using world = await aWorld()
    const agent = world.kernel.as({ id: 'bench' })
    await Promise.all(
      Array.from({ length: entries }, () => agent.submit({ action: 'fs.read', resource: '/workspace/.env' })),
    )
    const { vkey } = world.kernel
    await world.kernel.close()
    const files = filesOf(join(world.root, 'data', 'ledger'))
    const receipts: Uint8Array[] = []
    const built = await measure(async (index) => receipts.push(await buildReceipt(files, (index * 7919) % entries)), {
      seconds: Math.min(1, seconds),
    })
    const measured = await measure(
      (index) => verifyReceipt(receipts[index % receipts.length] as Uint8Array, { vkey }),
      { seconds },
    )
    return {
      ...measured,
      conditions: {
        logEntries: entries,
        receiptBytes: receipts[0]?.length ?? 0,
        checks: 'entry, inclusion proof, Ed25519 signature of the checkpoint, by node:crypto',
        buildP50Us: built.p50Us,
      },
    }
  },
}

function filesOf(folder: string): LogFiles {
  return {
    read: (path) => readFile(join(folder, path)).catch(() => undefined),
  }
}
