import type { Primitives } from '../../base/primitives.ts'
import { tileWidth } from '../ledger/tile.ts'
import { Frontier, perfectRoot } from '../proof/index.ts'
import { readTile, sameHash, type LogFiles } from './log-files.ts'
import type { Problems } from './problem.ts'

/** Levels of the tree that one tile spans. */
const tileHeight = 8

/** Recomputes every tile above the leaves, in order, compares it with its file, and says the root. Holds one tile a level. */
export class TreeCheck {
  private readonly files: LogFiles
  private readonly problems: Problems
  private readonly primitives: Primitives
  /** By level, from 1 (index 0 here) up: what the tile being filled holds, and which it is. */
  private readonly levels: { index: number; hashes: Uint8Array[] }[] = []

  constructor(files: LogFiles, problems: Problems, primitives: Primitives) {
    this.files = files
    this.problems = problems
    this.primitives = primitives
  }

  /** The next full tile of leaves comes to `root`. */
  async addLeafTile(root: Uint8Array): Promise<void> {
    await this.add(1, root)
  }

  /** The root of all leaf tiles added so far, followed by `leaves`. */
  async rootWith(leaves: readonly Uint8Array[]): Promise<Uint8Array> {
    const frontier = new Frontier(this.primitives)
    for (let level = this.levels.length; level > 0; level--) {
      for (const hash of this.levels[level - 1]?.hashes ?? []) await frontier.append(hash, level * tileHeight)
    }
    for (const leaf of leaves) await frontier.append(leaf)
    return frontier.root()
  }

  /** Compares the partial tiles that are left at the end. */
  async finish(): Promise<void> {
    for (const [above, { index, hashes }] of this.levels.entries()) {
      if (hashes.length > 0) await this.compare(above + 1, index, hashes)
    }
  }

  private async add(level: number, hash: Uint8Array): Promise<void> {
    const tile = (this.levels[level - 1] ??= { index: 0, hashes: [] })
    tile.hashes.push(hash)
    if (tile.hashes.length < tileWidth) return
    const { index, hashes } = tile
    this.levels[level - 1] = { index: index + 1, hashes: [] }
    await this.compare(level, index, hashes)
    await this.add(level + 1, await perfectRoot(hashes, this.primitives))
  }

  private async compare(level: number, index: number, hashes: readonly Uint8Array[]): Promise<void> {
    const { file, items, damage } = await readTile(this.files, level, index, hashes.length)
    if (damage !== undefined) return this.problems.add({ code: 'file_damaged', file, message: damage })
    if (items === undefined) return this.problems.add({ code: 'missing', file, message: 'the tile is not there' })
    const wrong = hashes.findIndex((hash, at) => !sameHash(hash, items[at]))
    if (wrong < 0) return
    const message = `hash ${wrong} of the tile is not that of the entries below it`
    this.problems.add({ code: 'file_damaged', file, message })
  }
}
