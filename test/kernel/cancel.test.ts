import { getEventListeners } from 'node:events'
import type { AgentHandle, Outcome, SubmitOptions } from 'kestrel-kernel'
import { functions, type ActionDefinition, type Answer, type Call, type Provider } from 'kestrel-kernel/providers'
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/base/limits.ts'
import { guards } from '../guards.ts'
import { aWorld, canary, type World } from '../world.ts'

const never = new Promise<never>(() => undefined)
const done: Answer = { effect: 'done', result: 'did it' }

function provider(perform: ActionDefinition['perform'], more: Partial<ActionDefinition> = {}): Provider {
  const readResource = (raw: string): { canonical: string } => ({ canonical: raw })
  return { name: 'test', actions: { 'test.act': { kind: 'mutate', readResource, perform, ...more } } }
}

function worldWith(...providers: Provider[]): Promise<World> {
  const policy = { allow: [{ action: '**', resource: '**' }], deny: [{ action: '**', resource: 'forbidden' }] }
  return aWorld({ policy, kernel: { providers } })
}

const act = { action: 'test.act', resource: 'x' }
const cancelled = { status: 'failed', error: { code: 'cancelled' } }

/** A provider whose action says that it runs, and then does what `then` does. */
function running(then: (call: Call) => ReturnType<ActionDefinition['perform']>, more: Partial<ActionDefinition> = {}) {
  const begun = Promise.withResolvers<void>()
  let calls = 0
  const perform = (call: Call): ReturnType<ActionDefinition['perform']> => {
    calls++
    begun.resolve()
    return then(call)
  }
  return { provider: provider(perform, more), begun: begun.promise, calls: () => calls }
}

function whenAborted({ signal }: Call): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

describe('a request that is cancelled before it begins', () => {
  guards('GATE-09')

  test.each(['observe', 'mutate'] as const)('is not begun: %s', async (kind) => {
    const act_ = running(() => done, { kind })
    await using world = await worldWith(act_.provider)
    const outcome = await world.kernel.submit(act, { signal: AbortSignal.abort() })
    expect(outcome).toMatchObject({ ...cancelled, action: 'test.act', resource: 'x' })
    expect(act_.calls()).toBe(0)
    expect(await world.attempts()).toMatchObject([
      { seq: outcome.seq, outcome: { status: 'failed', effect: 'none', error: 'cancelled' } },
    ])
  })

  test('is not begun though its image is being taken: the provider is told, and the entry holds no way back', async () => {
    const controller = new AbortController()
    const seen: boolean[] = []
    const reversal = {
      capture: async (call: Call) => {
        const aborted = whenAborted(call)
        controller.abort(canary)
        await aborted
        seen.push(call.signal.aborted)
        return { image: {} }
      },
    }
    const act_ = running(() => done, { reversal: reversal as never })
    await using world = await worldWith(act_.provider)
    const outcome = await world.kernel.submit(act, { signal: controller.signal })
    expect(outcome).toMatchObject(cancelled)
    expect(outcome.undo).toBeUndefined()
    expect([seen, act_.calls()]).toEqual([[true], 0])
    const attempts = await world.attempts()
    expect(attempts).toMatchObject([{ outcome: { status: 'failed', effect: 'none' } }])
    expect(attempts[0]).not.toHaveProperty('undo')
    expect(JSON.stringify([outcome, attempts])).not.toContain(canary)
  })

  test('is not refused for want of the image that it stopped', async () => {
    const controller = new AbortController()
    const capture = async (call: Call): Promise<never> => {
      const aborted = whenAborted(call)
      controller.abort()
      await aborted
      throw new Error(canary)
    }
    const act_ = running(() => done, { reversal: { capture } as never })
    const policy = { allow: [{ action: '**', resource: '**', undo: 'required' }] }
    await using world = await aWorld({ policy, kernel: { providers: [act_.provider] } })
    expect(await world.kernel.submit(act, { signal: controller.signal })).toMatchObject(cancelled)
    expect(act_.calls()).toBe(0)
  })

  test('while its intent is written is not begun', async () => {
    const act_ = running(() => done)
    await using world = await worldWith(act_.provider)
    const controller = new AbortController()
    const answer = world.kernel.submit(act, { signal: controller.signal })
    controller.abort()
    expect(await answer).toMatchObject(cancelled)
    expect(act_.calls()).toBe(0)
    expect(await world.attempts()).toHaveLength(1)
  })

  test.each<[string, object, string]>([
    ['denied', { action: 'test.act', resource: 'forbidden' }, 'denied_by_rule'],
    ['invalid', { action: 'test.act', resource: '' }, 'invalid_request'],
  ])('stays %s where it is: nobody probes the policy unseen', async (status, request, code) => {
    await using world = await worldWith(provider(() => done))
    const outcome = await world.kernel.submit(request as never, { signal: AbortSignal.abort() })
    expect(outcome).toMatchObject({ status, reason: { code } })
    expect(await world.attempts()).toMatchObject([{ outcome: { status } }])
  })

  test('as a dry run writes nothing', async () => {
    await using world = await worldWith(provider(() => done))
    expect(await world.kernel.submit({ ...act, dryRun: true }, { signal: AbortSignal.abort() })).toMatchObject(
      cancelled,
    )
    expect(await world.attempts()).toHaveLength(0)
  })
})

