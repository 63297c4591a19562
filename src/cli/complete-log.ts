import { systemClock } from '../base/clock.ts'
import { completeEvidence } from '../kernel/upkeep.ts'
import { providersOfCli } from './cli-providers.ts'
import type { Places } from './places.ts'

/**
 * Opens a log as its writer and closes it again, which publishes what a process that died left in the WAL.
 *
 * @throws KernelError LEDGER_LOCKED while another process writes, KEY_…, LEDGER_CORRUPT, LEDGER_ROLLED_BACK
 */
export async function completeLog({ dataDir, keysDir }: Places): Promise<void> {
  await completeEvidence({ dataDir, keysDir, clock: systemClock, providers: providersOfCli() })
}
