import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ALog } from '../evidence/receipt/a-log.ts'

/** Writes all files of a log into a new folder in `parent`, and returns that. */
export function placed(log: ALog, parent: string): string {
  const folder = mkdtempSync(join(parent, 'log-'))
  for (const [path, bytes] of log.files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  return folder
}

/** Writes `bytes` into a new file in `parent`, and returns its path. */
export function written(bytes: Uint8Array | string, parent: string): string {
  const file = join(mkdtempSync(join(parent, 'file-')), 'bytes')
  writeFileSync(file, bytes)
  return file
}
