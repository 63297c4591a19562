import { chmodSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { KernelError, systemCode } from '../base/errors.ts'
import { createKeys, loadKeys, type KeyRing } from '../base/keys.ts'
import { limits } from '../base/limits.ts'
import { readOwn } from '../base/own-file.ts'
import { makeOwnFolder } from '../base/own-folder.ts'

/** The places in a data directory (CONTRACT, "Data directory"). All absolute. */
export interface DataDirectory {
  readonly root: string
  readonly ledger: string
  readonly vault: string
  readonly state: string
}

const unfinished = '.new'

export function placesIn(root: string): DataDirectory {
  return { root, ledger: join(root, 'ledger'), vault: join(root, 'vault'), state: join(root, 'state.db') }
}

/**
 * Makes a data directory and its keys where there is none, else finds the keys of the log that is there.
 *
 * @throws KernelError OPTIONS_INVALID for a folder that holds something else, KEY_… for keys, LEDGER_CORRUPT for a log without a name
 */
export function openDataDirectory(root: string, keysDir: string): { places: DataDirectory; keys: KeyRing } {
  const places = placesIn(root)
  const isNew = claim(root)
  const keys = isNew ? createKeys(keysDir) : loadKeys(keysDir, originOf(places))
  if (isNew) {
    mkdirSync(places.vault, { recursive: true, mode: 0o700 })
    mkdirSync(places.ledger, { recursive: true, mode: 0o700 })
    writeFileSync(join(root, '.gitignore'), '*\n', { mode: 0o600 })
    nameTheLog(join(places.ledger, 'vkey'), keys)
  }
  return { places, keys }
}

/** A log has its name whole or not at all: what a crash left of the writing is not taken for one. */
function nameTheLog(file: string, { vkey }: KeyRing): void {
  writeFileSync(`${file}${unfinished}`, `${vkey}\n`, { mode: 0o600, flush: true })
  renameSync(`${file}${unfinished}`, file)
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

/** Makes sure that `root` is ours and closed to others; true when there is no log in it yet. */
function claim(root: string): boolean {
  makeOwnFolder(root)
  const names = readdirSync(root)
  if (names.length > 0 && !names.some((name) => name === 'ledger' || name === '.gitignore')) {
    throw new KernelError(
      'OPTIONS_INVALID',
      `\`${root}\` holds other files; name an empty or new folder as data directory`,
    )
  }
  chmodSync(root, 0o700)
  return !hasLog(root)
}

function hasLog(root: string): boolean {
  try {
    return readdirSync(join(root, 'ledger')).some((name) => !name.endsWith(unfinished))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
