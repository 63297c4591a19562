import { limits } from '../../../base/limits.ts'
import { reasonTable } from '../../../base/reasons.ts'
import { snapshot } from '../../../base/snapshot.ts'
import type { Answer } from '../../provider.ts'

/** @throws Error that says what is broken */
export function demand(condition: boolean, broken: string): asserts condition {
  if (!condition) throw new Error(broken)
}

export function demandShape(answer: unknown): asserts answer is Answer {
  demand(typeof answer === 'object' && answer !== null, 'the answer is not an object')
  const { effect, result, error, refused, failed, message } = answer as Record<string, unknown>
  if (effect === 'done') {
    if (result !== undefined) snapshot(result, 'result')
  } else if (effect === 'none' || effect === 'uncertain') {
    demandFailure(error)
  } else if (refused !== undefined) {
    demand(typeof refused === 'string' && Object.hasOwn(reasonTable, refused), '`refused` must be a known reason')
    demand(typeof message === 'string' && message !== '', 'a refusal needs a `message`')
  } else {
    demandFailure(failed)
  }
}

function demandFailure(failure: unknown): void {
  demand(typeof failure === 'object' && failure !== null, 'the answer has none of the shapes of `Answer`')
  const { code, message, retryable } = failure as Record<string, unknown>
  demand(typeof code === 'string' && /^[a-z][a-z0-9_]{0,63}$/.test(code), 'a failure needs a `code` like `not_found`')
  demand(typeof message === 'string' && message !== '', 'a failure needs a `message`')
  demand(typeof retryable === 'boolean', 'a failure must say whether it is `retryable`')
}

export function isDone(answer: Answer): boolean {
  return 'effect' in answer && answer.effect === 'done'
}

/** Whether it says that surely nothing happened. */
export function isHarmless(answer: Answer): boolean {
  return 'refused' in answer || ('effect' in answer && answer.effect === 'none')
}

export async function inTime<Value>(answering: Promise<Value>, timeoutMs: number): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), Math.min(timeoutMs, limits.timerMs))
  })
  try {
    return await Promise.race([answering, late])
  } finally {
    clearTimeout(timer)
  }
}
