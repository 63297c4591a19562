import { fstatSync, ftruncateSync, writeSync } from 'node:fs'
import { answerTo, doubt, Ended, fail } from './ending.ts'

/**
 * Puts `bytes` behind all that the file has, in one go.
 *
 * @param fd open with `O_APPEND`
 * @returns the size of the file afterwards
 * @throws Ended: that nothing was added where the size proves it, else that nobody knows
 */
export function addTo(fd: number, bytes: Uint8Array, path: string): number {
  const before = sizeOf(fd)
  let written: number
  try {
    written = writeSync(fd, bytes)
  } catch (error) {
    throw provenSize(fd) === before ? new Ended(answerTo(error, path)) : half(path)
  }
  if (written < bytes.length) throw takeBack(fd, before, written, path)
  return provenSize(fd) ?? before + written
}

/** The disk is full. Only what is surely ours is cut off: where the file has grown by just that. */
function takeBack(fd: number, before: number, written: number, path: string): Ended {
  try {
    if (sizeOf(fd) === before + written) ftruncateSync(fd, before)
    if (sizeOf(fd) !== before) return half(path)
  } catch {
    return half(path)
  }
  return fail('no_space', `\`${path}\` does not fit: the volume is full; free some space`, true)
}

function half(path: string): Ended {
  return doubt(`\`${path}\` may have been appended to in part; read its end before you append again`)
}

function provenSize(fd: number): number | undefined {
  try {
    return sizeOf(fd)
  } catch {
    return undefined
  }
}

function sizeOf(fd: number): number {
  return Number(fstatSync(fd).size)
}
