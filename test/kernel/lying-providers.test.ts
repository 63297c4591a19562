import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
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

/** An answer whose member says something else each time it is read. */
function changing(name: string, values: readonly unknown[], rest: object = {}): never {
  let reads = 0
  const get = (): unknown => values[Math.min(reads++, values.length - 1)]
  return Object.defineProperty({ ...rest }, name, { get, enumerable: true }) as never
}

/** Two to the fiftieth values out of fifty objects. */
function doubling(): unknown {
  let value: unknown = 1
  for (let i = 0; i < 50; i++) value = { a: value, b: value }
  return value
}

describe('an answer that is read twice cannot say two things', () => {
  guards('GATE-09')

  const failure = { code: 'failed', message: 'failed', retryable: false }

  test.each<[string, () => never]>([
    ['an effect that changes', () => changing('effect', ['done', 'maybe'], { result: 1 })],
    ['a claim that turns into nonsense', () => changing('effect', ['none', 'none', 'maybe'], { error: failure })],
    ['an effect that turns from none into done', () => changing('effect', ['x', 'none', 'done'], { error: failure })],
    ['a result that turns up', () => changing('result', [undefined, 1n], { effect: 'done' })],
    [
      'a result that throws later',
      () => {
        let reads = 0
        return {
          effect: 'done',
          get result(): unknown {
            if (reads++ > 0) throw new Error(canary)
            return 1
          },
        } as never
      },
    ],
    [
      'a proxy that throws when it is searched',
      () =>
        new Proxy(
          { effect: 'done', result: 1 },
          {
            has() {
              throw new Error(canary)
            },
          },
        ) as never,
    ],
    ['a result of 2^50 values', () => ({ effect: 'done', result: doubling() }) as never],
    ['the longest text there can be', () => ({ effect: 'done', result: 'x'.repeat(536_870_888) }) as never],
  ])('%s', async (_, answer) => {
    await using world = await worldWith(provider(() => answer()))
    const outcome = await world.submit('test.act', 'x')
    const attempts = await world.attempts()
    expect(attempts).toHaveLength(1)
    expect(attempts[0]).toMatchObject({ seq: outcome.seq, outcome: { status: outcome.status } })
    expect(JSON.stringify([attempts, outcome])).not.toContain(canary)
  })
})

describe('a request of more values than fit', () => {
  guards('GATE-09')

  test('that are few objects often is invalid, at once', async () => {
    await using world = await worldWith(provider(() => ({ effect: 'done' })))
    const outcome = await world.submit('test.act', 'x', { deep: doubling() } as object)
    expect(outcome).toMatchObject({ status: 'invalid' })
    expect(await world.attempts()).toHaveLength(1)
  })

  test('that is the longest text there can be is invalid', async () => {
    await using world = await worldWith(provider(() => ({ effect: 'done' })))
    const outcome = await world.submit('test.act', 'x', { long: 'x'.repeat(536_870_888) })
    expect(outcome).toMatchObject({ status: 'invalid' })
    expect(await world.attempts()).toHaveLength(1)
  })
})

describe('a dry run of a provider that', () => {
  guards('TOK-12')

  test('never foresees ends when its time is up', async () => {
    await using world = await worldWith(provider(() => ({ effect: 'done' }), { foresee: () => never, timeoutMs: 20 }))
    const outcome = await world.kernel.submit({ action: 'test.act', resource: 'x', dryRun: true })
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'timeout' } })
    expect(await world.attempts()).toHaveLength(0)
  })

  test('never foresees ends when the kernel closes', async () => {
    await using world = await worldWith(provider(() => ({ effect: 'done' }), { foresee: () => never }))
    const outcome = world.kernel.submit({ action: 'test.act', resource: 'x', dryRun: true })
    await world.kernel.close()
    expect(await outcome).toMatchObject({ status: 'failed', error: { code: 'interrupted' } })
  })
})

