import type { Attempt, ParsedRequest } from './attempt.ts'
import { readAnswer } from './answer.ts'
import type { Ending } from './outcome.ts'
import { ask, brokenProvider } from './steps/perform.ts'
import { screen } from './steps/screen.ts'

/** How a permitted request would end, for a dry run: nothing happens and nothing is written. */
export async function foresee(attempt: Attempt): Promise<Ending> {
  const { definition } = attempt.parsed as ParsedRequest
  const reply = await ask(
    attempt,
    (call) => definition.foresee?.(call),
    (said) => (said === undefined ? undefined : (readAnswer(said) ?? { failed: brokenProvider })),
  )
  if ('error' in reply) return { status: 'failed', error: reply.error }
  return reply.said === undefined ? { status: 'ok' } : screen(attempt, reply.said)
}
