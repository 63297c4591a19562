import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject } from '../../src/base/json.ts'
import { snapshot } from '../../src/base/snapshot.ts'
import { protect } from '../../src/effects/protection.ts'
import { functions, NoEffect, UncertainEffect, type Answer, type Provider } from '../../src/effects/providers/index.ts'
import { guards } from '../guards.ts'
import { noContents } from './a-host.ts'

const secret = 'sk-live-51c9'

async function act(provider: Provider, action: string, params: JsonObject = {}, signal?: AbortSignal): Promise<Answer> {
  const definition = provider.actions[action]
  if (definition === undefined) throw new Error(`no action ${action}`)
  return await definition.perform({
    action,
    resource: definition.defaultResource ?? '',
    params: deepFreeze(snapshot(params, '') as JsonObject),
    mounts: undefined,
    protection: protect([]),
    signal: signal ?? new AbortController().signal,
    network: 'public',
    judge: () => ({ network: 'public' }),
    contents: noContents,
    report: () => undefined,
  })
}

function deepFreeze(params: JsonObject): JsonObject {
  for (const member of Object.values(params)) if (typeof member === 'object' && member !== null) Object.freeze(member)
  return Object.freeze(params)
}

describe('a plain function', () => {
  test('is an action that may change the world, and its result is passed on', async () => {
    const provider = functions({
      search: async ({ query }: { query: string }) => [query, 1],
      nothing: () => undefined,
    })
    expect(Object.keys(provider.actions)).toEqual(['fn.search', 'fn.nothing'])
    expect(provider.actions['fn.search']).toMatchObject({ kind: 'mutate', defaultResource: 'search' })
    expect(await act(provider, 'fn.search', { query: 'x' })).toEqual({ effect: 'done', result: ['x', 1] })
    expect(await act(provider, 'fn.nothing')).toEqual({ effect: 'done' })
  })

  test('gets params of its own, not the decided request', async () => {
    const provider = functions({
      spoil: (params: { list: number[] }) => {
        params.list.push(4)
        return Object.getPrototypeOf(params) === Object.prototype ? params.list : 'no ordinary object'
      },
    })
    const params = { list: [1, 2, 3] }
    expect(await act(provider, 'fn.spoil', params)).toEqual({ effect: 'done', result: [1, 2, 3, 4] })
    expect(params.list).toEqual([1, 2, 3])
  })

  test('a param named `__proto__` stays a param and reaches no prototype', async () => {
    const provider = functions({ look: (params: JsonObject) => [Object.keys(params), 'admin' in params] })
    expect(await act(provider, 'fn.look', JSON.parse('{"__proto__": {"admin": true}}') as JsonObject)).toEqual({
      effect: 'done',
      result: [['__proto__'], false],
    })
  })

  test('is told signal, resource and action', async () => {
    const provider = functions({
      tell: (_: object, { signal, resource, action }) => [signal.aborted, resource, action],
    })
    expect(await act(provider, 'fn.tell')).toEqual({ effect: 'done', result: [false, 'tell', 'fn.tell'] })
  })

  test('is not begun when it is cancelled already', async () => {
    let calls = 0
    const provider = functions({ count: () => ++calls })
    expect(await act(provider, 'fn.count', {}, AbortSignal.abort())).toMatchObject({
      effect: 'none',
      error: { code: 'cancelled' },
    })
    expect(calls).toBe(0)
  })
})

describe('what a function throws', () => {
  test.each([
    ['an error', new Error(`cannot connect with ${secret}`)],
    ['a text', secret],
    ['nothing', undefined],
    ['an object that looks like an answer', { effect: 'none', failure: { code: secret, message: secret } }],
  ])('%s makes no claim about the effect and does not come through', async (_, thrown) => {
    const provider = functions({ fail: () => Promise.reject(thrown as Error) })
    const answer = await act(provider, 'fn.fail')
    expect(answer).toEqual({
      failed: {
        code: 'function_failed',
        message: expect.stringContaining('`fn.fail` threw') as string,
        retryable: false,
      },
    })
    expect(JSON.stringify(answer)).not.toContain(secret)
  })

  test('`NoEffect` and `UncertainEffect` say what they know', async () => {
    const provider = functions({
      none: () => {
        throw new NoEffect('no_customer', 'there is no such customer', { retryable: true })
      },
      unsure: async () => {
        throw new UncertainEffect('connection_lost', 'the bank did not answer')
      },
    })
    expect(await act(provider, 'fn.none')).toEqual({
      effect: 'none',
      error: { code: 'no_customer', message: 'there is no such customer', retryable: true },
    })
    expect(await act(provider, 'fn.unsure')).toEqual({
      effect: 'uncertain',
      error: { code: 'connection_lost', message: 'the bank did not answer', retryable: false },
    })
  })
})

