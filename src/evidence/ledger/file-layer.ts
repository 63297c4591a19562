import { closeSync, constants, fdatasync, fsync, ftruncateSync, open as openFile, openSync, writeSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, rmdir, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from '../../base/errors.ts'

/** What the ledger and the vault do to files. Injected, so that a test can make a write or a sync fail. */
export interface FileLayer {
  /** Opens our own file for writing, 0600, never through a link. @param create false when it must exist */
  open(path: string, create: boolean): number
  /** Writes all of `bytes` at `position`, or throws. */
  write(fd: number, bytes: Uint8Array, position: number): void
  /** Returns when what was written before the call is on stable storage. */
  sync(fd: number): Promise<void>
  /** Makes the file as long as that. Lost or kept by a power loss, both are right. */
  cut(fd: number, sizeBytes: number): void
  close(fd: number): void
  /** A whole file, synced; the directory is not. */
  put(path: string, bytes: Uint8Array): Promise<void>
  /** A new file of zeros, synced with its directory. */
  zeros(path: string, sizeBytes: number): Promise<void>
  /** Replaces the file at `path` at once and durably. */
  replace(path: string, bytes: Uint8Array): Promise<void>
  move(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  syncDirectory(path: string): Promise<void>
  /** Of the file system that holds `path`: what we may still write, and its size. */
  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>
}

const chunkBytes = 1_048_576
const fileMode = 0o600
const writeFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
const directoryMode = 0o700

export const nodeFiles: FileLayer = {
  open(path, create) {
    const flags = constants.O_RDWR | constants.O_NOFOLLOW | (create ? constants.O_CREAT : 0)
    return openSync(path, flags, fileMode)
  },
  write(fd, bytes, position) {
    let done = 0
    while (done < bytes.length) {
      const written = writeSync(fd, bytes, done, bytes.length - done, position + done)
      if (written === 0) throw new Error('nothing could be written')
      done += written
    }
  },
  sync(fd) {
    return new Promise((resolve, reject) => fdatasync(fd, (error) => (error === null ? resolve() : reject(error))))
  },
  cut: ftruncateSync,
  close: closeSync,
  async put(path, bytes) {
    // Making a file may wait for the file system's journal; writing to one goes to memory.
    const fd = await openLater(path, writeFlags)
    try {
      this.write(fd, bytes, 0)
      await this.sync(fd)
    } finally {
      closeSync(fd)
    }
  },
  async zeros(path, sizeBytes) {
    const chunks: Uint8Array[] = []
    const zero = new Uint8Array(Math.min(chunkBytes, sizeBytes))
    for (let rest = sizeBytes; rest > 0; rest -= zero.length) chunks.push(zero.subarray(0, Math.min(rest, zero.length)))
    await writeWhole(path, chunks)
    await this.syncDirectory(dirname(path))
  },
  async replace(path, bytes) {
    await this.put(`${path}.new`, bytes)
    await rename(`${path}.new`, path)
    await this.syncDirectory(dirname(path))
  },
  async move(from, to) {
    await rename(from, to)
    await this.syncDirectory(dirname(to))
  },
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    const fd = await openLater(path, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await new Promise<void>((resolve, reject) => fsync(fd, (error) => (error === null ? resolve() : reject(error))))
    } finally {
      closeSync(fd)
    }
  },
  async space(path) {
    const { bavail, blocks, bsize } = await statfs(path)
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  },
}

function openLater(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    openFile(path, flags, fileMode, (error, fd) => (error === null ? resolve(fd) : reject(error)))
  })
}

async function writeWhole(path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const handle = await open(path, writeFlags, fileMode)
  try {
    for (const chunk of chunks) await handle.writeFile(chunk)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a folder of ours, 0700, with those above it. Resolves to whether any was missing. */
export async function makeDirectoryLater(path: string): Promise<boolean> {
  return (await mkdir(path, { recursive: true, mode: directoryMode })) !== undefined
}

/** Removes a folder when it is empty. */
export async function removeEmpty(path: string): Promise<void> {
  await rmdir(path).catch(() => undefined)
}

/** Names in a folder; none when there is no such folder. */
export async function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
}
