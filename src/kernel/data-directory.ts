import { chmodSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemClock, type Clock } from '../base/clock.ts'
import { KernelError, systemCode } from '../base/errors.ts'
import { createKeys, loadKeys, type KeyRing } from '../base/keys.ts'
import { limits } from '../base/limits.ts'
import { readOwn } from '../base/own-file.ts'
import { makeOwnFolder, syncFolder } from '../base/own-folder.ts'
import { acquireLock, readOwner } from '../evidence/ledger/lock.ts'

/** The places in a data directory (CONTRACT, "Data directory"). All absolute. */
export interface DataDirectory {
  readonly root: string
  readonly ledger: string
  readonly vault: string
  /** Before-images. No class has such a name. */
  readonly images: string
  readonly state: string
}

const unfinished = '.new'

export function placesIn(root: string): DataDirectory {
  return {
    root,
    ledger: join(root, 'ledger'),
    vault: join(root, 'vault'),
    images: join(root, 'vault', '+undo'),
    state: join(root, 'state.db'),
  }
}

/**
 * Makes a data directory and its keys where there is none, else finds the keys of the log that is there.
 *
 * @throws KernelError OPTIONS_INVALID for a folder that holds something else, LEDGER_LOCKED, KEY_… for keys, LEDGER_CORRUPT for a log without a name
 */
export function openDataDirectory(
  root: string,
  keysDir: string,
  clock: Clock = systemClock,
): { places: DataDirectory; keys: KeyRing } {
  const places = placesIn(root)
  if (claim(root)) begin(places, keysDir, clock)
  return { places, keys: loadKeys(keysDir, originOf(places)) }
}

/**
 * Makes the keys of a log, and last its name. Of processes that start at once one does it, under the lock, and the others find
 * its log. What a kill or a power loss leaves of it has no name yet, and is made again.
 */
function begin({ root, vault, ledger }: DataDirectory, keysDir: string, clock: Clock): void {
  const lock = acquireLock(root, { pid: process.pid, startedAt: clock.now(), dataDir: root })
  try {
    if (hasLog(root)) return
    writeFileSync(join(root, '.gitignore'), '*\n', { mode: 0o600, flush: true })
    makeOwnFolder(vault)
    makeOwnFolder(ledger)
    // Also what an earlier start made and did not live to sync.
    syncFolder(root)
    nameTheLog(join(ledger, 'vkey'), createKeys(keysDir))
  } finally {
    lock.release()
  }
}

/**
 * Places and keys of a data directory that has a log. Makes nothing.
 *
 * @throws KernelError LEDGER_NOT_FOUND, LEDGER_CORRUPT for a log without a name, KEY_…
 */
export function findDataDirectory(root: string, keysDir: string): { places: DataDirectory; keys: KeyRing } {
  const places = placesIn(root)
  if (!hasLog(root)) {
    const advice = '`kestrel init` begins one, and `--data-dir` names another place'
    throw new KernelError('LEDGER_NOT_FOUND', `\`${places.ledger}\` does not exist or is empty; ${advice}`)
  }
  return { places, keys: loadKeys(keysDir, originOf(places)) }
}

/** A log has its name whole or not at all: what a crash left of the writing is not taken for one. */
function nameTheLog(file: string, { vkey }: KeyRing): void {
  writeFileSync(`${file}${unfinished}`, `${vkey}\n`, { mode: 0o600, flush: true })
  renameSync(`${file}${unfinished}`, file)
  syncFolder(dirname(file))
}

/** The name of the log here, as its `vkey` file says. @throws KernelError LEDGER_CORRUPT */
export function originOf(places: DataDirectory): string {
  const file = join(places.ledger, 'vkey')
  const vkey = readOwn(file, limits.noteBytes)?.toString('utf8').trim() ?? ''
  const plus = vkey.indexOf('+')
  if (plus > 0) return vkey.slice(0, plus)
  const advice = 'restore it from a backup or a copy of the log'
  throw new KernelError('LEDGER_CORRUPT', `\`${file}\` is missing or does not hold a key; ${advice}`)
}

/** All that a data directory may hold before its log has a name. */
const firstNames: ReadonlySet<string> = new Set(['lock', 'lock.owner', '.gitignore', 'vault', 'ledger'])

/** Makes sure that `root` is ours and closed to others; true when there is no log in it yet. */
function claim(root: string): boolean {
  makeOwnFolder(root)
  // The names first: another process may begin the log meanwhile.
  const names = readdirSync(root)
  const isNew = !hasLog(root)
  if (isNew && !names.every((name) => firstNames.has(name))) {
    throw new KernelError(
      'OPTIONS_INVALID',
      `\`${root}\` holds other files; name an empty or new folder as data directory`,
    )
  }
  chmodSync(root, 0o700)
  return isNew
}

function hasLog(root: string): boolean {
  try {
    return readdirSync(join(root, 'ledger')).some((name) => !name.endsWith(unfinished))
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return false
    throw error
  }
}

/** Who says in its lock file that it holds a folder of ours. */
export interface Holder {
  readonly pid: number
  /** False for one that ended without a word, as one does that is killed: the folder is free. */
  readonly isRunning: boolean
}

/** The process that wrote itself into the lock file of `folder`, a data directory or a folder of keys. Only looks. */
export function holderOf(folder: string): Holder | undefined {
  const pid = readOwner(folder)?.pid ?? 0
  return pid > 0 ? { pid, isRunning: runs(pid) } : undefined
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // One of another user is there all the same.
    return systemCode(error) === 'EPERM'
  }
}
