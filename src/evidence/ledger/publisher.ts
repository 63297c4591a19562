import { dirname, join } from 'node:path'
import type { KeyRing } from '../../base/keys.ts'
import { makeDirectoryLater, namesIn, removeEmpty, type FileLayer } from './file-layer.ts'
import { formatCheckpoint, formatNote, formatSignatureLine } from './note.ts'
import type { TileCut, TileFile } from './tile-edge.ts'
import { entriesPath, tileLevels, tilePath, tileWidth } from './tile.ts'

/** Files written at once: each waits for the disk, and Node's pool has four threads. */
const parallelWrites = 3
/** Tiles that one interrupted publication can have left behind, at most. */
const strayTiles = 1024

/** The signed note of a checkpoint. */
export function signCheckpoint(keys: KeyRing, size: number, root: Uint8Array): Buffer {
  const body = formatCheckpoint({ origin: keys.origin, size, root })
  const line = formatSignatureLine(keys.origin, keys.logKeyId, keys.signLog(Buffer.from(body)))
  return Buffer.from(formatNote(body, [line]))
}

/**
 * Writes the files that everybody may read: tiles, bundles, and last the checkpoint that covers them. Whoever reads by the
 * `checkpoint` file finds all that it covers at any moment: files of the checkpoint before go only after the next is there.
 */
export class Publisher {
  readonly #directory: string
  readonly #files: FileLayer
  #size: number
  #partials: readonly string[]
  /** Folders that are there. Those of partial files go with them. */
  readonly #folders: Set<string> = new Set()

  /** @param directory `…/ledger` @param published what its checkpoint covers */
  constructor(directory: string, published: TileCut, files: FileLayer) {
    this.#directory = directory
    this.#files = files
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
    const directories = new Set<string>()
    const unwritten = partial.filter(({ path }) => !this.#partials.includes(path))
    await this.#write([...full, ...unwritten], directories)
    for (const path of directories) await this.#files.syncDirectory(path)
    await this.#files.replace(join(this.#directory, 'checkpoint'), note)
    const before = this.#partials
    this.#partials = pathsOf(partial)
    this.#size = size
    await this.#remove(before.filter((path) => !this.#partials.includes(path)))
  }

  async #write(tiles: readonly TileFile[], directories: Set<string>): Promise<void> {
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

  async #remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const target = join(this.#directory, path)
      await this.#files.remove(target)
      await removeEmpty(dirname(target))
      this.#folders.delete(dirname(target))
    }
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
      await this.#remove(paths.filter((path) => !this.#partials.includes(path)))
      await removeEmpty(join(this.#directory, parent, folder))
    }
  }
}

function pathsOf(files: readonly TileFile[]): readonly string[] {
  return files.map(({ path }) => path)
}
