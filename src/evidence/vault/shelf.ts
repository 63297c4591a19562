import { join } from 'node:path'
import { sha256Hex } from '../../base/hash.ts'

/** A class that is its own folder's name; any other has a digest for one. */
export const plainName: RegExp = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** One class on one day. */
export interface Shelf {
  /** Of the day's file; its key has the same with `.key`. */
  readonly path: string
  /** What its key and its records are sealed for. */
  readonly context: string
}

export function shelfOf(directory: string, sensitivity: string, timeMs: number): Shelf {
  const folder = plainName.test(sensitivity) ? sensitivity : `=${sha256Hex(sensitivity).slice(0, 32)}`
  const day = new Date(timeMs).toISOString().slice(0, 10)
  return { path: join(directory, folder, day), context: shelfContext(sensitivity, day) }
}

export function shelfContext(sensitivity: string, day: string): string {
  return `kestrel vault 1 ${JSON.stringify(sensitivity)} ${day}`
}
