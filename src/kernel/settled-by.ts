import { isKernelError } from '../base/errors.ts'
import { parseEntry, type Log } from '../evidence/ledger/index.ts'
import { holderOf, placesIn } from './data-directory.ts'
import { viewState } from './state/view.ts'

/**
 * The entry that settled entry `seq`, if one did. Only looks. The index says it where there is one, and what it names must
 * bear it out; what it does not reflect yet is sought in the log.
 */
export async function settledBy(dataDir: string, log: Log, seq: number): Promise<number | undefined> {
  const { by, from } = askIndex(dataDir, seq)
  if (by !== undefined && by < log.size && settles((await log.entry(by)).bytes, seq)) return by
  for await (const later of log.entries(Math.max(from, seq + 1))) if (settles(later.bytes, seq)) return later.seq
  return undefined
}

function askIndex(dataDir: string, seq: number): { readonly by: number | undefined; readonly from: number } {
  try {
    const view = viewState(placesIn(dataDir).state, holderOf(dataDir)?.isRunning === true)
    try {
      return { by: view.findResolve(seq), from: view.treeSize }
    } finally {
      view.close()
    }
  } catch (error) {
    if (isKernelError(error, 'STATE_INVALID')) return { by: undefined, from: 0 }
    throw error
  }
}

const mark = Buffer.from('"kind":"resolve"')

function settles(bytes: Uint8Array, seq: number): boolean {
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(mark)) return false
  const { kind, of } = parseEntry(bytes)
  return kind === 'resolve' && of === seq
}
