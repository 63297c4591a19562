import { systemClock } from '../base/clock.ts'
import { loadKeys } from '../base/keys.ts'
import { openLedger, openLog } from '../evidence/ledger/index.ts'
import { endInterrupted } from '../kernel/recover.ts'
import type { Places } from './places.ts'

/**
 * Opens a log as its writer and closes it again, which publishes what a process that died left in the WAL.
 *
 * @throws KernelError LEDGER_LOCKED while another process writes, KEY_…, LEDGER_CORRUPT, LEDGER_ROLLED_BACK
 */
export async function completeLog({ ledger: directory, keysDir }: Places): Promise<void> {
  const { origin } = await openLog(directory)
  const ledger = await openLedger({ directory, keys: loadKeys(keysDir, origin), clock: systemClock })
  try {
    await endInterrupted(ledger)
  } finally {
    await ledger.close()
  }
}
