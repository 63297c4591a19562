import { describe, expect, test } from 'vitest'
import { functions } from 'kestrel-kernel/providers'
import type { ActionDefinition, Provider } from 'kestrel-kernel/providers'
import { guards } from '../guards.ts'
import { aWorld, canary, type World } from '../world.ts'

const anyResource = (raw: string): { canonical: string } => ({ canonical: raw })

function provider(perform: ActionDefinition['perform'], more: Partial<ActionDefinition> = {}): Provider {
  return { name: 'test', actions: { 'test.act': { kind: 'mutate', readResource: anyResource, perform, ...more } } }
}

function worldWith(...providers: Provider[]): Promise<World> {
  return aWorld({ policy: { allow: [{ action: '**', resource: '**' }] }, kernel: { providers } })
}

const never = new Promise<never>(() => undefined)

describe('an attempt ends in exactly one entry', () => {
  guards('GATE-09')

  const misdeeds: [string, ActionDefinition['perform']][] = [
    [
      'throws an Error',
      () => {
        throw new Error(canary)
      },
    ],
    [
      'throws a non-Error',
      () => {
        throw canary as unknown
      },
    ],
    [
      'throws undefined',
      () => {
        throw undefined as unknown
      },
    ],
    ['rejects', () => Promise.reject(new Error(canary))],
    ['rejects with null', () => Promise.reject(null)],
    ['hangs', () => never],
    ['answers nothing', () => undefined as never],
    ['answers a string', () => 'done' as never],
    ['claims an effect that does not exist', () => ({ effect: 'maybe' }) as never],
    ['fails without an error', () => ({ effect: 'none' }) as never],
    ['fails with a malformed error', () => ({ effect: 'none', error: { code: 'BAD CODE', message: 1 } }) as never],
    ['refuses for a reason that does not exist', () => ({ refused: 'because', message: 'x' }) as never],
    [
      'has a getter that throws',
      () => ({
        get effect(): never {
          throw new Error(canary)
        },
      }),
    ],
    ['answers with a thenable that never settles', () => ({ then: () => undefined }) as never],
    [
      'answers with a thenable that throws',
      () =>
        ({
          then() {
            throw new Error(canary)
          },
        }) as never,
    ],
  ]

  test.each(misdeeds)('a mutation whose provider %s is unknown', async (_, perform) => {
    await using world = await worldWith(provider(perform, { timeoutMs: 30 }))
    const outcome = await world.submit('test.act', 'x')
    expect(outcome.status).toBe('unknown')
    expect(JSON.stringify(outcome)).not.toContain(canary)
    const attempts = await world.attempts()
    expect(attempts).toHaveLength(1)
    expect(attempts[0]).toMatchObject({
      seq: outcome.seq,
      outcome: { status: 'unknown', effect: 'uncertain', error: outcome.error?.code },
    })
    expect(JSON.stringify(attempts)).not.toContain(canary)
  })

  test.each(misdeeds)('an observation whose provider %s is failed', async (_, perform) => {
    await using world = await worldWith(provider(perform, { kind: 'observe', timeoutMs: 30 }))
    expect((await world.submit('test.act', 'x')).status).toBe('failed')
    expect(await world.attempts()).toHaveLength(1)
  })

  test.each<[string, unknown]>([
    ['a map', new Map()],
    [
      'a cycle',
      (() => {
        const a: Record<string, unknown> = {}
        a['a'] = a
        return a
      })(),
    ],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['a function', () => 1],
    ['a lone surrogate', '\ud800'],
    [
      'a getter that throws',
      {
        get x(): never {
          throw new Error(canary)
        },
      },
    ],
  ])('a mutation that returns %s happened, and its entry says so', async (_, result) => {
    await using world = await worldWith(provider(() => ({ effect: 'done', result: result as never })))
    const outcome = await world.submit('test.act', 'x')
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'invalid_result' } })
    expect(await world.attempts()).toMatchObject([
      { outcome: { status: 'failed', effect: 'done', error: 'invalid_result' } },
    ])
  })

  test('a definition that throws while it reads the request refuses it', async () => {
    const broken = provider(() => ({ effect: 'done' }), {
      readResource: () => {
        throw new Error(canary)
      },
    })
    await using world = await worldWith(broken)
    expect(await world.submit('test.act', 'x')).toMatchObject({ status: 'denied', reason: { code: 'internal_error' } })
    expect(await world.attempts()).toHaveLength(1)
  })

  test('a provider that looks at its signal after its time was up finds it aborted', async () => {
    const seen: boolean[] = []
    const late = provider(
      async (call) => {
        await new Promise((resolve) => setTimeout(resolve, 60))
        seen.push(call.signal.aborted)
        return { effect: 'done' }
      },
      { timeoutMs: 20 },
    )
    await using world = await worldWith(late)
    expect(await world.submit('test.act', 'x')).toMatchObject({ status: 'unknown', error: { code: 'timeout' } })
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect(seen).toEqual([true])
    expect(await world.attempts()).toHaveLength(1)
  })

  test('closing ends what still runs, each with its entry', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const hanging = provider(() => {
      begin()
      return never
    })
    await using world = await worldWith(hanging, functions({ slow: { run: () => never, kind: 'observe' } }))
    const mutation = world.submit('test.act', 'x')
    const observation = world.submit('fn.slow', 'slow')
    await begun
    await world.kernel.close()
    expect(await mutation).toMatchObject({ status: 'unknown', error: { code: 'interrupted' } })
    expect(await observation).toMatchObject({ status: 'failed', error: { code: 'interrupted' } })
    expect(await world.attempts()).toHaveLength(2)
    await expect(world.submit('fn.slow', 'slow')).rejects.toMatchObject({ code: 'KERNEL_CLOSED' })
  })

  test('closing before a provider has begun begins nothing', async () => {
    let calls = 0
    const counting = provider(() => {
      calls += 1
      return never
    })
    await using world = await worldWith(counting)
    const outcome = world.submit('test.act', 'x')
    await world.kernel.close()
    expect(await outcome).toMatchObject({ status: 'failed', error: { code: 'interrupted' } })
    expect(calls).toBe(0)
    expect(await world.attempts()).toMatchObject([{ outcome: { status: 'failed', effect: 'none' } }])
  })

  test('a function that throws has failed, one that is not sure is unknown', async () => {
    const { UncertainEffect } = await import('kestrel-kernel/providers')
    await using world = await worldWith(
      functions({
        boom: () => {
          throw new Error(canary)
        },
        unsure: () => {
          throw new UncertainEffect('no_reply', 'the other side did not answer')
        },
        fine: (params) => ({ echoed: params }),
      }),
    )
    expect(await world.submit('fn.boom', 'boom')).toMatchObject({ status: 'failed' })
    expect(await world.submit('fn.unsure', 'unsure')).toMatchObject({ status: 'unknown' })
    expect(await world.submit('fn.fine', 'fine', { a: 1 })).toMatchObject({
      status: 'ok',
      result: { echoed: { a: 1 } },
    })
    const attempts = await world.attempts()
    expect(attempts.map((entry) => entry.outcome?.status)).toEqual(['failed', 'unknown', 'ok'])
    expect(JSON.stringify(attempts)).not.toContain(canary)
  })

  test('a thousand submits at once are a thousand entries', async () => {
    guards('LED-07')
    await using world = await worldWith(provider(() => ({ effect: 'done' }), { kind: 'observe' }))
    const submits = Array.from({ length: 20 }, (_, writer) => world.as(`writer-${writer}`)).flatMap((agent) =>
      Array.from({ length: 50 }, () => agent.submit({ action: 'test.act', resource: 'x' })),
    )
    const outcomes = await Promise.all(submits)
    expect(new Set(outcomes.map((outcome) => outcome.seq)).size).toBe(1000)
    expect(await world.attempts()).toHaveLength(1000)
  })
})
