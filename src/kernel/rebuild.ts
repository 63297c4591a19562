import { pooledRandom } from '../base/random.ts'
import { tableOfActions } from './actions.ts'
import { findDataDirectory } from './data-directory.ts'
import { noteEntries } from './recover.ts'
import { closeEvidence, openEvidence, type EvidenceRooms } from './rooms.ts'
import { endInterrupted } from './settle.ts'
import { remakeState, type Former } from './state/remake.ts'
import type { StateWriter } from './state/state.ts'
import type { Upkeep } from './upkeep.ts'

/** What a rebuild made, and what it took the place of. */
export interface Rebuilt {
  /** Entries that the index reflects now. */
  readonly treeSize: number
  readonly keys: number
  readonly resolves: number
  readonly undos: number
  /** Idempotency keys of which the vault no longer has the answer: a retry under one is a conflict. */
  readonly withoutAnswer: number
  readonly former: Former
}

/**
 * Remakes the state index from log and vault, whatever became of it. Entries are read one bundle at a time, and count only
 * if all of them lead to the checkpoint.
 *
 * @throws KernelError LEDGER_NOT_FOUND, LEDGER_LOCKED, LEDGER_CORRUPT, LEDGER_ROLLED_BACK, TILE_INVALID, KEY_…; the index is left as it was
 */
export async function rebuild({ dataDir, keysDir, clock, providers = [] }: Upkeep): Promise<Rebuilt> {
  const { places, keys } = findDataDirectory(dataDir, keysDir)
  const rooms = await openEvidence(places, keys, clock, pooledRandom())
  let rebuilt: Rebuilt
  try {
    await endInterrupted(rooms, { actions: tableOfActions(providers) })
    rebuilt = await remake(places.state, rooms, keys.walKey)
  } catch (error) {
    await closeEvidence(rooms).catch(() => undefined)
    throw error
  }
  await closeEvidence(rooms)
  return rebuilt
}

async function remake(file: string, { ledger, vault, entries }: EvidenceRooms, key: Uint8Array): Promise<Rebuilt> {
  const { state, install, discard } = remakeState(file, ledger.origin, key)
  try {
    const counted = counting(state)
    await noteEntries(counted, entries(0), vault)
    state.advance(ledger.treeSize)
    const { keys, resolves, undos, withoutAnswer } = counted
    return { treeSize: ledger.treeSize, keys, resolves, undos, withoutAnswer, former: install() }
  } catch (error) {
    discard()
    throw error
  }
}

interface Counting extends StateWriter {
  keys: number
  resolves: number
  undos: number
  withoutAnswer: number
}

function counting(state: StateWriter): Counting {
  return {
    keys: 0,
    resolves: 0,
    undos: 0,
    withoutAnswer: 0,
    findKey: (key) => state.findKey(key),
    noteKey(key, seq, request) {
      state.noteKey(key, seq, request)
      this.keys++
      if (request === '') this.withoutAnswer++
    },
    note(relation, of, seq) {
      state.note(relation, of, seq)
      this[relation]++
    },
  }
}
