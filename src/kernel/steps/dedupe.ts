import { canonicalJson } from '../../base/canonical-json.ts'
import { sha256Hex } from '../../base/hash.ts'
import type { Attempt, ParsedRequest } from '../attempt.ts'
import { invalid, type Judgement } from '../outcome.ts'

/**
 * Finds whether this principal asked the same before under the same idempotency key. A matching retry gets the same answer,
 * with no second effect and no second entry; another request under that key is a conflict.
 */
export function dedupe(attempt: Attempt): Judgement | undefined {
  const parsed = attempt.parsed as ParsedRequest
  if (parsed.idempotencyKey === undefined) return undefined
  const { answers } = attempt.gate
  const request = sha256Hex(canonicalJson([parsed.action, parsed.resources, parsed.params]))
  const key = sha256Hex(canonicalJson([attempt.caller.principal.id, parsed.idempotencyKey]))
  const stored = answers.find(key)
  if (stored !== undefined) {
    if (stored.request === request) return { answer: stored.outcome }
    return {
      ending: invalid('this idempotency key came with another request before; use a new key', 'idempotency_conflict'),
    }
  }
  if (attempt.dryRun) return undefined
  attempt.key = key
  attempt.keyedRequest = request
  answers.expect(key, request)
  return undefined
}
