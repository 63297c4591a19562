import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { isKernelError } from '../../base/errors.ts'
import { loadKeys, type KeyRing } from '../../base/keys.ts'
import { hasUnpublished, openLedger, openLog } from '../../evidence/ledger/index.ts'
import { openState } from '../../kernel/state/state.ts'
import { endInterrupted } from '../../kernel/recover.ts'
import type { World } from '../world.ts'
import { failed, type Check } from './check.ts'

/** The data directory, its keys, who holds it, and whether its log can go on. */
export async function dataDirectoryChecks({ places }: World): Promise<Check[]> {
  const { dataDir, ledger, keysDir } = places
  const facts = statSync(dataDir, { throwIfNoEntry: false })
  if (facts === undefined) {
    const next = '`kestrel init` makes it, and so does the first `kestrel submit`'
    return [{ name: 'data directory', status: 'note', message: `\`${dataDir}\` does not exist yet`, next }]
  }
  const checks: Check[] = [modeCheck(dataDir, facts.mode)]
  let origin: string
  try {
    const log = await openLog(ledger)
    origin = log.origin
    const message = `${log.size} entries under a checkpoint that its key signed; \`kestrel verify\` checks all of it`
    checks.push({ name: 'log', status: 'ok', message })
  } catch (error) {
    return [...checks, failed('log', error)]
  }
  const keys = keysCheck(keysDir, origin)
  checks.push(keys.check, lockCheck(dataDir))
  if (keys.ring !== undefined) checks.push(...(await writeChecks(dataDir, ledger, keys.ring)))
  return checks
}

function modeCheck(dataDir: string, mode: number): Check {
  const name = 'data directory'
  if ((mode & 0o077) === 0) return { name, status: 'ok', message: `\`${dataDir}\`, closed to others` }
  const message = `\`${dataDir}\` is open to others (mode ${(mode & 0o7777).toString(8).padStart(4, '0')})`
  return { name, status: 'note', message, next: `chmod 700 '${dataDir}'` }
}

function keysCheck(keysDir: string, origin: string): { check: Check; ring?: KeyRing } {
  try {
    const ring = loadKeys(keysDir, origin)
    const message = `\`${ring.directory}\`: plain files that only you can read, as SSH host keys are`
    return { ring, check: { name: 'keys', status: 'ok', message, next: 'keep a backup elsewhere' } }
  } catch (error) {
    return { check: failed('keys', error) }
  }
}

function lockCheck(dataDir: string): Check {
  const pid = holderOf(dataDir)
  if (pid === undefined) return { name: 'lock', status: 'ok', message: 'free' }
  return { name: 'lock', status: 'note', message: `held by process ${pid}, the one writer of this log` }
}

/** The process that says it holds the data directory, if it still runs. */
function holderOf(dataDir: string): number | undefined {
  try {
    const owner = JSON.parse(readFileSync(join(dataDir, 'lock.owner'), 'utf8')) as { pid?: unknown } | null
    const pid = owner?.pid
    if (!Number.isSafeInteger(pid) || (pid as number) <= 0) return undefined
    process.kill(pid as number, 0)
    return pid as number
  } catch {
    return undefined
  }
}

/** Opens the log as a writer would, which completes what an unclean exit left; not while another process writes. */
async function writeChecks(dataDir: string, directory: string, keys: KeyRing): Promise<Check[]> {
  try {
    const wasUnclean = await hasUnpublished(directory)
    const ledger = await openLedger({ directory, keys, clock: systemClock })
    try {
      await endInterrupted(ledger)
      const message = wasUnclean ? 'the last process did not end cleanly; what it left is complete now' : 'clean'
      return [{ name: 'write-ahead log', status: 'ok', message }, indexCheck(dataDir, ledger.origin, ledger.treeSize)]
    } finally {
      await ledger.close()
    }
  } catch (error) {
    if (isKernelError(error, 'LEDGER_LOCKED')) {
      return [{ name: 'write-ahead log', status: 'note', message: 'not looked at while another process writes' }]
    }
    return [failed('write-ahead log', error)]
  }
}

function indexCheck(dataDir: string, origin: string, treeSize: number): Check {
  const name = 'state index'
  const file = join(dataDir, 'state.db')
  if (!existsSync(file)) return { name, status: 'note', message: 'none; the next start makes it from the log' }
  try {
    openState(file, origin, treeSize).close()
    return { name, status: 'ok', message: 'readable, and not ahead of the log' }
  } catch (error) {
    return failed(name, error)
  }
}
