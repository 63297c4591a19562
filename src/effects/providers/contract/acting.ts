import { fitsUtf8 } from '../../../base/bytes.ts'
import { limits } from '../../../base/limits.ts'
import type { Answer, Call } from '../../provider.ts'
import { demand, demandShape, inTime, isDone, isHarmless } from './demand.ts'
import { callOf, fingerprint, type ActionCase, type Subject } from './sample.ts'

/** How an action acts, and stops. */
export const actingCases: readonly ActionCase[] = [
  { name: 'foresees without acting', check: foresees },
  { name: 'performs the sample', check: performs },
  { name: 'does not begin once it is cancelled', check: staysOut },
  { name: 'answers in time when it is cancelled while it runs', check: stops },
  { name: 'reports progress in its shape, and none after its answer', check: reports },
  { name: 'refuses what is protected', check: refusesProtected },
]

async function foresees(subject: Subject): Promise<void> {
  const { definition, sample } = subject
  if (definition.foresee === undefined) return
  const before = await fingerprint(sample)
  const answer = await definition.foresee(callOf(subject))
  demand((await fingerprint(sample)) === before, '`foresee` has changed the world')
  if (answer === undefined) return
  demandShape(answer)
  demand(isDone(answer), 'the sample is foreseen to fail')
}

async function performs(subject: Subject): Promise<void> {
  const { definition, sample } = subject
  const before = await fingerprint(sample)
  const answer: unknown = await perform(subject, callOf(subject))
  demandShape(answer)
  demand(isDone(answer), `the sample fails: ${JSON.stringify(answer)}`)
  if (definition.kind === 'observe')
    demand((await fingerprint(sample)) === before, 'an `observe` has changed the world')
}

/** An observation may answer all the same: there is no effect to be kept from happening. */
async function staysOut(subject: Subject): Promise<void> {
  const { definition, sample } = subject
  const before = await fingerprint(sample)
  const call = { ...callOf(subject), signal: AbortSignal.abort() }
  const answer: unknown = await perform(subject, call)
  demandShape(answer)
  const isHonest = isHarmless(answer) || (definition.kind === 'observe' && isDone(answer))
  demand(isHonest, 'it was cancelled before it began, and does not answer `none`')
  await demandHonest(subject, answer, before)
}

async function stops(subject: Subject): Promise<void> {
  const before = await fingerprint(subject.sample)
  const controller = new AbortController()
  const answering = Promise.resolve(subject.definition.perform({ ...callOf(subject), signal: controller.signal }))
  controller.abort()
  const answer = await inTime(answering, limits.cancelGraceMs)
  demandShape(answer)
  await demandHonest(subject, answer, before)
}

async function perform({ definition }: Subject, call: Call): Promise<unknown> {
  return inTime(Promise.resolve(definition.perform(call)), definition.timeoutMs ?? limits.performMs)
}

async function demandHonest({ sample }: Subject, answer: Answer, before: string): Promise<void> {
  if (!isHarmless(answer)) return
  demand((await fingerprint(sample)) === before, 'it says that nothing happened, but the world has changed')
}

async function reports(subject: Subject): Promise<void> {
  const problems: string[] = []
  let hasAnswered = false
  const report = (progress: unknown): void => {
    if (hasAnswered) problems.push('it reports after it has answered')
    const problem = problemOf(progress)
    if (problem !== undefined) problems.push(problem)
  }
  await perform(subject, { ...callOf(subject), report })
  hasAnswered = true
  await new Promise<void>((resolve) => void setImmediate(resolve))
  demand(problems.length === 0, problems[0] ?? '')
}

function problemOf(progress: unknown): string | undefined {
  if (typeof progress !== 'object' || progress === null) return 'a report of progress must be an object'
  const { done, total, message } = progress as Record<string, unknown>
  if (!isAmount(done) || (total !== undefined && !isAmount(total)))
    return '`done` and `total` of a report must be finite and not negative'
  if (message === undefined) return undefined
  const fits = typeof message === 'string' && fitsUtf8(message, limits.progressBytes)
  return fits ? undefined : `the \`message\` of a report must be text of at most ${limits.progressBytes} bytes`
}

function isAmount(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

async function refusesProtected(subject: Subject): Promise<void> {
  const { sample } = subject
  if (sample.touchesFiles !== true) return
  const before = await fingerprint(sample)
  const everything = { coversPath: () => true, coversIdentity: () => true }
  const answer: unknown = await perform(subject, { ...callOf(subject), protection: everything })
  demandShape(answer)
  demand(
    'refused' in answer && answer.refused === 'self_protected',
    'a protected file is not refused as `self_protected`',
  )
  demand((await fingerprint(sample)) === before, 'a refused action has changed the world')
}
