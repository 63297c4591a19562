import { cpSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'

const tries = 200
const pauseMs = 2
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * Copies folders as they stood at one moment, which a plain copy does not: threads of this process may be renaming and writing
 * in them. Meanwhile nothing else of this process runs, so that what they have begun comes to an end.
 *
 * @param folders from → to, which is made anew
 */
export function copyStill(folders: Readonly<Record<string, string>>): void {
  for (let attempt = 0; attempt < tries; attempt++) {
    try {
      const before = looksOf(Object.keys(folders))
      for (const [from, to] of Object.entries(folders)) copy(from, to)
      if (looksOf(Object.keys(folders)) === before) return
    } catch (error) {
      // a name that was there a moment ago
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    }
    Atomics.wait(sleeper, 0, 0, pauseMs)
  }
  throw new Error(`the folders never stood still: ${Object.keys(folders).join(', ')}`)
}

function copy(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true })
  cpSync(from, to, { recursive: true, filter: (path) => basename(path) !== 'lock.owner' })
}

function looksOf(folders: readonly string[]): string {
  const looks = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
      const { ino, size, mtimeNs } = statSync(join(folder, name), { bigint: true })
      return `${join(folder, name)} ${ino} ${size} ${mtimeNs}`
    }),
  )
  return looks.toSorted().join('\n')
}
