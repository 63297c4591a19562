import { equalBytes } from '../base/bytes.ts'
import { isKernelError, KernelError } from '../base/errors.ts'
import { nodePrimitives } from '../base/hash.ts'
import {
  logFiles,
  openLog,
  tileHeight,
  tilePath,
  tileWidth,
  type FolderFiles,
  type Ledger,
  type LoggedEntry,
} from '../evidence/ledger/index.ts'
import { Frontier, perfectRoot } from '../evidence/proof/index.ts'
import { buildReceipt, parseReceipt } from '../evidence/receipt/index.ts'

/** An entry as it is stored. */
export type StoredEntry = Pick<LoggedEntry, 'seq' | 'bytes'>

/** Entries of an open log, none of them believed because it lies there: what is published is held against the checkpoint. */
export interface StoredEntries {
  /**
   * Entries from `from` on, in order, as many as there are at the call. Whether they lead to the checkpoint is known at the
   * end: what was made of them before an error must not stay.
   *
   * @throws KernelError TILE_INVALID, LEDGER_CORRUPT
   */
  entries(from: number): AsyncGenerator<StoredEntry>
  /** @throws KernelError ENTRY_NOT_FOUND, LEDGER_CORRUPT when it does not lead to the checkpoint */
  entry(seq: number): Promise<Uint8Array>
}

/** @param directory `…/ledger` of `ledger` */
export function storedEntries(directory: string, ledger: Ledger): StoredEntries {
  return {
    entries: (from) => entriesFrom(directory, ledger, from),
    entry: (seq) => provenEntry(directory, ledger, seq),
  }
}

/** What is published is read a bundle at a time, and the few entries behind it one by one: the WAL vouches for those. */
async function* entriesFrom(directory: string, ledger: Ledger, from: number): AsyncGenerator<StoredEntry> {
  const end = ledger.treeSize
  if (from >= end) return
  const log = await openLog(directory)
  let next = from
  if (log.checkpoint !== undefined && from < log.size) {
    const start = from - (from % tileWidth)
    const tree = await treeBefore(start, log.size, logFiles(directory))
    for await (const { seq, bytes, leafHash } of log.entries(start)) {
      await tree.append(Buffer.from(leafHash, 'hex'))
      if (seq >= from && seq < end) yield { seq, bytes }
      next = seq + 1
    }
    if (!equalBytes(await tree.root(), log.checkpoint.root)) {
      const what = `the entries from ${from} on do not lead to the checkpoint`
      throw new KernelError('LEDGER_CORRUPT', `\`${directory}\`: ${what}; \`kestrel verify\` names the damaged file`)
    }
  }
  for (; next < end; next++) yield { seq: next, bytes: await ledger.read(next) }
}

/** The tree over the entries before `start`, a multiple of a tile's width, from the hashes in a few tiles: what is appended tells whether they are right. */
async function treeBefore(start: number, size: number, files: FolderFiles): Promise<Frontier> {
  const tree = new Frontier(nodePrimitives)
  for (let at = 0; at < start;) {
    let level = 0
    while (at + 2 ** (level + 1) <= start) level++
    const tileLevel = Math.floor(level / tileHeight)
    const first = at / 2 ** (tileLevel * tileHeight)
    const hashes = await tileHashes(files, tileLevel, Math.floor(first / tileWidth), size)
    const offset = first % tileWidth
    const below = hashes.slice(offset, offset + 2 ** (level % tileHeight))
    await tree.append(await perfectRoot(below, nodePrimitives), level)
    at += 2 ** level
  }
  return tree
}

const hashBytes = 32

/** A writer removes a partial tile once a wider one is published, so where the file is gone a wider one is looked for. */
async function tileHashes(files: FolderFiles, level: number, index: number, size: number): Promise<Uint8Array[]> {
  const hashes = Math.floor(size / 2 ** (level * tileHeight))
  const least = Math.min(hashes - index * tileWidth, tileWidth)
  for (let width = least; width <= tileWidth; width++) {
    const bytes = await files.read(tilePath(level, index, width))
    if (bytes?.length !== width * hashBytes) continue
    return Array.from({ length: width }, (_, i) => bytes.subarray(i * hashBytes, (i + 1) * hashBytes))
  }
  const path = tilePath(level, index, least)
  throw new KernelError('LEDGER_CORRUPT', `\`${path}\` is missing or damaged; \`kestrel verify\` names what is`)
}

/** A writer may publish while the files of a proof are read: then it is looked for again under the next checkpoint. */
const looks = 3

async function provenEntry(directory: string, ledger: Ledger, seq: number): Promise<Uint8Array> {
  for (let look = 1; ; look++) {
    try {
      const receipt = await buildReceipt(logFiles(directory), seq, { primitives: nodePrimitives })
      return parseReceipt(receipt).entry
    } catch (error) {
      // Not published yet: the WAL vouches for it.
      if (isKernelError(error, 'ENTRY_NOT_FOUND') || isKernelError(error, 'LEDGER_NOT_FOUND')) return ledger.read(seq)
      if (look === looks || !isKernelError(error)) throw error
    }
  }
}
