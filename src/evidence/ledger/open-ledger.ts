import { dirname, join, resolve } from 'node:path'
import { KernelError, systemCode } from '../../base/errors.ts'
import type { KeyRing } from '../../base/keys.ts'
import { limits } from '../../base/limits.ts'
import { readOwn } from '../../base/own-file.ts'
import { makeOwnFolder } from '../../base/own-folder.ts'
import { nodeFiles } from './file-layer.ts'
import type { Ledger, OpenLedgerOptions } from './ledger.ts'
import { acquireLock, type Lock } from './lock.ts'
import { LogWriter } from './log-writer.ts'
import { recover } from './recovery.ts'

/**
 * Opens the log in `directory` for writing, or begins one there.
 *
 * @throws KernelError LEDGER_LOCKED, LEDGER_CORRUPT, LEDGER_ROLLED_BACK, LEDGER_UNWRITABLE, KEY_INVALID for the keys of another log
 */
export async function openLedger(options: OpenLedgerOptions): Promise<Ledger> {
  const directory = resolve(options.directory)
  try {
    makeOwnFolder(join(directory, 'wal'))
    return await openLocked(directory, options, acquireLocks(dirname(directory), options))
  } catch (cause) {
    if (cause instanceof KernelError) throw cause
    const why = systemCode(cause) ?? 'unknown'
    const advice = "check the folder's owner, mode and free space"
    throw new KernelError('LEDGER_UNWRITABLE', `\`${directory}\` cannot be opened (${why}); ${advice}`, { cause })
  }
}

async function openLocked(directory: string, options: OpenLedgerOptions, locks: readonly Lock[]): Promise<Ledger> {
  const files = options.files ?? nodeFiles
  try {
    const isNamed = assertOwnLog(directory, options.keys)
    const recovered = await recover(directory, options.keys, files)
    if (!isNamed) await files.replace(join(directory, 'vkey'), Buffer.from(`${options.keys.vkey}\n`))
    const ledger = new LogWriter(directory, options, files, recovered, locks)
    await ledger.begin()
    return ledger
  } catch (error) {
    for (const lock of locks) lock.release()
    throw error
  }
}

function acquireLocks(dataDir: string, options: OpenLedgerOptions): readonly Lock[] {
  const owner = { pid: process.pid, startedAt: options.clock.now(), dataDir }
  const data = acquireLock(dataDir, owner)
  try {
    return [acquireLock(options.keys.directory, owner), data]
  } catch (error) {
    data.release()
    throw error
  }
}

function assertOwnLog(directory: string, keys: KeyRing): boolean {
  const path = join(directory, 'vkey')
  const named = readOwn(path, limits.noteBytes)?.toString('utf8')
  if (named === undefined || named === `${keys.vkey}\n`) return named !== undefined
  throw new KernelError('KEY_INVALID', `\`${path}\` names another log than the keys in \`${keys.directory}\``)
}
