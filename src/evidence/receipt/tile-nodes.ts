import { KernelError } from '../../base/errors.ts'
import type { Primitives } from '../../base/primitives.ts'
import { tileHeight, tileWidth } from '../ledger/tile.ts'
import { perfectRoot, type NodeReader } from '../proof/index.ts'
import { readTile, type Found, type LogFiles } from './log-files.ts'

/** Tree nodes from the tiles of a log of `size` entries, each tile read once. @throws KernelError LEDGER_CORRUPT */
export function nodesOf(files: LogFiles, size: number, primitives: Primitives): NodeReader {
  const tiles = new Map<string, Promise<Found>>()
  return async (level, index) => {
    const tileLevel = Math.floor(level / tileHeight)
    const span = 2 ** (level % tileHeight)
    const first = index * span
    const tile = Math.floor(first / tileWidth)
    const width = widthAt(Math.floor(size / tileWidth ** tileLevel), tile)
    const key = `${tileLevel}/${tile}`
    const found = tiles.get(key) ?? readTile(files, tileLevel, tile, width)
    tiles.set(key, found)
    const { file, items, damage } = await found
    const hashes = items?.slice(first % tileWidth, (first % tileWidth) + span)
    if (damage !== undefined || hashes?.length !== span) throw unreadable(file, damage)
    return perfectRoot(hashes, primitives)
  }
}

/** Items of tile `index` in a level of `count` items. */
export function widthAt(count: number, index: number): number {
  return Math.min(tileWidth, count - index * tileWidth)
}

export function unreadable(file: string, damage: string | undefined): KernelError<'LEDGER_CORRUPT'> {
  return new KernelError('LEDGER_CORRUPT', `\`${file}\` is ${damage === undefined ? 'missing' : `damaged: ${damage}`}`)
}
