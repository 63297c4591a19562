import { limits } from '../../base/limits.ts'

/** What a verifier can find wrong: a closed list, explained in docs/ledger-format.md. */
export type ProblemCode =
  | 'signature_invalid'
  | 'foreign_key'
  | 'root_mismatch'
  | 'not_an_extension'
  | 'forked'
  | 'rolled_back'
  | 'cosignature_missing'
  | 'cosignature_invalid'
  | 'missing'
  | 'truncated'
  | 'file_damaged'
  | 'entry_altered'
  | 'entry_inserted'
  | 'entry_removed'
  | 'wrong_order'
  | 'entry_invalid'
  | 'head_invalid'
  | 'head_missing'

export interface Problem {
  readonly code: ProblemCode
  /** Index of the entry. */
  readonly seq?: number
  /** Path inside the log's folder. */
  readonly file?: string
  readonly message: string
}

/** Problems as they are found, up to a limit. */
export class Problems {
  readonly list: Problem[] = []

  add(problem: Problem): void {
    if (!this.full) this.list.push(problem)
  }

  /** Adds what must be told: where there is no room for it, first and in place of the last. */
  insist(problem: Problem): void {
    if (!this.full) return this.add(problem)
    this.list.pop()
    this.list.unshift(problem)
  }

  get full(): boolean {
    return this.list.length >= limits.problems
  }
}
