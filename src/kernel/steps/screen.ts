import { oversize } from '../../base/canonical-json.ts'
import { isKernelError } from '../../base/errors.ts'
import type { JsonValue } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import { snapshot } from '../../base/snapshot.ts'
import type { Answer, Failure } from '../../effects/provider.ts'
import type { Attempt } from '../attempt.ts'
import type { Ending } from '../outcome.ts'

/**
 * Turns a provider's answer into what the caller may see: a bounded copy of plain JSON, or why there is none.
 */
export function screen(attempt: Attempt, answer: Answer): Ending {
  if ('refused' in answer) {
    const { refused: code, message, hint } = answer
    return { status: 'denied', effect: 'none', reason: { code, message, ...(hint !== undefined && { hint }) } }
  }
  if ('failed' in answer) return { status: 'failed', error: answer.failed }
  switch (answer.effect) {
    case 'none':
      return { status: 'failed', effect: 'none', error: answer.error }
    case 'uncertain':
      return { status: 'unknown', effect: 'uncertain', error: answer.error }
    case 'done':
      return answer.result === undefined ? { status: 'ok', effect: 'done' } : withResult(attempt, answer.result)
  }
}

function withResult(attempt: Attempt, raw: unknown): Ending {
  let result: JsonValue
  try {
    result = snapshot(raw, 'result')
  } catch (error) {
    if (isKernelError(error, 'VALUE_TOO_LARGE')) return tooLarge(attempt)
    const why = isKernelError(error) ? error.message : 'one of its members throws'
    return unshown(attempt, {
      code: 'invalid_result',
      message: `the result cannot be carried: ${why}`,
      retryable: false,
    })
  }
  if (oversize(result, limits.resultBytes) !== undefined) return tooLarge(attempt)
  return { status: 'ok', effect: 'done', result }
}

function tooLarge(attempt: Attempt): Ending {
  const message = `the result takes more than ${limits.resultBytes} bytes or ${limits.jsonValues} values; ask for a part`
  return unshown(attempt, { code: 'too_large', message, retryable: false })
}

/** The action happened, but its result cannot be shown: `failed` for the caller, and the entry says `done`. */
function unshown(attempt: Attempt, error: Failure): Ending {
  return { status: 'failed', effect: attempt.intent === undefined ? 'none' : 'done', error }
}
