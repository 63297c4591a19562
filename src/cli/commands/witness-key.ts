import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { KernelError, systemCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { writeNewFile } from '../../base/own-file.ts'
import { makeOwnFolder, syncFolder } from '../../base/own-folder.ts'
import { pooledRandom } from '../../base/random.ts'
import { createWitnessKey, readWitnessSigner, type WitnessSigner } from '../../evidence/witness/index.ts'
import { exitCodes } from '../exit-code.ts'
import { readTextFile } from '../given-files.ts'
import { visible } from '../../base/display.ts'
import type { World } from '../world.ts'

const keyFileBytes = 1024

/** Prints the public key of a witness; with a name makes its key file first. */
export async function witnessKey({ terminal }: World, file: string, name: string | undefined): Promise<number> {
  if (name !== undefined) makeKeyFile(file, name)
  const { vkey, key } = readSigner(file)
  if (terminal.isJson) terminal.json({ vkey, name: key.name, made: name !== undefined })
  else terminal.say(visible(vkey))
  return exitCodes.ok
}

/** @throws KernelError KEY_MISSING, KEY_PERMISSIONS with the fix, KEY_INVALID */
export function readSigner(file: string): WitnessSigner {
  let fd: number
  try {
    fd = openSync(resolve(file), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw cause
    const advice = '`kestrel witness key --key FILE --new NAME` makes one'
    throw new KernelError('KEY_MISSING', `\`${file}\` does not exist; ${advice}`, { cause })
  }
  try {
    const facts = fstatSync(fd)
    if (!facts.isFile() || facts.size > keyFileBytes)
      throw new KernelError('KEY_INVALID', `\`${file}\` is not a key file`)
    if ((facts.mode & 0o077) !== 0) {
      throw new KernelError('KEY_PERMISSIONS', `others can read or change \`${file}\`; run: chmod 0600 '${file}'`)
    }
    return readWitnessSigner(readFileSync(fd, 'utf8'))
  } finally {
    closeSync(fd)
  }
}

/** A witness's public key as typed, or that in a file. What it says is read by who uses it. @throws system errors */
export function readGivenWitness(keyOrFile: string): string {
  if (/^[^+]+\+[0-9a-f]{8}\+/.test(keyOrFile)) return keyOrFile
  return Buffer.from(readTextFile(keyOrFile, limits.noteBytes)).toString('utf8').trim()
}

function makeKeyFile(file: string, name: string): void {
  const path = resolve(file)
  const line = createWitnessKey(name, pooledRandom())
  makeOwnFolder(dirname(path))
  try {
    writeNewFile(path, Buffer.from(line))
  } catch (cause) {
    if (systemCode(cause) !== 'EEXIST') throw cause
    throw new KernelError('USAGE_INVALID', `\`${file}\` exists already; leave out \`--new\` to see its public key`, {
      cause,
    })
  }
  syncFolder(dirname(path))
}
