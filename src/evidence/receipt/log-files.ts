import { isKernelError } from '../../base/errors.ts'
import { equalBytes } from '../../base/bytes.ts'
import { entriesPath, hashBytes, scanBundle, tilePath, tileWidth } from '../ledger/tile.ts'

/** A log's folder, wherever it lies: a directory, an archive, a web server. Paths are relative and use `/`. */
export interface LogFiles {
  /** The whole file, or undefined when there is none. A `KernelError` says that what lies there is no file of a log. */
  read(path: string): Promise<Uint8Array | undefined>
  /** The names in a folder; undefined or absent when that cannot be known. Only spares reads. */
  list?(folder: string): Promise<readonly string[] | undefined>
}

/** What was found in place of a tile or bundle. */
export interface Found {
  /** Where it lies, or should. */
  readonly file: string
  /** Hashes or entries. Undefined when there is no such file or none can be told apart. */
  readonly items?: readonly Uint8Array[]
  /** Set when the file is not what its name says: why. */
  readonly damage?: string
  /** Where the file is in no format at all: `items` are those before the place. */
  readonly cut?: true
}

type Decoded = Omit<Found, 'file'> & { readonly items: readonly Uint8Array[] }

/** `width` hashes of a tile. */
export function readTile(files: LogFiles, level: number, index: number, width: number): Promise<Found> {
  return readWide(files, width, (wide) => tilePath(level, index, wide), decodeTile)
}

/** `width` entries of a bundle; with `damage` as many as the file holds. */
export function readBundle(files: LogFiles, index: number, width: number): Promise<Found> {
  return readWide(files, width, (wide) => entriesPath(index, wide), decodeEntries)
}

/**
 * The first `width` items of the file of that width or, where it is gone, of the full or a wider one: a log that grows may
 * delete a partial tile once it has a fuller one.
 */
async function readWide(
  files: LogFiles,
  width: number,
  path: (width: number) => string,
  decode: (bytes: Uint8Array) => Decoded,
): Promise<Found> {
  for (const wide of await widths(files, width, path)) {
    const file = path(wide)
    const bytes = await readFile(files, file)
    if (bytes === undefined) continue
    if (typeof bytes === 'string') return { file, items: [], damage: bytes, cut: true }
    const decoded = decode(bytes)
    const { items } = decoded
    if (decoded.damage !== undefined) return { file, ...decoded }
    if (items.length === wide) return { file, items: items.slice(0, width) }
    return { file, items, damage: `it holds ${items.length} items where its name says ${wide}` }
  }
  return { file: path(width) }
}

/** The file's bytes, or why it is none: a link, a pipe, something too large. */
export async function readFile(files: LogFiles, path: string): Promise<Uint8Array | string | undefined> {
  try {
    return await files.read(path)
  } catch (error) {
    if (!isKernelError(error)) throw error
    return error.message
  }
}

function decodeEntries(bytes: Uint8Array): Decoded {
  const { entries, damage } = scanBundle(bytes)
  return damage === undefined ? { items: entries } : { items: entries, damage, cut: true }
}

async function widths(files: LogFiles, width: number, path: (width: number) => string): Promise<number[]> {
  if (width === tileWidth) return [width]
  const partials = `${path(tileWidth)}.p`
  const names = await files.list?.(partials)
  const wider = names === undefined ? undefined : new Set(names)
  const candidates = [width, tileWidth]
  for (let wide = width + 1; wide < tileWidth; wide++) {
    if (wider === undefined || wider.has(String(wide))) candidates.push(wide)
  }
  return candidates
}

function decodeTile(bytes: Uint8Array): Decoded {
  if (bytes.length % hashBytes !== 0 || bytes.length > tileWidth * hashBytes) {
    return { items: [], damage: `${bytes.length} bytes are not 1 to ${tileWidth} hashes`, cut: true }
  }
  const items: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += hashBytes) items.push(bytes.subarray(at, at + hashBytes))
  return { items }
}

export function sameHash(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && equalBytes(a, b)
}
