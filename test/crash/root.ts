import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A folder for a small kernel: with a workspace, and a world outside in which nothing has happened. */
export function makeRoot(root: string): void {
  mkdirSync(join(root, 'workspace', 'w'), { recursive: true })
  mkdirSync(join(root, 'workspace', 'no'))
  writeFileSync(join(root, 'effects'), '')
}

/** All but the locks, which the system takes back from a process that ends. */
export function copyRoot(root: string, copy: string): void {
  cpSync(root, copy, { recursive: true, filter: (path) => !/\/lock(?:\.owner|-journal)?$/.test(path) })
}