describe('closing', () => {
  guards('GATE-09')

  test.each<[string, Provider['close'] & {}]>([
    [
      'throws',
      () => {
        throw new Error(canary)
      },
    ],
    ['rejects', () => Promise.reject(new Error(canary))],
  ])('lets go of the data directory though a provider %s', async (_, close) => {
    await using world = await worldWith({ ...provider(() => ({ effect: 'done' })), close })
    await world.submit('test.act', 'x')
    await world.kernel.close().catch(() => undefined)
    const kernel = await world.reopen({ providers: [] })
    await kernel.close()
    expect(await world.attempts()).toHaveLength(1)
  })

  test.each(['observe', 'mutate'] as const)('while a request to %s is being read waits for its entry', async (kind) => {
    let close = (): unknown => undefined
    const closer = provider(() => ({ effect: 'done' }), {
      kind,
      readResource: (raw) => {
        void close()
        return { canonical: raw }
      },
    })
    await using world = await worldWith(closer)
    close = () => world.kernel.close()
    const outcome = await world.submit('test.act', 'x')
    expect(outcome.seq).toBeGreaterThan(0)
    expect(await world.attempts()).toMatchObject([{ seq: outcome.seq, outcome: { status: outcome.status } }])
  })

  test('from inside a provider ends that provider too', async () => {
    let close = (): Promise<void> => Promise.resolve()
    await using world = await worldWith(
      provider(async () => {
        await close()
        return { effect: 'done' }
      }),
    )
    close = () => world.kernel.close()
    expect(await world.submit('test.act', 'x')).toMatchObject({ status: 'unknown', error: { code: 'interrupted' } })
    expect(await world.attempts()).toHaveLength(1)
  })
})

describe('a provider with impossible facts is refused at the start', () => {
  test.each<[string, unknown]>([
    ['a time that no timer can wait', provider(() => ({ effect: 'done' }), { timeoutMs: 2 ** 31 })],
    ['a tier that no entry can name', provider(() => ({ effect: 'done' }), { tier: 'moon' as never })],
    ['an action that is null', { name: 'test', actions: { 'test.act': null } }],
    ['actions that are null', { name: 'test', actions: null }],
  ])('%s', async (_, broken) => {
    await expect(worldWith(broken as Provider)).rejects.toMatchObject({ code: 'PROVIDER_INVALID' })
  })
})

describe('a submit inside a provider', () => {
  test('is an attempt of its own', async () => {
    let inner: Promise<unknown> = Promise.resolve()
    const outer: { world?: World } = {}
    await using world = await worldWith(
      provider(async () => {
        inner = (outer.world as World).submit('fn.inner', 'inner')
        await inner
        return { effect: 'done' }
      }),
      functions({ inner: () => 1 }),
    )
    outer.world = world
    expect(await world.submit('test.act', 'x')).toMatchObject({ status: 'ok' })
    expect(await inner).toMatchObject({ status: 'ok' })
    expect(await world.attempts()).toHaveLength(2)
  })
})

describe('an index that cannot be written', () => {
  guards('GATE-09')

  test('changes no answer, and no effect happens twice, also after a restart', async () => {
    let effects = 0
    await using world = await worldWith(provider(() => ({ effect: 'done', result: ++effects })))
    const index = new DatabaseSync(join(world.dataDir, 'state.db'))
    index.exec('BEGIN IMMEDIATE')
    const request = { action: 'test.act', resource: 'x', idempotencyKey: 'k' }
    const [first, joined] = await Promise.all([world.kernel.submit(request), world.kernel.submit(request)])
    expect(first).toMatchObject({ status: 'ok', result: 1 })
    expect(joined).toEqual(first)
    index.exec('ROLLBACK')
    index.close()
    await world.kernel.submit(request).catch(() => undefined)
    expect(effects).toBe(1)
    await world.reopen()
    expect(await world.kernel.submit(request)).toMatchObject({ status: 'ok', seq: first.seq, result: 1 })
    expect(effects).toBe(1)
    expect(await world.attempts()).toHaveLength(1)
  })
})

describe('a stored answer', () => {
  guards('GATE-12')

  test('is the first one, however deep its result is', async () => {
    let deepest: unknown = 1
    for (let i = 0; i < 64; i++) deepest = [deepest]
    await using world = await worldWith(provider(() => ({ effect: 'done', result: deepest as never })))
    const request = { action: 'test.act', resource: 'x', idempotencyKey: 'k' }
    const first = await world.kernel.submit(request)
    await world.reopen()
    const { durationMs: _, ...again } = await world.kernel.submit(request)
    const { durationMs: __, ...once } = first
    expect(again).toEqual(once)
  })
})

