import { dirname, join, resolve } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { keysRoot, type Environment } from '../../base/places.ts'
import type { HeadMemory, Verification } from '../../evidence/receipt/index.ts'
import { RememberedHeads } from '../../evidence/witness/index.ts'
import { failureOf } from '../failure.ts'

/** What `verify --json` says of its memory, besides `remembered`. */
export interface MemoryReport {
  /** Delete it to forget this log. */
  readonly file: string
  /** Whether it held something before. */
  readonly known: boolean
  readonly warning?: string
}

/**
 * Where verified heads are remembered: `--heads-dir`, else `KESTREL_HEADS_DIR`, else `kestrel/heads` in the user's configuration
 * folder: beside the keys, in no data directory.
 */
export function headsRoot(given: string | undefined, environment: Environment): string {
  const byDefault = join(dirname(keysRoot({ ...environment, KESTREL_KEYS_DIR: undefined })), 'heads')
  return resolve(given ?? (environment['KESTREL_HEADS_DIR'] || byDefault))
}

/** The memory of the command line. That it cannot be read or written is worth a warning: the log itself was verified. */
export class VerifyMemory implements HeadMemory {
  readonly #heads: RememberedHeads
  #warning: string | undefined
  #known = false

  constructor(folder: string) {
    this.#heads = new RememberedHeads(folder, systemClock)
  }

  async recall(origin: string): Promise<Uint8Array | undefined> {
    const kept = await this.#heads.recall(origin).catch((error: unknown) => this.#fail(error))
    this.#known = kept !== undefined
    return kept
  }

  async remember(origin: string, note: Uint8Array): Promise<void> {
    if (this.#warning === undefined)
      await this.#heads.remember(origin, note).catch((error: unknown) => this.#fail(error))
  }

  /** What came of it; undefined for a log that does not even say its name. */
  report({ origin, remembered }: Verification): MemoryReport | undefined {
    if (origin === '') return undefined
    const unusable = remembered !== undefined && 'unusable' in remembered ? remembered.unusable : undefined
    const warning = this.#warning ?? (unusable && `${unusable}; it was not compared, and was left as it is`)
    const file = this.#heads.pathOf(origin)
    return { file, known: this.#known, ...(warning !== undefined && { warning }) }
  }

  #fail(error: unknown): undefined {
    const failure = failureOf(error)
    if (failure.code === 'BUG') throw error
    this.#warning = failure.message
  }
}
