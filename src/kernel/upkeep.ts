import type { Clock } from '../base/clock.ts'
import { pooledRandom } from '../base/random.ts'
import { findDataDirectory } from './data-directory.ts'
import { bringUpToDate } from './recover.ts'
import { closeRooms, openRooms, type Rooms } from './rooms.ts'

/** A data directory that somebody looks after, by its two folders. */
export interface Upkeep {
  readonly dataDir: string
  readonly keysDir: string
  readonly clock: Clock
}

/**
 * Opens a data directory as a kernel does, but without a gate and a policy, for as long as `work` takes.
 *
 * @throws KernelError LEDGER_NOT_FOUND, LEDGER_LOCKED, LEDGER_CORRUPT, LEDGER_ROLLED_BACK, KEY_…, STATE_INVALID, and what `work` throws
 */
export async function withRooms<T>(
  { dataDir, keysDir, clock }: Upkeep,
  work: (rooms: Rooms) => Promise<T>,
): Promise<T> {
  const { places, keys } = findDataDirectory(dataDir, keysDir)
  const rooms = await openRooms(places, keys, clock, pooledRandom())
  let result: T
  try {
    await bringUpToDate(rooms)
    result = await work(rooms)
  } catch (error) {
    await closeRooms(rooms).catch(() => undefined)
    throw error
  }
  await closeRooms(rooms)
  return result
}
