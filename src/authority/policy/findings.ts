import { limits } from '../../base/limits.ts'
import type { Place } from './node.ts'
import type { PolicyProblem } from './types.ts'

/** Collects what is wrong with a policy and what is worth a warning, up to a limit, in the order of the file. */
export class Findings {
  readonly #problems: PolicyProblem[] = []
  readonly #warnings: PolicyProblem[] = []
  readonly #spoiled = new Set<Place>()

  /** Reports a value that could not be read at all; nothing further is said about it. */
  spoil(at: Place, code: string, message: string): undefined {
    this.problem(at, code, message)
    this.#spoiled.add(at)
  }

  problem(at: Place, code: string, message: string): undefined {
    if (!this.#spoiled.has(at)) add(this.#problems, at, code, message)
  }

  warning(at: Place, code: string, message: string): undefined {
    add(this.#warnings, at, code, message)
  }

  get failed(): boolean {
    return this.#problems.length > 0
  }

  /** Whether as many problems were found as are listed: looking for more is of no use. */
  get full(): boolean {
    return this.#problems.length >= limits.problems
  }

  /** The same for warnings. */
  get warned(): boolean {
    return this.#warnings.length >= limits.problems
  }

  get problems(): readonly PolicyProblem[] {
    return inOrder(this.#problems)
  }

  get warnings(): readonly PolicyProblem[] {
    return inOrder(this.#warnings)
  }
}

function add(list: PolicyProblem[], at: Place, code: string, message: string): void {
  if (list.length >= limits.problems) return
  list.push({ line: at.line, column: at.column, ...(at.path === '' ? {} : { path: at.path }), code, message })
}

function inOrder(list: readonly PolicyProblem[]): readonly PolicyProblem[] {
  return Object.freeze([...list].sort((a, b) => a.line - b.line || a.column - b.column))
}
