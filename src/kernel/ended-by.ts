import { isKernelError } from '../base/errors.ts'
import { parseEntry, type Log } from '../evidence/ledger/index.ts'
import { holderOf, placesIn } from './data-directory.ts'
import { relationOf } from './recover.ts'
import type { Relation } from './state/schema.ts'
import { viewState, type StateView } from './state/view.ts'

/** Which entry settled or undid another one. Only looks. */
export interface Endings extends Disposable {
  /** The entry, if there is one. What the index names must bear it out. */
  by(relation: Relation, of: number): Promise<number | undefined>
}

/** Looks in the index where there is one, and in the log for what that does not reflect yet. */
export async function endingsIn(dataDir: string, log: Log): Promise<Endings> {
  const view = openIndex(dataDir)
  const later: Record<Relation, Map<number, number>> = { resolves: new Map(), undos: new Map() }
  try {
    for await (const { seq, bytes } of log.entries(Math.min(view?.treeSize ?? 0, log.size))) {
      const found = readRelation(bytes)
      if (found !== undefined) later[found.is].set(found.of, seq)
    }
  } catch (error) {
    view?.close()
    throw error
  }
  return {
    async by(relation, of) {
      const named = view?.find(relation, of)
      if (named === undefined || named >= log.size) return later[relation].get(of)
      const found = readRelation((await log.entry(named)).bytes)
      return found?.is === relation && found.of === of ? named : later[relation].get(of)
    },
    [Symbol.dispose]: () => view?.close(),
  }
}

function openIndex(dataDir: string): StateView | undefined {
  try {
    return viewState(placesIn(dataDir).state, holderOf(dataDir)?.isRunning === true)
  } catch (error) {
    if (isKernelError(error, 'STATE_INVALID')) return undefined
    throw error
  }
}

const marks = ['"kind":"resolve"', '"action":"undo"'].map((text) => Buffer.from(text))

function readRelation(bytes: Uint8Array): ReturnType<typeof relationOf> {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return marks.some((mark) => view.includes(mark)) ? relationOf(parseEntry(bytes)) : undefined
}
