import { KernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'

/** Hashes in a full tile and entries in a full bundle: tiles have height 8. @see https://c2sp.org/tlog-tiles */
export const tileWidth = 256

/** Levels of the tree that one tile spans. */
export const tileHeight = 8

export const hashBytes = 32
const lengthBytes = 2

/** What a tree has at one level: so many full tiles, then one of `partialWidth` hashes unless that is 0. */
export interface TileLevel {
  readonly level: number
  readonly fullTiles: number
  readonly partialWidth: number
}

/** Where a tile lies in the folder: `tile/0/x001/234`, or `tile/0/x001/234.p/5` for one of 5 hashes. */
export function tilePath(level: number, index: number, width: number = tileWidth): string {
  return `tile/${level}/${indexPath(index)}${partial(width)}`
}

/** Where an entry bundle lies: `tile/entries/000`, or `tile/entries/000.p/5` for one of 5 entries. */
export function entriesPath(index: number, width: number = tileWidth): string {
  return `tile/entries/${indexPath(index)}${partial(width)}`
}

function partial(width: number): string {
  if (!Number.isInteger(width) || width < 1 || width > tileWidth) {
    throw new KernelError('TILE_INVALID', `no tile has ${width} items`)
  }
  return width === tileWidth ? '' : `.p/${width}`
}

function indexPath(index: number): string {
  if (!Number.isSafeInteger(index) || index < 0)
    throw new KernelError('TILE_INVALID', `no tile has the number ${index}`)
  const last = String(index % 1000).padStart(3, '0')
  let path = last
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`
  }
  return path
}

/** The levels of hash tiles of a tree of `size` leaves, from the leaves up; none for an empty tree. */
export function tileLevels(size: number): TileLevel[] {
  const levels: TileLevel[] = []
  for (let level = 0, hashes = size; hashes > 0; level++, hashes = Math.floor(hashes / tileWidth)) {
    levels.push({ level, fullTiles: Math.floor(hashes / tileWidth), partialWidth: hashes % tileWidth })
  }
  return levels
}

/** Every file of a tree of `size` leaves: hash tiles level by level, then entry bundles. */
export function* treePaths(size: number): Generator<string> {
  const levels = tileLevels(size)
  for (const { level, fullTiles, partialWidth } of levels) {
    for (let index = 0; index < fullTiles; index++) yield tilePath(level, index)
    if (partialWidth > 0) yield tilePath(level, fullTiles, partialWidth)
  }
  const leaves = levels[0]
  if (leaves === undefined) return
  for (let index = 0; index < leaves.fullTiles; index++) yield entriesPath(index)
  if (leaves.partialWidth > 0) yield entriesPath(leaves.fullTiles, leaves.partialWidth)
}

/** An entry bundle: each entry behind its length as a big-endian uint16. @throws KernelError TILE_INVALID or ENTRY_TOO_LARGE */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  assertBundleWidth(entries.length)
  let size = 0
  for (const entry of entries) size += lengthBytes + entryLength(entry)
  const bundle = new Uint8Array(size)
  const view = new DataView(bundle.buffer)
  let offset = 0
  for (const entry of entries) {
    view.setUint16(offset, entry.length)
    bundle.set(entry, offset + lengthBytes)
    offset += lengthBytes + entry.length
  }
  return bundle
}

function entryLength(entry: Uint8Array): number {
  if (entry.length === 0) throw new KernelError('TILE_INVALID', 'an entry is empty')
  if (entry.length > limits.entryBytes) {
    throw new KernelError('ENTRY_TOO_LARGE', `it has more than ${limits.entryBytes} bytes`)
  }
  return entry.length
}

/** The entries of a bundle, as views into `bytes`. @throws KernelError TILE_INVALID */
export function decodeBundle(bytes: Uint8Array): Uint8Array[] {
  const { entries, damage } = scanBundle(bytes)
  if (damage !== undefined) throw new KernelError('TILE_INVALID', damage)
  assertBundleWidth(entries.length)
  return entries
}

/** As many entries as can be told apart, for saying where a damaged bundle is damaged; at most one more than a bundle holds. */
export function scanBundle(bytes: Uint8Array): { readonly entries: Uint8Array[]; readonly damage?: string } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries: Uint8Array[] = []
  let offset = 0
  while (offset < bytes.length && entries.length <= tileWidth) {
    const start = offset + lengthBytes
    const end = start > bytes.length ? Number.POSITIVE_INFINITY : start + view.getUint16(offset)
    if (end > bytes.length) return { entries, damage: `the bundle ends inside its entry ${entries.length}` }
    if (end === start) return { entries, damage: `entry ${entries.length} of the bundle is empty` }
    entries.push(bytes.subarray(start, end))
    offset = end
  }
  return { entries }
}

function assertBundleWidth(width: number): void {
  if (width >= 1 && width <= tileWidth) return
  throw new KernelError(
    'TILE_INVALID',
    `a bundle holds 1 to ${tileWidth} entries, not ${width === 0 ? 'none' : 'more'}`,
  )
}
