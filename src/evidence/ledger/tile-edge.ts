import { join } from 'node:path'
import { sha256Hex } from '../../base/hash.ts'
import { KernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { readOwn } from '../../base/own-file.ts'
import { Frontier } from './frontier.ts'
import type { Checkpoint } from './note.ts'
import { decodeBundle, encodeBundle, entriesPath, hashBytes, tileLevels, tilePath, tileWidth } from './tile.ts'

/** The unfinished right edge of the published tiles: what is needed to add to them. */
export interface TileEdge {
  size: number
  /** By level: the hashes of the tile that is not full, each 64 hex. */
  readonly levels: string[][]
  /** The entries of the bundle that is not full. */
  bundle: Buffer[]
}

export const bundleMaxBytes: number = tileWidth * (limits.entryBytes + 2)

/** A file to write, path relative to the log's folder. */
export interface TileFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** Adds one entry, and yields the tiles and the bundle that it fills. @param leafHash 64 hex */
export function* addEntry(edge: TileEdge, bytes: Buffer, leafHash: string): Generator<TileFile> {
  const index = Math.floor(edge.size / tileWidth)
  edge.bundle.push(bytes)
  edge.size++
  if (edge.bundle.length === tileWidth) {
    yield { path: entriesPath(index), bytes: encodeBundle(edge.bundle) }
    edge.bundle = []
  }
  let hash = leafHash
  let tile = index
  for (let level = 0; ; level++, tile = Math.floor(tile / tileWidth)) {
    const hashes = (edge.levels[level] ??= [])
    hashes.push(hash)
    if (hashes.length < tileWidth) return
    yield { path: tilePath(level, tile), bytes: hashesBytes(hashes) }
    hash = subtreeRoot(hashes)
    edge.levels[level] = []
  }
}

/** The partial tiles and bundle that a checkpoint of the edge's size needs. */
export function partials(edge: TileEdge): TileFile[] {
  const files: TileFile[] = []
  for (const { level, fullTiles, partialWidth } of tileLevels(edge.size)) {
    if (partialWidth === 0) continue
    files.push({ path: tilePath(level, fullTiles, partialWidth), bytes: hashesBytes(edge.levels[level] ?? []) })
  }
  if (edge.bundle.length > 0) {
    const index = Math.floor(edge.size / tileWidth)
    files.push({ path: entriesPath(index, edge.bundle.length), bytes: encodeBundle(edge.bundle) })
  }
  return files
}

/**
 * Reads the edge of the published tiles, and checks that it leads to the checkpoint's root.
 *
 * @throws KernelError LEDGER_CORRUPT naming the file
 */
export function readEdge(directory: string, checkpoint: Checkpoint | undefined): TileEdge {
  const edge: TileEdge = { size: checkpoint?.size ?? 0, levels: [], bundle: [] }
  if (checkpoint === undefined) return edge
  const peaks: Buffer[] = []
  for (const { level, fullTiles, partialWidth } of tileLevels(edge.size)) {
    edge.levels[level] =
      partialWidth === 0 ? [] : readHashes(directory, tilePath(level, fullTiles, partialWidth), partialWidth)
    peaks.unshift(...frontierOf(edge.levels[level]).peaks())
  }
  if (!Frontier.fromPeaks(edge.size, peaks).root().equals(checkpoint.root)) {
    throw damaged(join(directory, 'tile'), 'the last tiles do not lead to the checkpoint')
  }
  if (edge.size % tileWidth > 0) edge.bundle = readBundle(directory, edge)
  return edge
}

function readHashes(directory: string, path: string, width: number): string[] {
  const bytes = readFile(directory, path, tileWidth * hashBytes)
  if (bytes.length !== width * hashBytes) throw damaged(join(directory, path), `it does not hold ${width} hashes`)
  const hex = bytes.toString('hex')
  return Array.from({ length: width }, (_, index) => hex.slice(index * 64, (index + 1) * 64))
}

function readBundle(directory: string, edge: TileEdge): Buffer[] {
  const width = edge.size % tileWidth
  const path = entriesPath(Math.floor(edge.size / tileWidth), width)
  const entries = entriesIn(join(directory, path), readFile(directory, path, bundleMaxBytes))
  const fits = entries.every(
    (entry, index) => sha256Hex(Buffer.concat([leafPrefix, entry])) === edge.levels[0]?.[index],
  )
  if (entries.length !== width || !fits) throw damaged(join(directory, path), 'its entries are not those of the tile')
  return entries
}

function entriesIn(path: string, bundle: Buffer): Buffer[] {
  try {
    return decodeBundle(bundle).map((entry) => Buffer.from(entry))
  } catch (cause) {
    throw damaged(path, 'it is not an entry bundle', cause)
  }
}

const leafPrefix = Buffer.alloc(1)

function readFile(directory: string, path: string, maxBytes: number): Buffer {
  const bytes = readOwn(join(directory, path), maxBytes)
  if (bytes === undefined) throw damaged(join(directory, path), 'it is missing')
  return bytes
}

function damaged(path: string, why: string, cause?: unknown): KernelError<'LEDGER_CORRUPT'> {
  return new KernelError('LEDGER_CORRUPT', `\`${path}\`: ${why}; restore the data directory from a backup`, { cause })
}

function frontierOf(hashes: readonly string[]): Frontier {
  const frontier = new Frontier()
  for (const hash of hashes) frontier.append(hash)
  return frontier
}

function subtreeRoot(hashes: readonly string[]): string {
  return frontierOf(hashes).root().toString('hex')
}

function hashesBytes(hashes: readonly string[]): Buffer {
  return Buffer.from(hashes.join(''), 'hex')
}
