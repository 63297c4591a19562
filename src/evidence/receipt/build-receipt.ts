import { isKernelError, KernelError } from '../../base/errors.ts'
import { webPrimitives, type Primitives } from '../../base/primitives.ts'
import { parseCheckpoint, parseNote, type Checkpoint } from '../ledger/note.ts'
import { tileWidth } from '../ledger/tile.ts'
import { inclusionProof, leafHash, perfectRoot, verifyInclusion, type NodeReader } from '../proof/index.ts'
import { readBundle, readTile, type Found, type LogFiles } from './log-files.ts'
import { formatReceipt } from './receipt.ts'

/** Levels of the tree that one tile spans. */
const tileHeight = 8

/**
 * The receipt of entry `seq` under the log's current checkpoint. Reads the checkpoint, one bundle, and a number of tiles that
 * grows with the logarithm of the log; what it returns has been checked against the checkpoint's root.
 *
 * @throws KernelError LEDGER_NOT_FOUND, ENTRY_NOT_FOUND when no checkpoint covers `seq`, LEDGER_CORRUPT when files are missing,
 * damaged, or do not lead to the root
 */
export async function buildReceipt(
  files: LogFiles,
  seq: number,
  options: { readonly primitives?: Primitives } = {},
): Promise<Uint8Array> {
  const { primitives = webPrimitives } = options
  const note = await files.read('checkpoint')
  if (note === undefined) throw new KernelError('LEDGER_NOT_FOUND', 'it has no file `checkpoint`')
  const { size, root } = await corruptUnless('checkpoint', () => openUnverified(note))
  if (!Number.isSafeInteger(seq) || seq < 0 || seq >= size) {
    throw new KernelError('ENTRY_NOT_FOUND', `the published log has entries 0 to ${size - 1}`)
  }
  const bundle = Math.floor(seq / tileWidth)
  const entry = itemOf(await readBundle(files, bundle, widthAt(size, bundle)), seq % tileWidth)
  const proof = await inclusionProof(seq, size, nodesOf(files, size, primitives), primitives)
  const claim = { index: seq, size, leafHash: await leafHash(entry, primitives), proof, root }
  await corruptUnless('checkpoint', () => verifyInclusion(claim, primitives))
  return formatReceipt({ entry, index: seq, proof, checkpoint: note })
}

/** Tree nodes from the tiles of a log, each tile read once. @throws KernelError LEDGER_CORRUPT */
function nodesOf(files: LogFiles, size: number, primitives: Primitives): NodeReader {
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
function widthAt(count: number, index: number): number {
  return Math.min(tileWidth, count - index * tileWidth)
}

function itemOf(found: Found, at: number): Uint8Array {
  const item = found.items?.[at]
  if (item === undefined || found.damage !== undefined) throw unreadable(found.file, found.damage)
  return item
}

function unreadable(file: string, damage: string | undefined): KernelError<'LEDGER_CORRUPT'> {
  return new KernelError('LEDGER_CORRUPT', `\`${file}\` is ${damage === undefined ? 'missing' : `damaged: ${damage}`}`)
}

function openUnverified(note: Uint8Array): Checkpoint {
  return parseCheckpoint(parseNote(note).body)
}

async function corruptUnless<T>(file: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (!isKernelError(cause)) throw cause
    throw new KernelError('LEDGER_CORRUPT', `\`${file}\`: ${cause.message}; run \`kestrel verify\``, { cause })
  }
}