describe('a request that is cancelled while it waits for its turn', () => {
  guards('GATE-09', 'GATE-16')

  /** A principal whose places are all taken, until it is let go. */
  async function crowded(): Promise<{
    readonly world: World
    readonly agent: AgentHandle
    readonly calls: () => number
    readonly letGo: () => Promise<unknown>
  }> {
    const gone = Promise.withResolvers<Answer>()
    const slow = running(({ resource }) => (resource === 'slow' ? gone.promise : done), { kind: 'observe' })
    const world = await worldWith(slow.provider)
    const agent = world.as('mallory')
    const held = Array.from({ length: limits.attemptsPerPrincipal }, () => agent.submit({ ...act, resource: 'slow' }))
    const letGo = (): Promise<unknown> => {
      gone.resolve(done)
      return Promise.all(held)
    }
    return { world, agent, calls: slow.calls, letGo }
  }

  test('ends at once, and its turn begins nothing', async () => {
    const { world, agent, calls, letGo } = await crowded()
    await using _ = world
    const controller = new AbortController()
    const answers = Array.from({ length: 3 }, () => agent.submit(act, { signal: controller.signal }))
    const last = agent.submit(act)
    controller.abort()
    expect(await Promise.all(answers)).toMatchObject([cancelled, cancelled, cancelled])
    expect(calls()).toBe(limits.attemptsPerPrincipal)
    await letGo()
    expect(await last).toMatchObject({ status: 'ok' })
    expect(calls()).toBe(limits.attemptsPerPrincipal + 1)
    expect(await world.attempts()).toHaveLength(limits.attemptsPerPrincipal + 4)
  })

  test('in a flood does not come before others, and each has its entry', async () => {
    const { world, agent, letGo } = await crowded()
    await using _ = world
    const controller = new AbortController()
    const flood = Array.from({ length: 5000 }, () => agent.submit(act, { signal: controller.signal }))
    controller.abort()
    const asked = await world.as('alice').submit(act)
    const outcomes = await Promise.all(flood)
    expect(outcomes.filter(({ seq }) => seq < asked.seq).length).toBeLessThanOrEqual(limits.attemptsPerPrincipal)
    await letGo()
    expect(await agent.submit(act)).toMatchObject({ status: 'ok' })
    expect(await world.attempts()).toHaveLength(limits.attemptsPerPrincipal + 5002)
  })

  test('ends also when the kernel closes with it', async () => {
    const { world, agent } = await crowded()
    await using _ = world
    const controller = new AbortController()
    const answers = Array.from({ length: 300 }, () => agent.submit(act, { signal: controller.signal }))
    controller.abort()
    const closing = world.kernel.close()
    for (const { status } of await Promise.all(answers)) expect(status).toBe('failed')
    await closing
    expect(await world.attempts()).toHaveLength(limits.attemptsPerPrincipal + 300)
  })

  test('under the key of one before it does not cancel that', async () => {
    const { world, agent, letGo } = await crowded()
    await using _ = world
    const keyed = { ...act, idempotencyKey: 'k' }
    const controller = new AbortController()
    const first = agent.submit(keyed)
    const joiner = agent.submit(keyed, { signal: controller.signal })
    controller.abort()
    await letGo()
    expect(await first).toMatchObject({ status: 'ok' })
    expect(await joiner).toEqual(await first)
  })
})