describe('a schema', () => {
  guards('GATE-05')

  const provider = functions({
    pay: {
      params: z.strictObject({ to: z.string(), cents: z.int().positive(), note: z.string().default('none') }),
      run: ({ to, cents, note }) => `${to}:${cents}:${note}`,
      timeoutMs: 50,
      resource: 'bank',
    },
    look: { kind: 'observe', run: () => 1 },
  })
  const check = (params: JsonObject): string | undefined => provider.actions['fn.pay']?.checkParams?.(params)

  test('types and completes the params; kind, time and resource are as declared', async () => {
    expect(check({ to: 'eve', cents: 5 })).toBeUndefined()
    expect(await act(provider, 'fn.pay', { to: 'eve', cents: 5 })).toEqual({ effect: 'done', result: 'eve:5:none' })
    expect(provider.actions['fn.pay']).toMatchObject({ kind: 'mutate', timeoutMs: 50, defaultResource: 'bank' })
    expect(provider.actions['fn.look']).toMatchObject({ kind: 'observe', defaultResource: 'look' })
    expect(functions({ a: () => 1 }, { timeoutMs: 7 }).actions['fn.a']).toMatchObject({ timeoutMs: 7 })
  })

  test.each([
    [{ to: 'eve', cents: '5' }, '`cents`'],
    [{ to: 'eve', cents: true }, '`cents`'],
    [{ to: 'eve' }, '`cents`'],
    [{ to: null, cents: -1 }, '`to`, `cents`'],
    [{ to: 'eve', cents: 5, [secret]: secret }, 'the params'],
  ])('refuses %j, names the place and no value', async (params, place) => {
    expect(check(params)).toBe(`${place} must fit the schema of \`fn.pay\``)
    expect(await act(provider, 'fn.pay', params)).toMatchObject({ effect: 'none', error: { code: 'invalid_params' } })
  })

  test('a place deep inside is spelled out, unless its name is the caller’s own', () => {
    const deep = functions({
      f: {
        params: z.object({ items: z.array(z.object({ id: z.int() })), map: z.record(z.string(), z.int()) }),
        run: () => 1,
      },
    })
    const problem = (params: JsonObject): string | undefined => deep.actions['fn.f']?.checkParams?.(params)
    expect(problem({ items: [{ id: 1 }, { id: 'x' }], map: {} })).toContain('`items[1].id`')
    expect(problem({ items: [], map: { 'a\u001b[31m': 'x' } })).toContain('a part of `map`')
  })

  test('that is asynchronous, throws or rejects is a problem, never a pass', async () => {
    const odd = (validate: () => never): Provider =>
      functions({ f: { params: { '~standard': { version: 1, vendor: 'test', validate } }, run: () => 1 } })
    for (const validate of [
      () => Promise.resolve({ value: {} }) as never,
      () => Promise.reject(new Error(secret)) as never,
      () => {
        throw new Error(secret)
      },
    ]) {
      expect(odd(validate).actions['fn.f']?.checkParams?.({})).toMatch(
        /schema of `fn\.f` (?:could not|checks asynchronously)/,
      )
      expect(await act(odd(validate), 'fn.f')).toMatchObject({ effect: 'none' })
    }
  })
})

describe('the resource of a function', () => {
  guards('GATE-01')

  const { readResource } = functions({ f: () => 1 }).actions['fn.f']!

  test.each(['search', 'user_data', 'orders/17', 'a b', 'größe', '...', '**'])('%j is a name', (name) => {
    expect(readResource(name)).toEqual({ canonical: name })
  })

  test('an absolute path has one spelling', () => {
    expect(readResource('/safe//x/../y/')).toEqual({ canonical: '/safe/y' })
    expect(readResource('/safe/../../x')).toHaveProperty('problem')
  })

  test.each(['', 'a/../b', '../x', 'a//b', './a', 'a/', 'a\0b', 'a\nb', '\u001b[31m', '\ud800', 'x'.repeat(5000)])(
    '%j means nothing',
    (raw) => {
      expect(readResource(raw)).toHaveProperty('problem')
    },
  )

  test('may be read by the function’s own rule', () => {
    const provider = functions({ f: { run: () => 1, readResource: (raw) => ({ canonical: raw.toLowerCase() }) } })
    expect(provider.actions['fn.f']?.readResource('ABC')).toEqual({ canonical: 'abc' })
  })
})

test.each(['', '1st', 'a b', 'a.', 'a/b', '../x', '__proto__', 'x'.repeat(200)])(
  '%j cannot be the name of a function',
  (name) => {
    const table = JSON.parse(`{${JSON.stringify(name)}: {}}`) as Record<string, { run: () => number }>
    expect(() => functions(table)).toThrow(expect.objectContaining({ code: 'PROVIDER_INVALID' }))
  },
)

test('an entry without a function is refused', () => {
  expect(() => functions({ f: {} as { run: () => number } })).toThrow('has no function `run`')
})
