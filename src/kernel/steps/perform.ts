import { limits } from '../../base/limits.ts'
import type { JsonObject } from '../../base/json.ts'
import type { Answer, Call, Failure, Judged } from '../../effects/provider.ts'
import type { Asker } from '../asker/asker.ts'
import type { Attempt, ParsedRequest } from '../attempt.ts'
import { readAnswer } from '../answer.ts'
import type { Hurried } from '../gate.ts'
import { cancelled, closed, timeIsUp } from '../deadlines.ts'
import { judgeFurther } from '../judge-further.ts'
import { withdrawal } from '../asker/withdrawn.ts'

/**
 * Lets the provider act, and answers for it in every case: when it throws, hangs, or returns something that is no answer.
 *
 * A mutation that went wrong without saying how is `uncertain`; an observation never changes anything, so it is `none`.
 */
export function perform(attempt: Attempt): Answer | Promise<Answer> {
  const parsed = attempt.parsed as ParsedRequest
  // The kernel may have begun to close while the intent went to disk: then nothing is begun any more.
  if (attempt.gate.closing.aborted) return { effect: 'none', error: interrupted }
  if (attempt.asker?.hasCancelled === true) return { effect: 'none', error: withdrawal }
  const reply = ask(attempt, (call) => parsed.definition.perform(call), readAnswer)
  return reply instanceof Promise ? reply.then((late) => answerOf(attempt, late)) : answerOf(attempt, reply)
}

function answerOf(attempt: Attempt, reply: Reply<Answer | undefined>): Answer {
  const parsed = attempt.parsed as ParsedRequest
  attempt.asker?.progress?.finish()
  return 'said' in reply ? (reply.said ?? wentWrong(parsed, brokenProvider)) : wentWrong(parsed, reply.error)
}

/** What the provider said, as `read` takes it, or why it said nothing. */
export type Reply<Said> = { readonly said: Said } | { readonly error: Failure }

/**
 * Puts a question to the provider. Never throws, and has a reply when the action's time is up, the kernel closes or the caller
 * cancels, whatever the provider does.
 */
export function ask<Said>(
  attempt: Attempt,
  question: (call: Call) => unknown,
  read: (said: unknown) => Said,
): Reply<Said> | Promise<Reply<Said>> {
  const call = new ProviderCall(attempt)
  try {
    const said = question(call)
    return isPromise(said) ? hear(attempt, said, call, read) : { said: read(said) }
  } catch {
    return { error: brokenProvider }
  }
}

async function hear<Said>(
  attempt: Attempt,
  answering: Promise<unknown>,
  call: ProviderCall,
  read: (said: unknown) => Said,
): Promise<Reply<Said>> {
  const { asker, gate } = attempt
  const parsed = attempt.parsed as ParsedRequest
  const hurried = asker && stopping(asker, call)
  let said: unknown
  try {
    said = await gate.deadlines.within(answering, timeoutOf(parsed), hurried)
  } catch (error) {
    call.abort()
    if (error === timeIsUp) return { error: tooSlow(parsed) }
    if (error === closed) return { error: interrupted }
    // One that throws when it is told to stop says nothing either.
    return { error: error === cancelled || asker?.hasCancelled === true ? stopped : brokenProvider }
  } finally {
    asker?.ignoreCancelling()
  }
  try {
    return { said: read(said) }
  } catch {
    return { error: brokenProvider }
  }
}

/** A caller that cancels tells the provider to stop, and does not wait long for what that says. */
function stopping(asker: Asker, call: ProviderCall): Hurried {
  return (hurry) =>
    asker.whenCancelled(() => {
      call.abort()
      hurry()
    })
}

/** What is told of a provider that throws, or says what is no answer. */
export const brokenProvider: Failure = {
  code: 'provider_broken',
  message: 'the provider broke its contract; see what it logged itself',
  retryable: false,
}

const interrupted: Failure = {
  code: 'interrupted',
  message: 'the kernel was closed before the provider answered',
  retryable: true,
}

const stopped: Failure = {
  code: 'cancelled',
  message: 'it was cancelled while it was under way, and the provider did not say in time how it ended',
  retryable: true,
}

function tooSlow(parsed: ParsedRequest): Failure {
  return { code: 'timeout', message: `the provider did not answer within ${timeoutOf(parsed)} ms`, retryable: true }
}

function wentWrong(parsed: ParsedRequest, error: Failure): Answer {
  return parsed.definition.kind === 'mutate' ? { effect: 'uncertain', error } : { effect: 'none', error }
}

function timeoutOf({ definition }: ParsedRequest): number {
  return definition.timeoutMs ?? limits.performMs
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** The provider's view of an attempt. The abort signal is made on demand: most actions answer without ever asking for it. */
class ProviderCall implements Call {
  readonly action: string
  readonly resource: string
  readonly params: Call['params']
  readonly protection: Call['protection']
  readonly closing: AbortSignal
  readonly network: Call['network']
  readonly image: Call['image']
  readonly #attempt: Attempt
  #controller: AbortController | undefined

  constructor(attempt: Attempt) {
    const parsed = attempt.parsed as ParsedRequest
    this.action = parsed.action
    this.resource = parsed.resources[0] as string
    this.params = parsed.params
    this.network = attempt.verdict?.obligations.network ?? 'public'
    this.image = attempt.image
    this.#attempt = attempt
    this.protection = attempt.gate.protection
    this.closing = attempt.gate.closing
    Object.freeze(this)
  }

  /** A copy: what a provider adds to it is no mount of the policy. */
  get mounts(): Call['mounts'] {
    const { mounts } = this.#attempt.inForce.policy
    return mounts && new Map(mounts)
  }

  get contents(): Call['contents'] {
    return this.#attempt.gate.evidence.contents(this.#attempt.verdict?.class)
  }

  judge(resource: string, params?: JsonObject): Judged {
    return judgeFurther(this.#attempt, resource, params)
  }

  /** Bound, since a provider may take it out of the call. */
  get report(): Call['report'] {
    return (progress) => this.#attempt.asker?.progress?.take(progress)
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  abort(): void {
    // Also for a provider that looks at its signal only later.
    this.#controller ??= new AbortController()
    this.#controller.abort()
  }
}
