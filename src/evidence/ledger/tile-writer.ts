import { dirname, join } from 'node:path'
import { makeDirectoryLater, removeEmpty, type FileLayer } from './file-layer.ts'
import type { TileFile } from './tile-edge.ts'

/** Files written at once: each waits for the disk, and Node's pool has four threads. */
const parallelWrites = 3

/** What one publication does to the files of a log; paths relative to its folder. */
export interface TileJob {
  readonly files: readonly TileFile[]
  /** The checkpoint that covers them. */
  readonly note: Uint8Array
  /** Partial files of the checkpoint before. */
  readonly outdated: readonly string[]
}

/** Who carries out jobs, one after another. A job may be repeated: it leaves the same files. */
export interface TileWriting {
  write(job: TileJob): Promise<void>
}

/** Carries them out in this thread. */
export class TileWriter implements TileWriting {
  readonly #directory: string
  readonly #files: FileLayer
  /** Folders that are there. Those of partial files go with them. */
  readonly #folders: Set<string> = new Set()

  /** @param directory `…/ledger` */
  constructor(directory: string, files: FileLayer) {
    this.#directory = directory
    this.#files = files
  }

  async write({ files, note, outdated }: TileJob): Promise<void> {
    const directories = new Set<string>()
    await this.#put(files, directories)
    for (const path of directories) await this.#files.syncDirectory(path)
    await this.#files.replace(join(this.#directory, 'checkpoint'), note)
    await this.remove(outdated)
  }

  async #put(tiles: readonly TileFile[], directories: Set<string>): Promise<void> {
    const rest = tiles.values()
    const writeOn = async (): Promise<void> => {
      for (const { path, bytes } of rest) {
        const target = join(this.#directory, path)
        await this.#makeParent(target, directories)
        await this.#files.put(target, bytes)
      }
    }
    await Promise.all(Array.from({ length: parallelWrites }, writeOn))
  }

  /** A new folder must be synced into the one above it, up to the log's own. */
  async #makeParent(path: string, directories: Set<string>): Promise<void> {
    const parent = dirname(path)
    if (directories.has(parent)) return
    const isNew = !this.#folders.has(parent) && (await makeDirectoryLater(parent))
    this.#folders.add(parent)
    for (let above = parent; ; above = dirname(above)) {
      directories.add(above)
      if (!isNew || above === this.#directory) return
    }
  }

  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const target = join(this.#directory, path)
      await this.#files.remove(target)
      await removeEmpty(dirname(target))
      this.#folders.delete(dirname(target))
    }
  }
}
