import { parseEntry, type Entry } from '../evidence/ledger/index.ts'
import { defaultClass } from './payload.ts'
import { relationOf } from './recover.ts'
import { relations, type Relation } from './state/schema.ts'
import { viewState, type StateView } from './state/view.ts'
import type { StoredEntry } from './stored-entries.ts'

/** A payload that an entry commits to, and where the vault should have it. */
export interface Committed {
  readonly seq: number
  readonly commitment: string
  readonly class: string
  readonly timeMs: number
}

/** What a walk over a whole log tells that no single entry does. */
export interface Survey {
  /** Entries that were walked. */
  readonly entries: number
  /** Time of the last one, ms since 1970 UTC; 0 without any. */
  readonly lastTimeMs: number
  /** Entries that ended `unknown` and that nobody settled, oldest first. */
  readonly unsettled: readonly number[]
  readonly keys: number
  readonly resolves: number
  readonly undos: number
  /** What the index says otherwise than the log. */
  readonly index: IndexFindings
}

export interface IndexFindings {
  /** Rows that the index lacks, of entries that it says it reflects. */
  readonly missing: number
  /** Rows that name another entry than the log does, or more than it does. */
  readonly wrong: number
}

/** Opens the index of a data directory for looking. @throws KernelError STATE_INVALID */
export function viewIndex(file: string, inUse: boolean): StateView {
  return viewState(file, inUse)
}

/** Walks a log and holds the index against it. @param onCommitted told of each payload that an entry commits to */
export async function survey(
  entries: AsyncIterable<StoredEntry>,
  index: StateView | undefined,
  onCommitted: (payload: Committed) => Promise<void>,
): Promise<Survey> {
  const unsettled = new Set<number>()
  const comparison = new Comparison(index)
  let [size, lastTimeMs] = [0, 0]
  for await (const { seq, bytes } of entries) {
    const entry = parseEntry(bytes)
    size = seq + 1
    lastTimeMs = entry.time
    if (entry.kind === 'action' && entry.outcome?.status === 'unknown') unsettled.add(seq)
    if (entry.kind === 'resolve' && entry.of !== undefined) unsettled.delete(entry.of)
    comparison.add(entry)
    for (const commitment of commitmentsOf(entry)) {
      await onCommitted({ seq, commitment, class: entry.class ?? defaultClass, timeMs: entry.time })
    }
  }
  const { keys, resolves, undos } = comparison
  return {
    entries: size,
    lastTimeMs,
    unsettled: [...unsettled],
    keys,
    resolves,
    undos,
    index: comparison.findings(size),
  }
}

function commitmentsOf({ params, outcome, reason }: Entry): string[] {
  return [params, outcome?.result, reason].filter((each) => each !== undefined)
}

/** Holds rows against entries as they come by. */
class Comparison {
  readonly #index: StateView | undefined
  keys = 0
  resolves = 0
  undos = 0
  #right = 0
  #missing = 0

  constructor(index: StateView | undefined) {
    this.#index = index
  }

  add(entry: Entry): void {
    if (entry.key !== undefined) {
      const noted = this.#index?.findKey(entry.key)?.seq
      // Of two entries under one key the first answered.
      if (noted === undefined || noted >= entry.seq) this.#count('keys', entry.seq, noted)
    }
    const relation = relationOf(entry)
    if (relation !== undefined) this.#count(relation.is, entry.seq, this.#index?.find(relation.is, relation.of))
  }

  #count(table: 'keys' | Relation, seq: number, noted: number | undefined): void {
    this[table]++
    if (noted === seq) this.#right++
    else if (this.#index !== undefined && seq < this.#index.treeSize) this.#missing++
  }

  findings(size: number): IndexFindings {
    if (this.#index === undefined) return { missing: 0, wrong: 0 }
    const index = this.#index
    const rows = relations.reduce((sum, relation) => sum + index.count(relation, size), index.countKeys(size))
    return { missing: this.#missing, wrong: rows - this.#right }
  }
}
