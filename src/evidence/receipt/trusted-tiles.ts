import type { Primitives } from '../../base/primitives.ts'
import type { Checkpoint } from '../ledger/note.ts'
import { tileHeight, tileLevels, tileWidth, type TileLevel } from '../ledger/tile.ts'
import { Frontier, perfectRoot } from '../proof/index.ts'
import { readTile, sameHash, type LogFiles } from './log-files.ts'

type Hashes = readonly Uint8Array[]

/**
 * Tiles that are known to be right before any entry was read, by going from the signed root down: the partial tiles at the
 * right edge lead to the root, and each hash in a tile that is right is the root of a tile below.
 *
 * This is what lets a verifier say which of two files that disagree is the altered one.
 */
export class TrustedTiles {
  private readonly files: LogFiles
  private readonly primitives: Primitives
  private readonly levels: readonly TileLevel[]
  /** By level; empty when the edge does not lead to the root. */
  private readonly edge: Map<number, Hashes>
  /** The tile of each level that was asked for last: entries come in order. */
  private readonly last = new Map<number, { index: number; hashes: Hashes | undefined }>()

  private constructor(
    files: LogFiles,
    levels: readonly TileLevel[],
    edge: Map<number, Hashes>,
    primitives: Primitives,
  ) {
    this.files = files
    this.levels = levels
    this.edge = edge
    this.primitives = primitives
  }

  static async open(files: LogFiles, checkpoint: Checkpoint, primitives: Primitives): Promise<TrustedTiles> {
    const levels = tileLevels(checkpoint.size)
    const edge = new Map<number, Hashes>()
    const frontier = new Frontier(primitives)
    let whole = true
    for (const { level, fullTiles, partialWidth } of levels.toReversed()) {
      if (partialWidth === 0) continue
      const { items, damage } = await readTile(files, level, fullTiles, partialWidth)
      if (items === undefined || damage !== undefined) {
        whole = false
        break
      }
      edge.set(level, items)
      for (const hash of items) await frontier.append(hash, level * tileHeight)
    }
    if (!whole || !sameHash(await frontier.root(), checkpoint.root)) edge.clear()
    return new TrustedTiles(files, levels, edge, primitives)
  }

  /** The hashes of the partial tile of leaves, if they are known to be right. */
  leavesAtEdge(): Hashes | undefined {
    return this.edge.get(0)
  }

  /** What the hashes of the full tile `index` of `level` must come to, if that is known. */
  async rootOf(level: number, index: number): Promise<Uint8Array | undefined> {
    const above = await this.tile(level + 1, Math.floor(index / tileWidth))
    return above?.[index % tileWidth]
  }

  private async tile(level: number, index: number): Promise<Hashes | undefined> {
    const facts = this.levels[level]
    if (this.edge.size === 0 || facts === undefined) return undefined
    if (index === facts.fullTiles) return this.edge.get(level)
    const last = this.last.get(level)
    if (last?.index === index) return last.hashes
    const [root, { items, damage }] = await Promise.all([
      this.rootOf(level, index),
      readTile(this.files, level, index, tileWidth),
    ])
    const readable = root !== undefined && items !== undefined && damage === undefined
    const hashes = readable && sameHash(await perfectRoot(items, this.primitives), root) ? items : undefined
    this.last.set(level, { index, hashes })
    return hashes
  }
}
