import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isKernelError, KernelError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { parseVkey } from '../evidence/ledger/index.ts'

/**
 * A file that was named on the command line. Anything but a plain file of that size is refused: a pipe would hang, and a device
 * never ends.
 *
 * @throws KernelError USAGE_INVALID; system errors, as for a file that does not exist
 */
export function readTextFile(path: string, maxBytes: number): Uint8Array {
  const fd = openSync(resolve(path), constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const facts = fstatSync(fd)
    if (!facts.isFile() || facts.size > maxBytes) {
      throw new KernelError('USAGE_INVALID', `\`${path}\` is not a file of at most ${maxBytes} bytes`)
    }
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** A verifier key, or the file that holds one. @throws KernelError KEY_INVALID; system errors */
export function readVkey(keyOrFile: string): string {
  try {
    parseVkey(keyOrFile)
    return keyOrFile
  } catch (error) {
    if (!isKernelError(error, 'KEY_INVALID') || keyOrFile.includes('\n')) throw error
  }
  const text = Buffer.from(readTextFile(keyOrFile, limits.noteBytes)).toString('utf8').trim()
  parseVkey(text)
  return text
}
