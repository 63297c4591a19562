import { isKernelError, KernelError } from '../../base/errors.ts'
import { defaultPrimitives, type Primitives } from '../../base/primitives.ts'
import { parseCheckpoint, parseNote, type Checkpoint } from '../ledger/note.ts'
import { tileWidth } from '../ledger/tile.ts'
import { inclusionProof, leafHash, verifyInclusion } from '../proof/index.ts'
import { readBundle, type Found, type LogFiles } from './log-files.ts'
import { formatReceipt } from './receipt.ts'
import { nodesOf, unreadable, widthAt } from './tile-nodes.ts'

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
  const { primitives = defaultPrimitives } = options
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

function itemOf(found: Found, at: number): Uint8Array {
  const item = found.items?.[at]
  if (item === undefined || found.damage !== undefined) throw unreadable(found.file, found.damage)
  return item
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
