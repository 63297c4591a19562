import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { KernelError, systemCode } from './errors.ts'

/**
 * A whole file of our own, of at most `maxBytes`, or undefined when it does not exist. Never follows a link at the end of the
 * path, and a pipe or a device in its place is refused, not waited for.
 *
 * @throws KernelError LEDGER_CORRUPT for anything that is no readable file of that size
 */
export function readOwn(path: string, maxBytes: number): Buffer | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    const code = systemCode(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new KernelError('LEDGER_CORRUPT', `\`${path}\` cannot be read (${code ?? 'unknown'})`, { cause })
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size > maxBytes) {
      throw new KernelError('LEDGER_CORRUPT', `\`${path}\` is not a file of at most ${maxBytes} bytes`)
    }
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** A new file of our own, 0600, on the disk when this returns. Its name is not: that needs `syncFolder`. */
export function writeNewFile(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'wx', 0o600)
  try {
    writeSync(fd, bytes)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
