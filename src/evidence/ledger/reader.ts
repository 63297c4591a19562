import { join } from 'node:path'
import { isKernelError, KernelError } from '../../base/errors.ts'
import { sha256Hex } from '../../base/hash.ts'
import { limits } from '../../base/limits.ts'
import { readOwn } from '../../base/own-file.ts'
import { readSigned } from './head-file.ts'
import { parseVkey, type Checkpoint } from './note.ts'
import { readBundle } from './published-entry.ts'
import { tileWidth } from './tile.ts'
import { scanWal } from './wal/scan.ts'

/** The published part of a log, read only: no lock and no keys. Entries are as they lie there; verification is another matter. */
export interface Log {
  /** `<origin>+<8 hex>+<base64>`, as the folder names it. */
  readonly vkey: string
  readonly origin: string
  /** Its signature fits `vkey`. Undefined before the first publication. */
  readonly checkpoint: Checkpoint | undefined
  /** Entries under the checkpoint. */
  readonly size: number
  /**
   * Entries `from` (inclusive) to `to` (exclusive), both cut to the log's size, one bundle in memory at a time.
   *
   * @throws KernelError TILE_INVALID naming the file
   */
  entries(from?: number, to?: number): AsyncGenerator<LoggedEntry>
  /** @throws KernelError ENTRY_NOT_FOUND, TILE_INVALID */
  entry(seq: number): Promise<LoggedEntry>
}

export interface LoggedEntry {
  readonly seq: number
  /** As stored. */
  readonly bytes: Uint8Array
  /** 64 hex, computed from the bytes. */
  readonly leafHash: string
}

/**
 * Opens the log in `directory` for reading, beside a running writer or without one.
 *
 * @param directory `<data directory>/ledger`, or a copy of it
 * @throws KernelError LEDGER_NOT_FOUND, LEDGER_CORRUPT when the checkpoint is not signed by the folder's `vkey`, KEY_INVALID
 */
export async function openLog(directory: string): Promise<Log> {
  const vkey = readVkey(directory)
  const checkpoint = await readSigned(join(directory, 'checkpoint'), vkey)
  const size = checkpoint?.size ?? 0
  return {
    vkey,
    origin: parseVkey(vkey).name,
    checkpoint,
    size,
    entries: (from = 0, to = size) => entriesOf(directory, size, Math.max(0, from), Math.min(size, to)),
    async entry(seq) {
      if (!Number.isSafeInteger(seq) || seq < 0 || seq >= size) {
        const range = size === 0 ? 'it has no entries yet' : `it has entries 0 to ${size - 1}`
        throw new KernelError('ENTRY_NOT_FOUND', `\`${seq}\`: ${range}; \`kestrel log\` lists them`)
      }
      const bundle = await readBundle(directory, Math.floor(seq / tileWidth), size)
      return logged(seq, bundle[seq % tileWidth] as Uint8Array)
    },
  }
}

async function* entriesOf(directory: string, size: number, from: number, to: number): AsyncGenerator<LoggedEntry> {
  let seq = from
  while (seq < to) {
    const bundle = await readBundle(directory, Math.floor(seq / tileWidth), size)
    for (const bytes of bundle.slice(seq % tileWidth)) {
      if (seq >= to) return
      yield logged(seq++, bytes)
    }
  }
}

function logged(seq: number, bytes: Uint8Array): LoggedEntry {
  const leaf = Buffer.allocUnsafe(1 + bytes.length)
  leaf[0] = 0
  leaf.set(bytes, 1)
  return { seq, bytes, leafHash: sha256Hex(leaf) }
}

function readVkey(directory: string): string {
  const path = join(directory, 'vkey')
  const text = readOwn(path, limits.noteBytes)?.toString('utf8').trim()
  if (text === undefined) {
    const advice = '`kestrel init` begins one, and `--data-dir` names another place'
    throw new KernelError('LEDGER_NOT_FOUND', `\`${path}\` does not exist; ${advice}`)
  }
  parseVkey(text)
  return text
}

/**
 * Whether the WAL may hold what the published files do not: entries after an unclean exit, or open intents. Whoever has the
 * keys then opens the ledger once, which publishes them. Also true while a writer runs and is ahead of its last checkpoint.
 *
 * @throws KernelError LEDGER_NOT_FOUND
 */
export async function hasUnpublished(directory: string): Promise<boolean> {
  const vkey = readVkey(directory)
  try {
    const publishedSize = (await readSigned(join(directory, 'checkpoint'), vkey))?.size ?? 0
    const origin = parseVkey(vkey).name
    const scan = await scanWal({ directory: join(directory, 'wal'), origin, authenticator: undefined, publishedSize })
    const last = scan?.batches.at(-1)
    if (scan === undefined || last === undefined) return false
    const isState = last.frames[0]?.kind === 'state' && last.frames.length === 1
    const isClean = isState && last.trailer?.firstSeq === publishedSize
    return !isClean || scan.tail?.isTorn === true
  } catch (error) {
    if (isKernelError(error)) return true
    throw error
  }
}