describe('an action that is cancelled while it runs', () => {
  guards('GATE-09')

  async function cancelWhileItRuns(
    then: (call: Call) => ReturnType<ActionDefinition['perform']>,
    more: Partial<ActionDefinition> = {},
  ): Promise<{ readonly outcome: Outcome; readonly entries: unknown }> {
    const act_ = running(then, more)
    await using world = await worldWith(act_.provider)
    const controller = new AbortController()
    const answer = world.kernel.submit(act, { signal: controller.signal })
    await act_.begun
    controller.abort()
    const outcome = await answer
    return { outcome, entries: await world.attempts() }
  }

  test.each<[string, Answer, object]>([
    ['done', done, { status: 'ok', result: 'did it' }],
    ['none', { effect: 'none', error: { code: 'stopped', message: 'x', retryable: true } }, { status: 'failed' }],
    [
      'uncertain',
      { effect: 'uncertain', error: { code: 'cut', message: 'x', retryable: true } },
      { status: 'unknown' },
    ],
  ])('ends as its provider says: %s', async (_, answer, expected) => {
    const { outcome, entries } = await cancelWhileItRuns(async (call) => {
      await whenAborted(call)
      return answer
    })
    expect(outcome).toMatchObject(expected)
    expect(entries).toMatchObject([{ seq: outcome.seq, outcome: { status: outcome.status } }])
  })

  test('that says nothing: a mutation is unknown', async () => {
    const { outcome, entries } = await cancelWhileItRuns(() => never)
    expect(outcome).toMatchObject({ status: 'unknown', error: { code: 'cancelled' } })
    expect(entries).toMatchObject([{ outcome: { status: 'unknown', effect: 'uncertain', error: 'cancelled' } }])
  })

  test('that says nothing: an observation has no effect', async () => {
    const { outcome, entries } = await cancelWhileItRuns(() => never, { kind: 'observe' })
    expect(outcome).toMatchObject(cancelled)
    expect(entries).toMatchObject([{ outcome: { status: 'failed', effect: 'none', error: 'cancelled' } }])
  })

  test('and throws for it says nothing either', async () => {
    const { outcome } = await cancelWhileItRuns(async (call) => {
      await whenAborted(call)
      throw call.signal.reason as Error
    })
    expect(outcome).toMatchObject({ status: 'unknown', error: { code: 'cancelled' } })
  })

  test('is told so by a signal that it first asks for afterwards', async () => {
    const later = Promise.withResolvers<void>()
    const act_ = running(async (call) => {
      await later.promise
      return call.signal.aborted ? { effect: 'none', error: { code: 'late', message: 'x', retryable: false } } : done
    })
    await using world = await worldWith(act_.provider)
    const controller = new AbortController()
    const answer = world.kernel.submit(act, { signal: controller.signal })
    await act_.begun
    controller.abort()
    later.resolve()
    expect(await answer).toMatchObject({ status: 'failed', error: { code: 'late' } })
  })

  test('that cancels itself before its first wait is told', async () => {
    const controller = new AbortController()
    const act_ = running(async (call) => {
      controller.abort()
      if (!call.signal.aborted) await whenAborted(call)
      return done
    })
    await using world = await worldWith(act_.provider)
    expect(await world.kernel.submit(act, { signal: controller.signal })).toMatchObject({ status: 'ok' })
  })

  test('and is done is not told any more', async () => {
    let signal: AbortSignal | undefined
    const act_ = running(async (call) => {
      signal = call.signal
      return done
    })
    await using world = await worldWith(act_.provider)
    const controller = new AbortController()
    const outcome = await world.kernel.submit(act, { signal: controller.signal })
    controller.abort()
    expect([outcome.status, signal?.aborted]).toEqual(['ok', false])
  })

  test('and has answered is not told while its entry is written', async () => {
    const controller = new AbortController()
    let signal: AbortSignal | undefined
    const act_ = running(async (call) => {
      signal = call.signal
      setImmediate(() => controller.abort())
      return done
    })
    await using world = await worldWith(act_.provider)
    const outcome = await world.kernel.submit(act, { signal: controller.signal })
    await new Promise((resolve) => setImmediate(resolve))
    expect([outcome.status, signal?.aborted]).toEqual(['ok', false])
  })

  test('ends as interrupted when the kernel closes meanwhile', async () => {
    const act_ = running(() => never)
    await using world = await worldWith(act_.provider)
    const controller = new AbortController()
    const answer = world.kernel.submit(act, { signal: controller.signal })
    await act_.begun
    controller.abort()
    await world.kernel.close()
    expect(await answer).toMatchObject({ status: 'unknown', error: { code: 'interrupted' } })
  })
})

