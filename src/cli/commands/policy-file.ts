import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
  type BigIntStats,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { syncFolder } from '../../base/own-folder.ts'
import { limits } from '../../base/limits.ts'
import { usage } from '../typed-request.ts'

/** A policy file as it was read, to be replaced only as long as it is the same. */
export interface PolicyFile {
  readonly path: string
  readonly text: string
  readonly facts: BigIntStats
}

/**
 * Reads a policy file that is to be edited.
 *
 * @throws KernelError USAGE_INVALID for a link, a file with several names or anything but text; system errors
 */
export function readPolicyFile(path: string): PolicyFile {
  if (lstatSync(path).isSymbolicLink()) {
    throw usage(`\`${path}\` is a link, which is not written through; name the file itself with \`--policy\``)
  }
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const facts = fstatSync(fd, { bigint: true })
    if (!facts.isFile() || facts.size > limits.policyBytes) {
      throw usage(`\`${path}\` is not a file of at most ${limits.policyBytes} bytes`)
    }
    if (facts.nlink > 1n) throw usage(`\`${path}\` is a file with ${facts.nlink} names; only one of them would change`)
    return { path, text: asText(readFileSync(fd), path), facts }
  } finally {
    closeSync(fd)
  }
}

function asText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw usage(`\`${path}\` is not UTF-8 text; save it as UTF-8`)
  }
}

/**
 * Puts `text` in the place of a file, whole or not at all, with its mode and owner.
 *
 * @throws KernelError USAGE_INVALID when the file has changed since it was read; system errors. Then nothing was changed.
 */
export function replacePolicyFile(file: PolicyFile, text: string): void {
  const { path, facts } = file
  const unfinished = join(dirname(path), `.${basename(path)}.${process.pid}.new`)
  const fd = openSync(
    unfinished,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  )
  try {
    try {
      if (process.getuid?.() !== Number(facts.uid) || process.getgid?.() !== Number(facts.gid)) {
        fchownSync(fd, Number(facts.uid), Number(facts.gid))
      }
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
      fchmodSync(fd, Number(facts.mode & 0o7777n))
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    assertSame(file)
    renameSync(unfinished, path)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
  syncFolder(dirname(path))
}

function assertSame({ path, text, facts }: PolicyFile): void {
  const now = readPolicyFile(path)
  if (now.facts.ino === facts.ino && now.facts.dev === facts.dev && now.text === text) return
  throw usage(`\`${path}\` was changed meanwhile, so nothing was written; ask again`)
}
