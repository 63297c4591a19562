import { closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemCode } from './errors.ts'

/**
 * Makes a folder of our own, 0700, with those above it. Their names are on the disk when it returns: else a power loss could
 * take away a folder whose files were all synced.
 *
 * One level at a time: where the system refuses to make any (as below `/proc`), Node's recursive `mkdir` never ends.
 */
export function makeOwnFolder(path: string): void {
  const missing: string[] = []
  for (let at = path; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.push(at)
  for (const folder of missing.toReversed()) {
    try {
      mkdirSync(folder, { mode: 0o700 })
    } catch (error) {
      // Another process may have made it just now.
      if (systemCode(error) !== 'EEXIST') throw error
    }
    syncFolder(dirname(folder))
  }
}

/** Waits until the disk has the names in a folder. */
export function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Where an absolute path leads once its links are followed; what does not exist yet stands where its first existing folder leads. */
export function realPlace(path: string): string {
  let existing = path
  let rest = ''
  for (;;) {
    try {
      return join(realpathSync.native(existing), rest)
    } catch {
      const above = dirname(existing)
      if (above === existing) return path
      rest = join(existing.slice(above.length).replace(/^\//, ''), rest)
      existing = above
    }
  }
}
