import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { equalBytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { isKernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { readOwn } from '../../base/own-file.ts'
import { makeOwnFolder } from '../../base/own-folder.ts'
import { nodeFiles, type FileLayer } from '../ledger/file-layer.ts'
import { acquireLock, type Lock } from '../ledger/lock.ts'
import type { HeadMemory } from '../receipt/head-memory.ts'
import { originHash } from './cosigned-heads.ts'

/** Hex digits of the origin's digest that name its file. */
const digestHex = 16
/** The lock is held for one small write: whoever finds it taken asks again so often. */
const turns = 40
const turnMs = 25

/** A folder with the last verified head of each log, one signed note a file. */
export class RememberedHeads implements HeadMemory {
  readonly #folder: string
  readonly #clock: Pick<Clock, 'now'>
  readonly #files: FileLayer
  readonly #recalled = new Map<string, Uint8Array>()

  constructor(folder: string, clock: Pick<Clock, 'now'>, files: FileLayer = nodeFiles) {
    this.#folder = folder
    this.#clock = clock
    this.#files = files
  }

  /** The file that remembers the log named `origin`: who deletes it forgets that log. */
  pathOf(origin: string): string {
    return join(this.#folder, originHash(origin).slice(0, digestHex))
  }

  /** @throws KernelError LEDGER_CORRUPT for a link, a pipe or something too large in its place */
  async recall(origin: string): Promise<Uint8Array | undefined> {
    const bytes = readOwn(this.pathOf(origin), limits.noteBytes)
    if (bytes !== undefined) this.#recalled.set(origin, bytes)
    return bytes
  }

  /**
   * Keeps `note`, unless another process has kept something since `recall`: what that verified was not held against `note`,
   * so that it stays for the next verification.
   *
   * @throws KernelError LEDGER_LOCKED when others hold the folder for a second; system errors
   */
  async remember(origin: string, note: Uint8Array): Promise<void> {
    makeOwnFolder(this.#folder)
    const lock = await this.#lock()
    try {
      const now = readOwn(this.pathOf(origin), limits.noteBytes)
      const before = this.#recalled.get(origin)
      const isSame = now === undefined || before === undefined ? now === before : equalBytes(now, before)
      if (isSame) await this.#files.replace(this.pathOf(origin), note)
    } finally {
      lock.release()
    }
  }

  async #lock(): Promise<Lock> {
    for (let turn = 1; ; turn++) {
      try {
        return acquireLock(this.#folder, { pid: process.pid, startedAt: this.#clock.now(), dataDir: this.#folder })
      } catch (error) {
        if (!isKernelError(error, 'LEDGER_LOCKED') || turn >= turns) throw error
        await wait(turnMs)
      }
    }
  }
}
