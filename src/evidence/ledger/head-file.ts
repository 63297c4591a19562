import { join } from 'node:path'
import { isKernelError, KernelError } from '../../base/errors.ts'
import { nodePrimitives } from '../../base/hash.ts'
import type { KeyRing } from '../../base/keys.ts'
import { limits } from '../../base/limits.ts'
import { readOwn } from '../../base/own-file.ts'
import { openCheckpoint, parseVkey, type Checkpoint } from './note.ts'

/**
 * Where the keys directory remembers the last checkpoint that the key signed. It lies outside the data directory, so that an
 * older copy of that is recognised.
 */
export function headPath(keys: KeyRing): string {
  return join(keys.directory, 'head')
}

/** The last checkpoint that the key signed, or undefined for a key that never signed. @throws KernelError LEDGER_CORRUPT */
export function readHead(keys: KeyRing): Promise<Checkpoint | undefined> {
  return readSigned(headPath(keys), keys.vkey)
}

/** The checkpoint in a file, its signature checked, or undefined when there is no such file. @throws KernelError LEDGER_CORRUPT */
export async function readSigned(path: string, vkey: string): Promise<Checkpoint | undefined> {
  const bytes = readOwn(path, limits.noteBytes)
  if (bytes === undefined) return undefined
  try {
    return await openCheckpoint(bytes, parseVkey(vkey), nodePrimitives)
  } catch (cause) {
    const why = isKernelError(cause) ? cause.message : 'unreadable'
    throw new KernelError('LEDGER_CORRUPT', `\`${path}\`: ${why}; restore it from a backup`, { cause })
  }
}
