import { statfsSync } from 'node:fs'
import type { Check } from './check.ts'

const name = 'disk'
/** A WAL needs its segments, and a block its tiles. */
const neededBytes = 67_108_864
const comfortableBytes = 1_073_741_824
const megabyte = 1_048_576

/** Whether there is room for what is to come. */
export function diskCheck(dataDir: string): Check {
  const { bavail, bsize, ffree, files } = statfsSync(dataDir)
  const free = bavail * bsize
  const message = `${Math.floor(free / megabyte)} MB free at \`${dataDir}\``
  const next = 'make room; a log that cannot be written refuses everything'
  // Some file systems have no fixed number of files, and say 0 of 0.
  if (files > 0 && ffree === 0)
    return { name, status: 'configuration', message: `${message}, but no file can be made`, next }
  if (free < neededBytes) return { name, status: 'configuration', message, next }
  return free < comfortableBytes ? { name, status: 'note', message, next } : { name, status: 'ok', message }
}
