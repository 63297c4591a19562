import { Environment, type ASTNode } from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'
import { limits } from '../../base/limits.ts'
import { findCostlyLoop } from './condition-cost.ts'
import type { Question } from './types.ts'

/** A CEL expression, compiled. A missing param makes it false; `undefined` where it cannot be evaluated: types do not fit. */
export interface Condition {
  readonly text: string
  readonly holds: (question: Question, resource: string) => boolean | undefined
}

export type ConditionReading = { readonly condition: Condition } | { readonly problem: string; readonly offset: number }

/** Of the same length as `matches`, so that offsets into the expression stay true. */
const linearMatches = 're2test'

/**
 * Compiles the conditions of one policy.
 *
 * `matches` runs on RE2 (linear time) instead of the engine's own backtracking regular expressions, so its pattern must be
 * written out in the policy.
 */
export class Conditions {
  readonly #patterns = new Map<string, RE2JS>()
  #made: Environment | undefined

  /** Made on first use: most policies have no condition, and an environment costs milliseconds. */
  get #environment(): Environment {
    this.#made ??= new Environment({
      homogeneousAggregateLiterals: false,
      limits: { maxAstNodes: 1000, maxDepth: 50, maxListElements: 1000, maxMapEntries: 100 },
    })
      .registerVariable('principal', 'map')
      .registerVariable('params', 'map')
      .registerVariable('action', 'string')
      .registerVariable('resource', 'string')
      .registerVariable('agent', 'string')
      .registerVariable('time', 'google.protobuf.Timestamp')
      .registerFunction(`string.${linearMatches}(string): bool`, (value: string, pattern: string) => {
        const compiled = this.#patterns.get(pattern)
        if (compiled === undefined) throw new RangeError('a pattern that was not compiled at load')
        return compiled.matcher(value).find()
      })
    return this.#made
  }

  read(text: string): ConditionReading {
    if (text.length > limits.celLength)
      return { problem: `longer than ${limits.celLength} characters; shorten it`, offset: 0 }
    try {
      const calls = matchesCalls(this.#environment.parse(text).ast)
      const problem = this.#compilePatterns(calls)
      if (problem !== undefined) return problem
      const evaluate = this.#environment.parse(withLinearMatches(text, calls))
      const costly = findCostlyLoop(evaluate.ast)
      if (costly !== undefined) return costly
      const checked = evaluate.check()
      if (!checked.valid) return failure(checked.error)
      if (checked.type !== 'bool' && checked.type !== 'dyn') {
        return { problem: `it gives ${String(checked.type)}, not true or false; compare it with something`, offset: 0 }
      }
      return { condition: { text, holds: (question, resource) => holds(evaluate, question, resource) } }
    } catch (error) {
      return failure(error)
    }
  }

  #compilePatterns(calls: readonly MatchesCall[]): ConditionReading | undefined {
    for (const { pattern, offset } of calls) {
      if (pattern === undefined) {
        return { problem: 'the pattern of `matches` must be one text written out here, not computed', offset }
      }
      try {
        this.#patterns.set(pattern, RE2JS.compile(pattern))
      } catch {
        return {
          problem: 'the pattern of `matches` is not RE2 syntax; see https://github.com/google/re2/wiki/Syntax',
          offset,
        }
      }
    }
    return undefined
  }
}

function holds(
  evaluate: (context: Record<string, unknown>) => unknown,
  question: Question,
  resource: string,
): boolean | undefined {
  try {
    const value = evaluate({
      principal: { id: question.principal.id, roles: question.principal.roles },
      params: question.params,
      action: question.action,
      resource,
      agent: question.agent,
      time: new Date(question.timeMs),
    })
    return typeof value === 'boolean' ? value : undefined
  } catch (error) {
    return (error as { code?: unknown }).code === 'no_such_key' ? false : undefined
  }
}

interface MatchesCall {
  readonly pattern: string | undefined
  /** Where the pattern stands in the expression. */
  readonly offset: number
  /** Where the name `matches` can be looked for: after the receiver. */
  readonly nameFrom: number
}

function matchesCalls(node: ASTNode): readonly MatchesCall[] {
  const calls: MatchesCall[] = []
  visit(node, (each) => {
    if (each.op !== 'rcall' || each.args[0] !== 'matches') return
    const [, receiver, args] = each.args
    const value = args[0]?.op === 'value' ? args[0].args : undefined
    calls.push({
      pattern: typeof value === 'string' && args.length === 1 ? value : undefined,
      offset: args[0]?.range.start ?? each.range.start,
      nameFrom: receiver.range.end,
    })
  })
  return calls
}

function withLinearMatches(text: string, calls: readonly MatchesCall[]): string {
  let renamed = text
  for (const { nameFrom } of calls) {
    const at = text.indexOf('matches', nameFrom)
    renamed = renamed.slice(0, at) + linearMatches + renamed.slice(at + linearMatches.length)
  }
  return renamed
}

/** Every node of an expression, parents first. */
export function visit(node: unknown, each: (node: ASTNode) => void): void {
  if (Array.isArray(node)) {
    for (const item of node) visit(item, each)
  } else if (typeof node === 'object' && node !== null && 'op' in node && 'args' in node) {
    each(node as ASTNode)
    visit(node.args, each)
  }
}

function failure(error: unknown): ConditionReading {
  const { summary, range } = error as { summary?: unknown; range?: { start?: unknown } }
  const said = typeof summary === 'string' && summary !== '' ? summary : 'it is not a CEL expression'
  const offset = typeof range?.start === 'number' ? range.start : 0
  return { problem: said.replaceAll(linearMatches, 'matches'), offset }
}
