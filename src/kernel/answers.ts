import type { JsonObject, JsonValue } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { Answers, Seal, StoredAnswer } from './gate.ts'
import type { Ending, Outcome } from './outcome.ts'
import { unlessSealed } from './rooms.ts'
import type { State } from './state/state.ts'

/** The outcome that entry `seq` was answered with. */
export type RecallAnswer = (seq: number) => Promise<Outcome>

/**
 * Remembers which entry answered which idempotency key: while an attempt runs in memory, so that a retry joins it, and then in
 * the state index, so that a restart forgets nothing.
 */
export function answersFrom(state: State, seal: Seal, recall: RecallAnswer): Answers {
  const running = new Map<string, { answer: StoredAnswer; resolve: (outcome: Outcome) => void }>()
  const settle = (key: string, outcome: Outcome): void => {
    running.get(key)?.resolve(outcome)
    running.delete(key)
  }
  return {
    find(key) {
      const attempt = running.get(key)
      if (attempt !== undefined) return attempt.answer
      const noted = state.findKey(key)
      return noted && { request: noted.request, outcome: recall(noted.seq) }
    },
    expect(key, request) {
      const { promise, resolve } = Promise.withResolvers<Outcome>()
      running.set(key, { answer: { request, outcome: promise }, resolve })
    },
    remember(key, request, outcome) {
      // The entry stands, so its answer does too; but what could not be noted could happen again, so nothing else may.
      unlessSealed(seal, () => state.noteKey(key, outcome.seq, request))
      settle(key, outcome)
    },
    forget: settle,
  }
}

/** How deep a kept answer nests: a result stands in `ending.result`. */
export const keptAnswerDepth: number = limits.jsonDepth + 2

/** What the vault keeps of the answer to a request with an idempotency key: the digest of what was asked, and how it ended. */
export function keptAnswer(request: string, ending: Ending): JsonValue {
  return { request, ending: ending as unknown as JsonObject }
}
