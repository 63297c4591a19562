import { statSync } from 'node:fs'
import type { World } from '../world.ts'
import type { Check } from './check.ts'
import { diskCheck } from './disk.ts'
import { historyChecks } from './history.ts'
import { keysCheck } from './keys.ts'
import { lockCheck } from './locks.ts'
import { logChecks, nameOfLog, walkable } from './log.ts'
import { walCheck } from './rehearsal.ts'

/**
 * The data directory and its keys. Only looks, beside a running kernel too: nothing is locked, written or repaired.
 */
export async function dataDirectoryChecks(world: World): Promise<Check[]> {
  const { dataDir, ledger, keysDir } = world.places
  const facts = statSync(dataDir, { throwIfNoEntry: false })
  if (facts === undefined) {
    const next = '`kestrel init` makes it, and so does the first `kestrel submit`'
    return [{ name: 'data directory', status: 'note', message: `\`${dataDir}\` does not exist yet`, next }]
  }
  const lock = lockCheck(dataDir)
  const named = nameOfLog(world)
  const checks: Check[] = [modeCheck(dataDir, facts.mode), diskCheck(dataDir), lock.check, ...named.checks]
  const keys = named.origin === undefined ? undefined : keysCheck(keysDir, named.origin)
  checks.push(...(keys?.checks ?? []))
  if (named.checks.length > 0) return checks
  checks.push(...(await logChecks(world, keys?.ring?.vkey, lock.inUse)).checks)
  if (keys?.ring !== undefined) checks.push(await walCheck(ledger, keys.ring, lock.inUse))
  const log = await walkable(ledger)
  if (log !== undefined) checks.push(...(await historyChecks(world, log, keys?.ring, lock.inUse)))
  return checks
}

function modeCheck(dataDir: string, mode: number): Check {
  const name = 'data directory'
  if ((mode & 0o077) === 0) return { name, status: 'ok', message: `\`${dataDir}\`, closed to others` }
  const message = `\`${dataDir}\` is open to others (mode ${(mode & 0o7777).toString(8).padStart(4, '0')})`
  return { name, status: 'note', message, next: `chmod 700 '${dataDir}'` }
}