describe('a retry under the same idempotency key', () => {
  guards('GATE-12')

  test('that joins and is cancelled cancels nothing, and gets the answer', async () => {
    const release = Promise.withResolvers<Answer>()
    const act_ = running(() => release.promise)
    await using world = await worldWith(act_.provider)
    const keyed = { ...act, idempotencyKey: 'k' }
    const first = world.kernel.submit(keyed)
    await act_.begun
    const controller = new AbortController()
    const joiner = world.kernel.submit(keyed, { signal: controller.signal })
    controller.abort()
    release.resolve(done)
    expect(await first).toMatchObject({ status: 'ok' })
    expect(await joiner).toEqual(await first)
    expect(await world.kernel.submit(keyed, { signal: AbortSignal.abort() })).toMatchObject({ status: 'ok' })
    expect(act_.calls()).toBe(1)
    expect(await world.attempts()).toHaveLength(1)
  })

  test('of one that was cancelled gets its answer, and no second attempt', async () => {
    const act_ = running(() => done)
    await using world = await worldWith(act_.provider)
    const keyed = { ...act, idempotencyKey: 'k' }
    const first = await world.kernel.submit(keyed, { signal: AbortSignal.abort() })
    expect(first).toMatchObject(cancelled)
    expect(await world.kernel.submit(keyed)).toMatchObject({ ...cancelled, seq: first.seq })
    expect(act_.calls()).toBe(0)
  })
})

describe('one signal for many requests', () => {
  test('keeps no listener, and nobody is warned', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warned)
    await using world = await worldWith(functions({ look: { kind: 'observe', run: () => Promise.resolve(1) } }))
    const { signal } = new AbortController()
    const request = { action: 'fn.look', resource: 'forbidden' }
    for (let i = 0; i < 100; i++) {
      await Promise.all(Array.from({ length: 1000 }, () => world.kernel.submit(request, { signal })))
    }
    const waiting = Array.from({ length: 500 }, () => world.kernel.submit({ action: 'fn.look' }, { signal }))
    expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1)
    expect((await Promise.all(waiting)).every(({ status }) => status === 'ok')).toBe(true)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', warned)
    expect(warnings).toEqual([])
  })

  test('cancels all of them at once, and only those', async () => {
    const act_ = running((call) => (call.resource === 'y' ? done : whenAborted(call).then(() => done)))
    await using world = await worldWith(act_.provider)
    const controller = new AbortController()
    const { signal } = controller
    const all = Array.from({ length: 50 }, () => world.kernel.submit({ ...act, resource: 'y' }, { signal }))
    expect((await Promise.all(all)).every(({ status }) => status === 'ok')).toBe(true)
    const both = [world.kernel.submit(act, { signal }), world.kernel.submit(act, { signal })]
    await act_.begun
    controller.abort()
    for (const { status } of await Promise.all(both)) expect(['ok', 'failed']).toContain(status)
  })
})

describe('options that are none', () => {
  const lookalike: unknown = { aborted: true, addEventListener: () => undefined, removeEventListener: () => undefined }

  test.each<[string, unknown]>([
    ['nothing', null],
    ['a text', 'x'],
    ['another name', { timeout: 5 }],
    ['a controller', { signal: new AbortController() }],
    ['what looks like a signal', { signal: lookalike }],
    ['what inherits from all signals', { signal: Object.create(AbortSignal.prototype) as unknown }],
    ['a listener that is no function', { onProgress: {} }],
    [
      'a member that throws',
      {
        get signal(): never {
          throw new Error(canary)
        },
      },
    ],
  ])('%s is refused, and nothing is asked', async (_, options) => {
    await using world = await worldWith(provider(() => done))
    const answer = world.kernel.submit(act, options as SubmitOptions)
    await expect(answer).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
    await expect(answer).rejects.not.toThrow(canary)
    expect(await world.attempts()).toHaveLength(0)
  })

  test('a signal that pretends is asked for what it is', async () => {
    await using world = await worldWith(provider(() => done))
    const { signal } = new AbortController()
    const broken = (): never => {
      throw new Error(canary)
    }
    Object.defineProperties(signal, { aborted: { get: broken }, addEventListener: { value: broken } })
    expect(await world.kernel.submit(act, { signal })).toMatchObject({ status: 'ok' })
    expect(await world.kernel.submit(act, {})).toMatchObject({ status: 'ok' })
    expect(await world.attempts()).toHaveLength(2)
  })
})
