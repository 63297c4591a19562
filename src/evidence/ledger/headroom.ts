import type { Clock } from '../../base/clock.ts'
import { limits } from '../../base/limits.ts'
import type { FileLayer } from './file-layer.ts'

/**
 * How much room the disk of the log has.
 *
 * - `ample`: nobody needs to care
 * - `low`: whoever writes much should be slowed down
 * - `spent`: what is left is kept for entries that end what has begun
 */
export type Space = 'ample' | 'low' | 'spent'

/** Watches the free space of the log's disk, off the write path: asking is rare, and what was learned last is the answer. */
export class Headroom {
  readonly #directory: string
  readonly #files: FileLayer
  readonly #clock: Clock
  #space: Space = 'ample'
  #askedAtMs = -Infinity
  #asking: Promise<void> | undefined

  constructor(directory: string, files: FileLayer, clock: Clock) {
    this.#directory = directory
    this.#files = files
    this.#clock = clock
  }

  get space(): Space {
    if (this.#clock.monotonicMs() - this.#askedAtMs >= limits.spaceAgeMs) void this.ask()
    return this.#space
  }

  /** Asks the file system, and remembers. One that cannot tell counts as ample: the write itself will say. */
  ask(): Promise<void> {
    this.#askedAtMs = this.#clock.monotonicMs()
    this.#asking ??= this.#files
      .space(this.#directory)
      .then(({ freeBytes, totalBytes }) => {
        this.#space = spaceOf(freeBytes, totalBytes)
      })
      .catch(() => undefined)
      .finally(() => {
        this.#asking = undefined
      })
    return this.#asking
  }
}

function spaceOf(freeBytes: number, totalBytes: number): Space {
  if (freeBytes < Math.min(limits.headroomBytes, totalBytes * limits.headroomShare)) return 'spent'
  return freeBytes < Math.min(limits.lowSpaceBytes, totalBytes * limits.lowSpaceShare) ? 'low' : 'ample'
}
