import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aWorld, canary } from '../world.ts'

const fine = { action: 'fs.read', resource: '/workspace/a.txt' }

describe('a request that is not one', () => {
  guards('GATE-04')

  test.each<[string, unknown]>([
    ['null', null],
    ['a number', 7],
    ['a list', [fine]],
    ['an empty object', {}],
    ['no resource', { action: 'fs.read' }],
    ['a null resource', { ...fine, resource: null }],
    ['a number as action', { ...fine, action: 1 }],
    ['an action with a space', { ...fine, action: 'fs.read x' }],
    ['params that are a list', { ...fine, params: [] }],
    ['an unknown field', { ...fine, principal: 'root' }],
    ['roles in the body', { ...fine, roles: ['admin'] }],
    ['a string as dryRun', { ...fine, dryRun: 'yes' }],
    ['an empty key', { ...fine, idempotencyKey: '' }],
    ['an unknown param', { ...fine, params: { colour: 'red' } }],
    ['a mistyped param', { ...fine, params: { limit: '10' } }],
    ['NaN in params', { ...fine, params: { limit: Number.NaN } }],
    ['a function in params', { ...fine, params: { encoding: () => 'utf8' } }],
    [
      'a class instance',
      {
        ...fine,
        params: new (class Custom {
          limit = 1
        })(),
      },
    ],
    ['text that is not JSON', '{action: fs.read}'],
    ['JSON with a duplicate key', '{"action":"fs.read","action":"fs.write","resource":"/workspace/a.txt"}'],
    [
      'JSON with an unsafe integer',
      '{"action":"fs.read","resource":"/workspace/a.txt","params":{"limit":9007199254740993}}',
    ],
    ['JSON with a lone surrogate', '{"action":"fs.read","resource":"/workspace/\\ud800"}'],
    ['a resource with a NUL', { ...fine, resource: '/workspace/a\0.txt' }],
    [
      'a getter that throws',
      {
        get action(): string {
          throw new Error(canary)
        },
      },
    ],
  ])('%s is invalid: one entry, no effect, a reason', async (_, request) => {
    await using world = await aWorld({ files: { 'a.txt': 'a' } })
    const outcome = await world.kernel.submit(request as never)
    expect(outcome).toMatchObject({ status: 'invalid', reason: { code: 'invalid_request' } })
    expect(JSON.stringify(outcome)).not.toContain(canary)
    expect(await world.attempts()).toMatchObject([{ seq: outcome.seq, outcome: { status: 'invalid' } }])
  })

  test('params of more than 64 KiB are refused with what to do, and nothing is lost', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'old' } })
    const big = await world.submit('fs.write', '/workspace/a.txt', { content: 'x'.repeat(65_536) })
    expect(big).toMatchObject({ status: 'invalid', reason: { message: expect.stringContaining('smaller parts') } })
    expect(world.read('a.txt')).toBe('old')
    const fits = await world.submit('fs.write', '/workspace/a.txt', { content: 'x'.repeat(65_000) })
    expect(fits.status).toBe('ok')
  })

  test('an action that no provider has is refused as unknown', async () => {
    await using world = await aWorld({ policy: { allow: [{ action: '**', resource: '**' }] } })
    expect(await world.submit('db.drop', 'users')).toMatchObject({
      status: 'denied',
      reason: { code: 'unknown_action' },
    })
    const leaky = await world.submit('http.get', `https://user:${canary}@example.com/x?token=${canary}#${canary}`)
    expect(leaky.resource).toBe('https://example.com/x')
    expect(JSON.stringify(await world.attempts())).not.toContain(canary)
  })
})

describe('what the caller keeps in hand', () => {
  test('a getter cannot show the decision one file and the effect another', async () => {
    await using world = await aWorld({
      files: { 'a.txt': 'public', 'b.txt': canary },
      policy: { allow: [{ action: 'fs.read', resource: '/workspace/a.txt' }] },
    })
    let asked = 0
    const shifty = {
      action: 'fs.read',
      get resource() {
        return asked++ === 0 ? '/workspace/a.txt' : '/workspace/b.txt'
      },
    }
    const outcome = await world.kernel.submit(shifty)
    expect(outcome).toMatchObject({ status: 'ok', resource: '/workspace/a.txt', result: { content: 'public' } })
    expect(asked).toBe(1)
  })

  test('params that change after submit change nothing', async () => {
    await using world = await aWorld()
    const params = { content: 'asked for' }
    const outcome = world.kernel.submit({ action: 'fs.write', resource: '/workspace/a.txt', params })
    params.content = 'slipped in'
    expect((await outcome).status).toBe('ok')
    expect(world.read('a.txt')).toBe('asked for')
  })

  test('a handle gives no way to the kernel and takes no other principal', async () => {
    await using world = await aWorld({
      policy: { allow: [{ action: 'fs.list', resource: '/workspace', who: ['role:admin'] }] },
    })
    const agent = world.as('bob', 'analyst')
    expect(Object.keys(agent)).toEqual(['submit'])
    expect(Object.isFrozen(agent)).toBe(true)
    const forged = agent.submit.call(
      { principal: { id: 'root', roles: ['admin'] } },
      { action: 'fs.list', resource: '/workspace' },
    )
    expect(await forged).toMatchObject({ status: 'denied', reason: { code: 'role_missing' } })
    expect(() => world.as('two words')).toThrowError(/principal/)
    expect(await world.attempts()).toMatchObject([{ principal: 'bob', agent: 'local' }])
  })
})
