import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs'
import { join } from 'node:path'
import { KernelError, systemCode } from './errors.ts'
import { writeNewFile } from './own-file.ts'
import { makeOwnFolder, syncFolder } from './own-folder.ts'

/** The bytes of the four key files: PEM (PKCS#8) for the signing keys, 32 raw bytes for the others. */
export interface KeyFiles {
  readonly log: Uint8Array
  readonly agent: Uint8Array
  readonly wal: Uint8Array
  readonly vault: Uint8Array
}

const names: readonly (keyof KeyFiles)[] = ['log', 'agent', 'wal', 'vault']
const keyFileBytes = 4096

/** The file of one key. */
export function keyPath(directory: string, name: keyof KeyFiles): string {
  return join(directory, `${name}.key`)
}

/** Writes the keys to `<root>/<digest>`, 0700 and 0600, whole or not at all. Returns the folder. */
export function createKeyDirectory(root: string, digest: string, files: KeyFiles): string {
  makeOwnFolder(root)
  assertNobodyElseWrites(root)
  const directory = join(root, digest)
  const unfinished = `${directory}.${process.pid}.new`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  chmodSync(unfinished, 0o700)
  for (const name of names) writeNewFile(keyPath(unfinished, name), files[name])
  syncFolder(unfinished)
  renameSync(unfinished, directory)
  syncFolder(root)
  return directory
}

/** @throws KernelError KEY_MISSING or KEY_PERMISSIONS, with what to do */
export function readKeyDirectory(root: string, digest: string): { directory: string; files: KeyFiles } {
  const directory = join(root, digest)
  assertPrivate(directory, statOf(directory), 0o700)
  assertNobodyElseWrites(root)
  const [log, agent, wal, vault] = names.map((name) => readPrivate(keyPath(directory, name)))
  return { directory, files: { log, agent, wal, vault } as KeyFiles }
}

function readPrivate(path: string): Uint8Array {
  statOf(path)
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size > keyFileBytes)
      throw new KernelError('KEY_INVALID', `\`${path}\` is not a key file`)
    assertPrivate(path, stat, 0o600)
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

function statOf(path: string): Stats {
  try {
    return lstatSync(path)
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw new KernelError('KEY_MISSING', `\`${path}\` cannot be read`, { cause })
    const advice =
      'restore it from your backup, or name its folder with `--keys-dir`; without it this log can be verified but not continued'
    throw new KernelError('KEY_MISSING', `\`${path}\` does not exist; ${advice}`, { cause })
  }
}

/** What a stranger could read is no longer a secret, and what a stranger could write never was ours. */
function assertPrivate(path: string, stat: Stats, mode: number): void {
  const own = process.getuid?.()
  if (own !== undefined && stat.uid !== own && own !== 0) {
    throw new KernelError(
      'KEY_PERMISSIONS',
      `\`${path}\` belongs to another user; run as that user or restore your own keys`,
    )
  }
  if ((stat.mode & 0o077) !== 0) {
    throw new KernelError(
      'KEY_PERMISSIONS',
      `\`${path}\` has mode ${octal(stat.mode)}; run: chmod ${octal(mode)} '${path}'`,
    )
  }
}

function assertNobodyElseWrites(root: string): void {
  const stat = statOf(root)
  const sticky = (stat.mode & 0o1000) !== 0
  if ((stat.mode & 0o022) !== 0 && !sticky) {
    throw new KernelError('KEY_PERMISSIONS', `others can write to \`${root}\`; run: chmod go-w '${root}'`)
  }
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}
