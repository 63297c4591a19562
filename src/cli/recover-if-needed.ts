import { visible } from '../base/display.ts'
import { isKernelError } from '../base/errors.ts'
import { hasUnpublished } from '../evidence/ledger/index.ts'
import type { World } from './world.ts'

/**
 * Publishes what a process that died left in the WAL, where this can be done: the keys are there and nobody else is writing.
 * Else what is published has to do, and the reason is told.
 *
 * @throws KernelError LEDGER_NOT_FOUND
 */
export async function recoverIfNeeded({ places, terminal }: World): Promise<void> {
  if (!(await hasUnpublished(places.ledger))) return
  try {
    const { completeLog } = await import('./complete-log.ts')
    await completeLog(places)
  } catch (error) {
    if (!isKernelError(error)) throw error
    // A running writer publishes by itself.
    if (error.code === 'LEDGER_LOCKED') return
    terminal.note(`kestrel: only what is published can be shown; ${visible(error.message)}`)
  }
}