describe('a definition that names what no entry can hold', () => {
  guards('GATE-09')

  test.each<[string, Partial<ActionDefinition>]>([
    ['a resource of 70,000 bytes', { readResource: () => ({ canonical: 'x'.repeat(70_000) }) }],
    ['a resource with a lone surrogate', { readResource: () => ({ canonical: '\ud800' }) }],
    ['a display of 70,000 bytes', { readResource: () => ({ canonical: 'x', display: 'x'.repeat(70_000) }) }],
    ['a resource that is a number', { readResource: () => ({ canonical: 5 as never }) }],
    ['a problem that is no text', { readResource: () => ({ problem: { canary } as never }) }],
    ['a problem that is a promise', { checkParams: () => Promise.resolve(undefined) as never }],
    [
      'fifty thousand resources',
      { otherResources: () => Array.from({ length: 50_000 }, (_, i) => ({ canonical: `${i}` })) },
    ],
    [
      'two resources that escape to more than an entry',
      {
        readResource: () => ({ canonical: '\u0001'.repeat(4096) }),
        otherResources: () => [{ canonical: '\u0001'.repeat(4096) }],
      },
    ],
  ])('%s: the entry is there all the same', async (_, more) => {
    await using world = await worldWith(provider(() => ({ effect: 'done' }), more))
    const outcome = await world.submit('test.act', 'x')
    expect(['denied', 'invalid']).toContain(outcome.status)
    expect(typeof outcome.reason?.message).toBe('string')
    expect(await world.attempts()).toMatchObject([{ seq: outcome.seq, outcome: { status: outcome.status } }])
  })
})

describe('what a provider is handed', () => {
  test('cannot be changed, neither for this attempt nor for the next', async () => {
    const attempted = (change: () => void): undefined => {
      try {
        change()
      } catch {
        // frozen
      }
    }
    const meddling = provider((call) => {
      attempted(() => ((call.params as Record<string, unknown>)['list'] = 1n))
      attempted(() => (call.params['list'] as unknown[]).push(2))
      attempted(() => ((call as { resource: string }).resource = 'y'))
      ;(call.mounts as Map<string, string>).set('/host', '/')
      return { effect: 'done', result: [call.params, call.resource, call.mounts?.has('/host') ?? true] }
    })
    const checking = { checkParams: (params: object) => attempted(() => Object.assign(params, { more: 1n })) }
    await using world = await worldWith({
      name: 'test',
      actions: {
        'test.act': { ...(meddling.actions['test.act'] as ActionDefinition), ...checking } as ActionDefinition,
      },
    })
    for (let i = 0; i < 2; i++) {
      const outcome = await world.submit('test.act', 'x', { list: [1] })
      expect(outcome).toMatchObject({ status: 'ok', result: [{ list: [1] }, 'x', false] })
    }
    expect(await world.attempts()).toHaveLength(2)
  })
})

describe('a handle', () => {
  test.each<[string, unknown]>([
    ['nobody', null],
    ['roles in one text', { id: 'a', roles: 'admin' }],
    ['roles that only look like a list', { id: 'a', roles: { length: 1, 0: 'admin' } }],
    ['a role that is a number', { id: 'a', roles: [1] }],
  ])('is not made for %s', async (_, principal) => {
    await using world = await aWorld()
    expect(() => world.kernel.as(principal as never)).toThrowError(
      expect.objectContaining({ code: 'PRINCIPAL_INVALID' }) as Error,
    )
  })
})

test('the name of a param is not repeated as it is', async () => {
  await using world = await aWorld()
  const outcome = await world.submit('fs.read', '/workspace/a', { '\u001b[31m`secret word`\u202e': () => 1 })
  expect(outcome.reason?.message).toMatch(/^[ -~…]*$/)
  expect(outcome.reason?.message).not.toContain('secret word')
})
