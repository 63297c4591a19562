import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Folder } from './edits.ts'

/** Every file below `root`, but for the locks. */
export function readFolder(root: string): Folder {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => join(entry.parentPath, entry.name))
  const kept = paths.filter((path) => !/\/lock(?:\.owner)?$/.test(path)).toSorted()
  return new Map(kept.map((path) => [relative(root, path), readFileSync(path)]))
}

/** Writes a folder anew: what was there is gone. */
export function writeFolder(root: string, folder: Folder): void {
  rmSync(root, { recursive: true, force: true })
  mkdirSync(root, { recursive: true, mode: 0o700 })
  for (const [path, bytes] of folder) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, bytes, { mode: 0o600 })
  }
}
