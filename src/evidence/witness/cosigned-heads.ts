import { join } from 'node:path'
import { isKernelError, KernelError } from '../../base/errors.ts'
import { nodePrimitives, sha256Hex } from '../../base/hash.ts'
import { limits } from '../../base/limits.ts'
import { readOwn } from '../../base/own-file.ts'
import { makeOwnFolder, syncFolder } from '../../base/own-folder.ts'
import type { Clock } from '../../base/clock.ts'
import { nodeFiles, type FileLayer } from '../ledger/file-layer.ts'
import { acquireLock, type Lock } from '../ledger/lock.ts'
import { isLineOf, parseCheckpoint, parseNote, type Checkpoint } from '../ledger/note.ts'
import { openCosignature, type CosignedAt } from './cosignature.ts'
import type { WitnessSigner } from './signer.ts'

/** The largest checkpoint of one log that was cosigned. */
export interface CosignedHead {
  /** The note with the log's signature and our cosignature, byte for byte. */
  readonly bytes: Uint8Array
  readonly checkpoint: Checkpoint
  readonly timestamp: CosignedAt
}

/** The name under which a log's head is kept and served. @see https://c2sp.org/tlog-witness "Monitor Retrieval Mechanism" */
export function originHash(origin: string): string {
  return sha256Hex(origin)
}

/**
 * What a witness remembers: a folder with one signed note a log, named by the digest of its origin, and the file `vkey` that
 * says whose memory it is. It belongs to one process at a time.
 */
export class CosignedHeads {
  readonly #folder: string
  readonly #signer: WitnessSigner
  readonly #files: FileLayer
  #lock: Lock | undefined

  private constructor(folder: string, signer: WitnessSigner, files: FileLayer, lock: Lock) {
    this.#folder = folder
    this.#signer = signer
    this.#files = files
    this.#lock = lock
  }

  /**
   * Opens the memory in `folder`, or begins one there.
   *
   * @throws KernelError WITNESS_STATE_UNUSABLE when another process holds it, or it is that of another witness
   */
  static async open(
    folder: string,
    signer: WitnessSigner,
    clock: Pick<Clock, 'now'>,
    files: FileLayer = nodeFiles,
  ): Promise<CosignedHeads> {
    makeOwnFolder(folder)
    const heads = new CosignedHeads(folder, signer, files, lockOf(folder, clock))
    try {
      await heads.#claim()
      return heads
    } catch (error) {
      heads.close()
      throw error
    }
  }

  /**
   * The head of the log named `origin`, or undefined when none was ever cosigned.
   *
   * @throws KernelError WITNESS_STATE_UNUSABLE when the file is not what this witness wrote: whoever took that for nothing
   * could be made to cosign a fork
   */
  async read(origin: string): Promise<CosignedHead | undefined> {
    const path = this.#pathOf(origin)
    try {
      const bytes = readOwn(path, limits.noteBytes)
      return bytes && (await this.#open(bytes, origin))
    } catch (cause) {
      if (!isKernelError(cause)) throw cause
      const advice =
        'restore the newest copy that you have; an older one would let the log take back what came after it'
      throw new KernelError('WITNESS_STATE_UNUSABLE', `\`${path}\`: ${cause.message}; ${advice}`, { cause })
    }
  }

  /** Keeps `bytes` as the head of `origin`: on stable storage when this resolves. */
  async write(origin: string, bytes: Uint8Array): Promise<void> {
    await this.#files.replace(this.#pathOf(origin), bytes)
  }

  close(): void {
    this.#lock?.release()
    this.#lock = undefined
  }

  async #open(bytes: Uint8Array, origin: string): Promise<CosignedHead> {
    const note = parseNote(bytes)
    const checkpoint = parseCheckpoint(note.body, 'taken')
    const { key } = this.#signer
    const own = note.signatures.find((line) => isLineOf(line, key))
    if (own === undefined || checkpoint.origin !== origin) {
      throw new KernelError('NOTE_INVALID', 'it is not a head of this log that this witness cosigned')
    }
    return { bytes, checkpoint, timestamp: await openCosignature(own, note.body, key, nodePrimitives) }
  }

  async #claim(): Promise<void> {
    const path = join(this.#folder, 'vkey')
    const claimed = readOwn(path, limits.noteBytes)?.toString('utf8')
    if (claimed === `${this.#signer.vkey}\n`) return
    if (claimed !== undefined) {
      const advice = 'each witness needs a state folder of its own'
      throw new KernelError('WITNESS_STATE_UNUSABLE', `\`${path}\` names another witness than the key; ${advice}`)
    }
    await this.#files.replace(path, Buffer.from(`${this.#signer.vkey}\n`))
    syncFolder(join(this.#folder, '..'))
  }

  #pathOf(origin: string): string {
    return join(this.#folder, originHash(origin))
  }
}

function lockOf(folder: string, clock: Pick<Clock, 'now'>): Lock {
  try {
    return acquireLock(folder, { pid: process.pid, startedAt: clock.now(), dataDir: folder })
  } catch (cause) {
    if (!isKernelError(cause, 'LEDGER_LOCKED')) throw cause
    const advice = 'stop it, or ask it with `kestrel witness request`'
    throw new KernelError('WITNESS_STATE_UNUSABLE', `another process holds \`${folder}\`; ${advice}`, { cause })
  }
}
