import { join } from 'node:path'
import { KernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { readOwn } from '../../base/own-file.ts'
import type { AssignedEntry } from './assigned-entry.ts'
import { digestAt, digestBytes, digestOf, digestToHex, putDigest, type Digest } from './digest.ts'
import { Frontier } from './frontier.ts'
import type { Checkpoint } from './note.ts'
import { OpenBundle } from './open-bundle.ts'
import { decodeBundle, entriesPath, hashBytes, tileLevels, tilePath, tileWidth } from './tile.ts'

export const bundleMaxBytes: number = tileWidth * (limits.entryBytes + 2)

/** A file to write, path relative to the log's folder. */
export interface TileFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** What a checkpoint of one size needs beside what the one before had. */
export interface TileCut {
  readonly size: number
  /** Tiles and bundles that were filled, in order. */
  readonly full: readonly TileFile[]
  /** Those that the tree of this size does not fill. */
  readonly partial: readonly TileFile[]
}

/** The hashes of a tile that is not full. */
interface OpenTile {
  bytes: Buffer
  width: number
}

/**
 * The right edge of the tree as files: tiles and bundles that are being filled, in the bytes that will be published, so that an
 * entry is encoded once and keeps no object alive until then.
 */
export class TileEdge {
  #size = 0
  /** By level. */
  readonly #tiles: OpenTile[] = []
  #bundle: OpenBundle = new OpenBundle(0)
  /** Bundles that are full and not released. */
  readonly #bundles: OpenBundle[] = []
  #fullBytes = 0
  #full: TileFile[] = []

  get size(): number {
    return this.#size
  }

  /** Bytes of bundles that are held. */
  get heldBytes(): number {
    return this.#fullBytes + this.#bundle.sizeBytes
  }

  add({ text, leaf, tileRoots }: AssignedEntry): void {
    const index = Math.floor(this.#size / tileWidth)
    this.#bundle.add(text)
    this.#size++
    if (this.#bundle.count === tileWidth) {
      this.#full.push({ path: entriesPath(index), bytes: this.#bundle.bytes() })
      this.#bundles.push(this.#bundle)
      this.#fullBytes += this.#bundle.sizeBytes
      this.#bundle = new OpenBundle(this.#size)
    }
    let hash = leaf
    for (let level = 0, tile = index; ; level++, tile = Math.floor(tile / tileWidth)) {
      const open = (this.#tiles[level] ??= { bytes: Buffer.allocUnsafeSlow(tileWidth * hashBytes), width: 0 })
      putDigest(open.bytes, open.width * hashBytes, hash)
      open.width++
      if (open.width < tileWidth) return
      this.#full.push({ path: tilePath(level, tile), bytes: open.bytes })
      this.#tiles[level] = { bytes: Buffer.allocUnsafeSlow(tileWidth * hashBytes), width: 0 }
      hash = tileRoots[level] as Digest
    }
  }

  /** What a checkpoint of the present size needs; what is full is given once. */
  cut(): TileCut {
    const full = this.#full
    this.#full = []
    return { size: this.#size, full, partial: this.#partials() }
  }

  #partials(): TileFile[] {
    const files: TileFile[] = []
    for (const { level, fullTiles, partialWidth } of tileLevels(this.#size)) {
      if (partialWidth === 0) continue
      const bytes = Buffer.from((this.#tiles[level] as OpenTile).bytes.subarray(0, partialWidth * hashBytes))
      files.push({ path: tilePath(level, fullTiles, partialWidth), bytes })
    }
    const { count } = this.#bundle
    if (count > 0) {
      const bytes = Buffer.from(this.#bundle.bytes())
      files.push({ path: entriesPath(Math.floor(this.#size / tileWidth), count), bytes })
    }
    return files
  }

  /** The bytes of entry `seq` while its bundle is held. */
  entry(seq: number): Uint8Array | undefined {
    if (seq >= this.#bundle.firstSeq) return this.#bundle.entry(seq - this.#bundle.firstSeq)
    const held = this.#bundles[Math.floor(seq / tileWidth) - Math.floor((this.#bundles[0]?.firstSeq ?? 0) / tileWidth)]
    return held?.entry(seq - held.firstSeq)
  }

  /** Lets go of the bundles whose entries are all below `size`. */
  release(size: number): void {
    const held = this.#bundles.findIndex(({ firstSeq }) => firstSeq + tileWidth > size)
    const released = this.#bundles.splice(0, held < 0 ? this.#bundles.length : held)
    for (const { sizeBytes } of released) this.#fullBytes -= sizeBytes
  }

  /**
   * The edge of the published tiles, checked to lead to the checkpoint's root.
   *
   * @throws KernelError LEDGER_CORRUPT naming the file
   */
  static read(directory: string, checkpoint: Checkpoint | undefined): TileEdge {
    const edge = new TileEdge()
    if (checkpoint === undefined) return edge
    edge.#size = checkpoint.size
    const peaks: Digest[] = []
    let leaves: readonly Digest[] = []
    for (const { level, fullTiles, partialWidth } of tileLevels(checkpoint.size)) {
      const path = tilePath(level, fullTiles, Math.max(partialWidth, 1))
      const hashes = partialWidth === 0 ? [] : readHashes(directory, path, partialWidth)
      const bytes = Buffer.allocUnsafeSlow(tileWidth * hashBytes)
      for (const [index, hash] of hashes.entries()) putDigest(bytes, index * hashBytes, hash)
      edge.#tiles[level] = { bytes, width: partialWidth }
      peaks.unshift(...frontierOf(hashes).peaks())
      if (level === 0) leaves = hashes
    }
    const root = digestToHex(Frontier.fromPeaks(checkpoint.size, peaks).root())
    if (root !== Buffer.from(checkpoint.root).toString('hex')) {
      throw damaged(join(directory, 'tile'), 'the last tiles do not lead to the checkpoint')
    }
    edge.#bundle = new OpenBundle(checkpoint.size - leaves.length)
    if (leaves.length > 0) for (const entry of readBundle(directory, checkpoint.size, leaves)) edge.#bundle.add(entry)
    return edge
  }
}

function readHashes(directory: string, path: string, width: number): Digest[] {
  const bytes = readFile(directory, path, tileWidth * hashBytes)
  if (bytes.length !== width * hashBytes) throw damaged(join(directory, path), `it does not hold ${width} hashes`)
  return Array.from({ length: width }, (_, index) => digestAt(bytes, index * digestBytes))
}

function readBundle(directory: string, size: number, leaves: readonly Digest[]): string[] {
  const path = entriesPath(Math.floor(size / tileWidth), leaves.length)
  const entries = entriesIn(join(directory, path), readFile(directory, path, bundleMaxBytes))
  const fits = entries.every((entry, index) => digestOf(Buffer.concat([leafPrefix, entry])) === leaves[index])
  if (entries.length !== leaves.length || !fits) {
    throw damaged(join(directory, path), 'its entries are not those of the tile')
  }
  return entries.map((entry) => entry.toString('utf8'))
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

function frontierOf(hashes: readonly Digest[]): Frontier {
  const frontier = new Frontier()
  for (const hash of hashes) frontier.append(hash)
  return frontier
}
