import type { JsonObject } from '../../../base/json.ts'
import type { Answer, Call, Failure } from '../../provider.ts'

import type { Ending, Running } from './child.ts'
import { Output, type Written } from './output.ts'

/** Sees a running program to its end: takes its output, and ends it and all it has started when its time is up. */
export async function oversee(running: Running, timeoutMs: number, call: Call, signal: AbortSignal): Promise<Answer> {
  const outputs = [running.stdout, running.stderr].map((stream) => new Output(stream, () => call.contents))
  const stopped = Promise.withResolvers<Failure>()
  let isStopped = false
  const stop = (failure: Failure): void => {
    isStopped = true
    for (const output of outputs) output.abandon()
    void running.stop().then(() => stopped.resolve(failure))
  }
  const timer = setTimeout(() => stop(tooSlow(call, timeoutMs)), timeoutMs)
  const cancel = (): void => stop(cancelled(call))
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  try {
    const whole = finish(running, outputs, () => clearTimeout(timer))
    const ended = await Promise.race([whole, stopped.promise])
    // What has ended because it was stopped has not ended by itself.
    return isStopped ? { failed: await stopped.promise } : answerTo(call, ended as Whole)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancel)
  }
}

interface Whole {
  readonly ending: Ending
  readonly streams: readonly Written[]
}

async function finish(running: Running, outputs: readonly Output[], isOver: () => void): Promise<Whole> {
  const ending = await running.ended
  isOver()
  // What a program leaves running ends with it.
  await running.stop()
  for (const output of outputs) output.expectEnd()
  return { ending, streams: await Promise.all(outputs.map(({ done }) => done)) }
}

function answerTo({ resource }: Call, { ending, streams }: Whole): Answer {
  if ('notStarted' in ending) return notStarted(resource, ending.notStarted)
  const [stdout, stderr] = streams as [Written, Written]
  const encoding = {
    ...(stdout.isBase64 && { stdout: 'base64' }),
    ...(stderr.isBase64 && { stderr: 'base64' }),
  }
  const truncated = {
    ...(stdout.truncated && { stdout: stdout.truncated }),
    ...(stderr.truncated && { stderr: stderr.truncated }),
  }
  const result: JsonObject = {
    exitCode: ending.exitCode,
    signal: ending.signal,
    stdout: stdout.text,
    stderr: stderr.text,
    ...(Object.keys(encoding).length > 0 && { encoding }),
    ...(Object.keys(truncated).length > 0 && { truncated }),
  }
  return { effect: 'done', result }
}

function notStarted(resource: string, code: string): Answer {
  const message = `\`${resource}\` could not be started (${code}); look at the program, its interpreter and \`kestrel doctor\``
  return { effect: 'none', error: { code: 'not_started', message, retryable: code === 'EAGAIN' || code === 'ENOMEM' } }
}

function tooSlow({ resource }: Call, timeoutMs: number): Failure {
  const message = `\`${resource}\` did not end within ${timeoutMs} ms; it was killed with all that it had started`
  return { code: 'timeout', message, retryable: false }
}

function cancelled({ resource }: Call): Failure {
  const message = `\`${resource}\` was killed with all that it had started, since the kernel closed or gave it up`
  return { code: 'cancelled', message, retryable: false }
}
