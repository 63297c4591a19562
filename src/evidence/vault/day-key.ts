import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { KernelError, systemCode } from '../../base/errors.ts'
import { writeNewFile } from '../../base/own-file.ts'
import { syncFolder } from '../../base/own-folder.ts'
import type { RandomBytes } from '../../base/random.ts'
import { seal, sealOverheadBytes, unseal } from '../../base/seal.ts'

const keyBytes = 32

/**
 * The key under which one class's payloads of one day are sealed. It lies beside them, itself sealed by the vault key:
 * destroying this small file is what deletes the payloads, wherever copies of them are.
 *
 * @returns undefined when there is none
 * @throws KernelError SEAL_INVALID when it is damaged or of another vault
 */
export function readDayKey(path: string, vaultKey: Uint8Array, context: string): Uint8Array | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined
    throw new KernelError('SEAL_INVALID', `\`${path}\` cannot be read`, { cause })
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size !== keyBytes + sealOverheadBytes) {
      throw new KernelError('SEAL_INVALID', `\`${path}\` is not a sealed key; restore it from a backup`)
    }
    return unseal(vaultKey, context, readFileSync(fd))
  } finally {
    closeSync(fd)
  }
}

/** Makes a key, durable before anything is sealed under it. */
export function makeDayKey(path: string, vaultKey: Uint8Array, context: string, random: RandomBytes): Uint8Array {
  const key = random(keyBytes)
  const unfinished = `${path}.new`
  rmSync(unfinished, { force: true })
  writeNewFile(unfinished, seal(vaultKey, context, key, random))
  renameSync(unfinished, path)
  syncFolder(dirname(path))
  return key
}
