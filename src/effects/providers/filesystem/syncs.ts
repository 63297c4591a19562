import { closeSync, constants } from 'node:fs'
import { systemCode } from '../../../base/errors.ts'
import { limits } from '../../../base/limits.ts'
import type { Spot, Volume } from './volume.ts'

/**
 * Waits for the disk, for all writes of one provider.
 *
 * No more than `limits.diskTurns` wait at once: the log's own syncs stand in the same queue.
 */
export class Syncs {
  private readonly volume: Volume
  private readonly folders = new Map<string, SharedFolder>()
  private readonly waiting: (() => void)[] = []
  private running = 0

  constructor(volume: Volume) {
    this.volume = volume
  }

  /** Does what takes a thread of Node's when its turn has come. */
  async inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.running >= limits.diskTurns) await new Promise<void>((resolve) => this.waiting.push(resolve))
    else this.running++
    try {
      return await work()
    } finally {
      const next = this.waiting.shift()
      // The turn passes on: whoever comes meanwhile stands behind.
      if (next === undefined) this.running--
      else next()
    }
  }

  /** Opens a folder, so that a later sync of its names cannot fail for want of a descriptor. Once for each `release`. */
  openFolder(folder: Spot): SharedFolder {
    const key = `${folder.facts.dev}:${folder.facts.ino}`
    let shared = this.folders.get(key)
    if (shared === undefined) {
      const fd = this.volume.open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
      const sync = (): Promise<void> => this.inTurn(() => this.volume.sync(fd))
      shared = new SharedFolder(fd, sync, () => this.forget(key, shared))
      this.folders.set(key, shared)
    }
    shared.users++
    return shared
  }

  private forget(key: string, shared: SharedFolder | undefined): void {
    if (this.folders.get(key) === shared) this.folders.delete(key)
  }
}

/**
 * A folder whose names several writes make durable together: one sync counts for each change that was made before it began.
 *
 * Once a sync has failed, all that still wait for this folder fail: the system tells a lost change to one sync only, and the
 * next may call good what was never written.
 */
export class SharedFolder {
  users = 0
  private readonly fd: number
  private readonly syncNow: () => Promise<void>
  private readonly forget: () => void
  private running: Promise<void> = Promise.resolve()
  private next: Promise<void> | undefined
  private failure: { readonly error: unknown } | undefined

  constructor(fd: number, syncNow: () => Promise<void>, forget: () => void) {
    this.fd = fd
    this.syncNow = syncNow
    this.forget = forget
  }

  /** Waits until the disk has the names that the folder holds now. */
  sync(): Promise<void> {
    // The one that runs may have begun before the caller's change.
    this.next ??= this.afterRunning()
    return this.next
  }

  release(): void {
    if (--this.users > 0) return
    this.forget()
    closeSync(this.fd)
  }

  private async afterRunning(): Promise<void> {
    await this.running.catch(() => undefined)
    this.running = this.next as Promise<void>
    this.next = undefined
    if (this.failure !== undefined) throw this.failure.error
    try {
      await this.syncNow()
    } catch (error) {
      // Some network volumes have no such operation for folders; the file itself is on the disk.
      const code = systemCode(error)
      if (code === 'EINVAL' || code === 'ENOTSUP') return
      this.failure = { error }
      this.forget()
      throw error
    }
  }
}
