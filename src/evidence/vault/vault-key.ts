import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { KernelError } from '../../base/errors.ts'
import { readDayKey } from './day-key.ts'
import { plainName, shelfContext } from './shelf.ts'

/** Day keys that are tried with the vault key at the start. */
const triedKeys = 3
const dayKeyName = /^(\d{4}-\d\d-\d\d)\.key$/

/**
 * A vault key that opens none of the newest day keys is another vault's, and is told before anything is sealed under it.
 *
 * @throws KernelError KEY_INVALID
 */
export function assertVaultKey(directory: string, key: Uint8Array): void {
  const tried = newestDayKeys(directory)
  if (tried.length === 0 || tried.some(({ path, context }) => opens(path, key, context))) return
  const files = tried.map(({ path }) => `\`${path}\``).join(', ')
  throw new KernelError(
    'KEY_INVALID',
    `\`vault.key\` opens none of ${files}; restore from your backup the key that was here, or those files if they are damaged`,
  )
}

interface DayKey {
  readonly day: string
  readonly path: string
  readonly context: string
}

function newestDayKeys(directory: string): readonly DayKey[] {
  const found: DayKey[] = []
  for (const sensitivity of namesIn(directory).filter((name) => plainName.test(name))) {
    const days = namesIn(join(directory, sensitivity)).flatMap((name) => dayKeyName.exec(name)?.[1] ?? [])
    for (const day of days.sort().slice(-triedKeys)) {
      found.push({ day, path: join(directory, sensitivity, `${day}.key`), context: shelfContext(sensitivity, day) })
    }
  }
  return found.sort((a, b) => (a.day < b.day ? 1 : -1)).slice(0, triedKeys)
}

function opens(path: string, key: Uint8Array, context: string): boolean {
  try {
    return readDayKey(path, key, context) !== undefined
  } catch {
    return false
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
