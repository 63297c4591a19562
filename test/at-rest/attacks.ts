import { tileWidth } from '../../src/evidence/ledger/index.ts'
import type { Problem, ProblemCode } from '../../src/evidence/receipt/index.ts'
import { changeTree, edited, resign, restate, type Change } from './thief.ts'

/** What somebody may do to the entries of a log, at the entry `at` of a list of them. */
export interface Attack {
  readonly name: string
  change(at: number): Change
  /** What verification says of it when only the bundle of entry `seq` was changed. @param end seq behind that bundle */
  told(seq: number, end: number): Pick<Problem, 'code' | 'seq'>
}

export const attacks: readonly Attack[] = [
  {
    name: 'edit',
    change: (at) => (entries) => entries.with(at, edited(entries[at] as Uint8Array)),
    told: (seq) => ({ code: 'entry_altered', seq }),
  },
  {
    name: 'delete',
    change: (at) => (entries) => entries.toSpliced(at, 1),
    told: (seq, end) => ({ code: seq === end - 1 ? 'truncated' : 'entry_removed', seq }),
  },
  {
    name: 'insert',
    change: (at) => (entries) => entries.toSpliced(at, 0, edited(entries[at] as Uint8Array)),
    // where a bundle is full, what was pushed out is gone: at its last place that is an edit
    told: (seq, end) => ({ code: seq === end - 1 && end % tileWidth === 0 ? 'entry_altered' : 'entry_inserted', seq }),
  },
  {
    name: 'reorder',
    change: (at) => (entries) => swapped(entries, at, at === entries.length - 1 ? at - 1 : at + 1),
    told: (seq, end) => ({ code: 'wrong_order', seq: seq === end - 1 ? seq - 1 : seq }),
  },
  {
    name: 'truncate',
    change: () => (entries) => entries.slice(0, -1),
    told: (_seq, end) => ({ code: 'truncated', seq: end - 1 }),
  },
]

function swapped(entries: readonly Uint8Array[], one: number, other: number): Uint8Array[] {
  return entries.with(one, entries[other] as Uint8Array).with(other, entries[one] as Uint8Array)
}

/** How much trouble a thief without keys takes. */
export interface Thoroughness {
  readonly name: string
  apply(ledger: string, attack: Attack, seq: number): void
  /** Of these, verification by the key alone names at least one. */
  readonly told: readonly ProblemCode[]
  /** How the kernel refuses to start over it. */
  readonly refused: { readonly code: string; readonly place: RegExp }
}

/** Who changes more than one bundle. */
export const thorough: readonly Thoroughness[] = [
  {
    name: 'with every bundle and tile written anew',
    apply: (ledger, attack, seq) => void changeTree(ledger, attack.change(seq)),
    told: ['root_mismatch', 'missing', 'truncated', 'wrong_order'],
    refused: { code: 'LEDGER_CORRUPT', place: /ledger\/tile/ },
  },
  {
    name: 'with a checkpoint over it that has the old signature',
    apply: (ledger, attack, seq) => restate(ledger, changeTree(ledger, attack.change(seq))),
    told: ['signature_invalid'],
    refused: { code: 'LEDGER_CORRUPT', place: /ledger\/checkpoint/ },
  },
  {
    name: 'with a checkpoint over it and a key of the thief’s own',
    apply: (ledger, attack, seq) => resign(ledger, changeTree(ledger, attack.change(seq))),
    told: ['foreign_key'],
    refused: { code: 'KEY_INVALID', place: /ledger\/vkey/ },
  },
]

/** The attacks that can be made on a log of `size` entries; all of them only where bundles begin and end. */
export function attacksOn(size: number): readonly Attack[] {
  const many = size === 2 || size === 257
  return attacks.filter(({ name }) => name === 'edit' || (size > 1 && (many || name === 'truncate')))
}

/** Whether `attack` on one bundle can be made at all: a bundle keeps an entry, and two are needed to swap them. */
export function fitsBundle(attack: Attack, width: number): boolean {
  return width > 1 || attack.name === 'edit' || attack.name === 'insert'
}
