import { KernelError } from '../base/errors.ts'
import type { JsonObject, JsonValue } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { Answers, Seal, StoredAnswer } from './gate.ts'
import type { Ending, Outcome } from './outcome.ts'
import { breakSeal, unlessSealed } from './rooms.ts'
import type { NotedKey, State } from './state/state.ts'

/** The answer that the index names for a key, if the log bears it out. */
export type RecallAnswer = (key: string, noted: NotedKey) => Promise<Outcome>

/** Answers, and how far the index has noted them. */
export interface NotedAnswers extends Answers {
  /** Every answered entry below this has its key in the index. */
  notedBelow(): number
}

/**
 * Remembers which entry answered which idempotency key: while an attempt runs in memory, so that a retry joins it, and then in
 * the state index, so that a restart forgets nothing.
 */
export function answersFrom(
  state: State,
  seal: Seal,
  ledger: { readonly treeSize: number },
  recall: RecallAnswer,
): NotedAnswers {
  /** Oldest first; the entry of each has a seq from `since` on. */
  const running = new Map<string, { answer: StoredAnswer; since: number; resolve: (outcome: Outcome) => void }>()
  const settle = (key: string, outcome: Outcome): void => {
    running.get(key)?.resolve(outcome)
    running.delete(key)
  }
  const lookUp = (key: string): NotedKey | undefined => {
    try {
      return state.findKey(key)
    } catch (cause) {
      const error = new KernelError('STATE_INVALID', 'it cannot be read; stop the kernel and run `kestrel rebuild`', {
        cause,
      })
      breakSeal(seal, error)
      throw error
    }
  }
  return {
    find(key) {
      const attempt = running.get(key)
      if (attempt !== undefined) return attempt.answer
      const noted = lookUp(key)
      if (noted === undefined) return undefined
      const outcome = recall(key, noted)
      // Another request under this key never looks at it.
      outcome.catch(() => undefined)
      return { request: noted.request, outcome }
    },
    expect(key, request) {
      const { promise, resolve } = Promise.withResolvers<Outcome>()
      running.set(key, { answer: { request, outcome: promise }, since: ledger.treeSize, resolve })
    },
    remember(key, request, outcome) {
      // The entry stands, so its answer does too; but what could not be noted could happen again, so nothing else may.
      unlessSealed(seal, () => state.noteKey(key, outcome.seq, request))
      settle(key, outcome)
    },
    forget: settle,
    notedBelow: () => running.values().next().value?.since ?? ledger.treeSize,
  }
}

/** How deep a kept answer nests: a result stands in `ending.result`. */
export const keptAnswerDepth: number = limits.jsonDepth + 2

/** What the vault keeps of the answer to a request with an idempotency key: the digest of what was asked, and how it ended. */
export function keptAnswer(request: string, ending: Ending): JsonValue {
  return { request, ending: ending as unknown as JsonObject }
}
