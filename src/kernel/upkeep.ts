import type { Clock } from '../base/clock.ts'
import { pooledRandom } from '../base/random.ts'
import type { Provider } from '../effects/provider.ts'
import { tableOfActions } from './actions.ts'
import { findDataDirectory } from './data-directory.ts'
import { bringUpToDate } from './recover.ts'
import { closeEvidence, closeRooms, openEvidence, openRooms, type Rooms } from './rooms.ts'
import { endInterrupted } from './settle.ts'

/** A data directory that somebody looks after, by its two folders. */
export interface Upkeep {
  readonly dataDir: string
  readonly keysDir: string
  readonly clock: Clock
  /** Whose actions a crash may have cut. Without them such an attempt ends `unknown`. */
  readonly providers?: readonly Provider[]
}

/**
 * Opens a data directory as a kernel does, but without a gate and a policy, for as long as `work` takes.
 *
 * @throws KernelError LEDGER_NOT_FOUND, LEDGER_LOCKED, LEDGER_CORRUPT, LEDGER_ROLLED_BACK, KEY_…, STATE_INVALID, and what `work` throws
 */
export async function withRooms<T>(
  { dataDir, keysDir, clock, providers = [] }: Upkeep,
  work: (rooms: Rooms) => Promise<T>,
): Promise<T> {
  const { places, keys } = findDataDirectory(dataDir, keysDir)
  const rooms = await openRooms(places, keys, clock, pooledRandom())
  let result: T
  try {
    await bringUpToDate(rooms, { actions: tableOfActions(providers) })
    result = await work(rooms)
  } catch (error) {
    await closeRooms(rooms).catch(() => undefined)
    throw error
  }
  await closeRooms(rooms)
  return result
}

/** Opens log and vaults, ends what a crash cut, and closes them again. The index is left to the next start. @throws as `withRooms` */
export async function completeEvidence({ dataDir, keysDir, clock, providers = [] }: Upkeep): Promise<void> {
  const { places, keys } = findDataDirectory(dataDir, keysDir)
  const rooms = await openEvidence(places, keys, clock, pooledRandom())
  try {
    await endInterrupted(rooms, { actions: tableOfActions(providers) })
  } finally {
    await closeEvidence(rooms)
  }
}
