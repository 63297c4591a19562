import { dirname, join } from 'node:path'
import type { KeyRing } from '../../base/keys.ts'
import { namesIn, removeEmpty, type FileLayer } from './file-layer.ts'
import { formatCheckpoint, formatNote, formatSignatureLine } from './note.ts'
import type { TileCut, TileFile } from './tile-edge.ts'
import { ThreadLost, TileWriterThread } from './tile-writer-thread.ts'
import { TileWriter, type TileJob } from './tile-writer.ts'
import { entriesPath, tileLevels, tilePath, tileWidth } from './tile.ts'

/** Tiles that one interrupted publication can have left behind, at most. */
const strayTiles = 1024

/** The signed note of a checkpoint. */
export function signCheckpoint(keys: KeyRing, size: number, root: Uint8Array): Buffer {
  const body = formatCheckpoint({ origin: keys.origin, size, root })
  const line = formatSignatureLine(keys.origin, keys.logKeyId, keys.signLog(Buffer.from(body)))
  return Buffer.from(formatNote(body, [line]))
}

/** Who may do the writing. */
export interface PublisherOptions {
  readonly files: FileLayer
  /** Publications of so many files go to a thread of their own; `Infinity` where the file layer is a test's, in this one. */
  readonly threadedFiles: number
}

/**
 * Publishes the files that everybody may read: tiles, bundles, and last the checkpoint that covers them. Whoever reads by the
 * `checkpoint` file finds all that it covers at any moment: files of the checkpoint before go only after the next is there.
 */
export class Publisher {
  readonly #directory: string
  readonly #here: TileWriter
  #threadedFiles: number
  #thread: TileWriterThread | undefined
  #size: number
  #partials: readonly string[]

  /** @param directory `…/ledger` @param published what its checkpoint covers */
  constructor(directory: string, published: TileCut, { files, threadedFiles }: PublisherOptions) {
    this.#directory = directory
    this.#here = new TileWriter(directory, files)
    this.#threadedFiles = threadedFiles
    this.#size = published.size
    this.#partials = pathsOf(published.partial)
  }

  /** Entries in published files. */
  get size(): number {
    return this.#size
  }

  /**
   * Publishes what follows the published files, under `note`. What the checkpoint before covers is not written again: for a
   * moment the file would be empty, to whoever copies the log and after a crash.
   */
  async publish({ size, full, partial }: TileCut, note: Uint8Array): Promise<void> {
    const partials = pathsOf(partial)
    const unwritten = partial.filter(({ path }) => !this.#partials.includes(path))
    const outdated = this.#partials.filter((path) => !partials.includes(path))
    await this.#write({ files: [...full, ...unwritten], note, outdated })
    this.#partials = partials
    this.#size = size
  }

  async #write(job: TileJob): Promise<void> {
    const thread = this.#threadFor(job)
    if (thread === undefined) return this.#here.write(job)
    try {
      await thread.write(job)
    } catch (error) {
      if (!(error instanceof ThreadLost)) throw error
      this.#thread = undefined
      this.#threadedFiles = Infinity
      await this.#here.write(job)
    }
  }

  /** A thread takes some milliseconds to begin: only a log under load is worth one, and keeps it. */
  #threadFor({ files }: TileJob): TileWriterThread | undefined {
    if (this.#thread !== undefined || files.length < this.#threadedFiles) return this.#thread
    try {
      this.#thread = new TileWriterThread(this.#directory)
    } catch {
      this.#threadedFiles = Infinity
    }
    return this.#thread
  }

  async close(): Promise<void> {
    await this.#thread?.close()
  }

  /** Removes what a publication that was cut short left behind: partial files of another checkpoint than the published one, and their empty folders. */
  async removeStrays(): Promise<void> {
    const levels = tileLevels(Math.max(this.#size, 1))
    const edges = levels.map(({ level, fullTiles }) => ({
      full: fullTiles,
      pathOf: (index: number): string => tilePath(level, index),
    }))
    edges.push({ full: Math.floor(this.#size / tileWidth), pathOf: entriesPath })
    for (const { full, pathOf } of edges) {
      const near = [Math.max(0, full - strayTiles), full, full + strayTiles]
      const parents = new Set(near.map((index) => dirname(pathOf(index))))
      for (const parent of parents) await this.#removeStraysIn(parent)
    }
  }

  async #removeStraysIn(parent: string): Promise<void> {
    const folders = (await namesIn(join(this.#directory, parent))).filter((name) => name.endsWith('.p'))
    for (const folder of folders) {
      const paths = (await namesIn(join(this.#directory, parent, folder))).map((name) => `${parent}/${folder}/${name}`)
      await this.#here.remove(paths.filter((path) => !this.#partials.includes(path)))
      await removeEmpty(join(this.#directory, parent, folder))
    }
  }
}

function pathsOf(files: readonly TileFile[]): readonly string[] {
  return files.map(({ path }) => path)
}
