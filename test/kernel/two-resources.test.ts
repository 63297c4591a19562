import { describe, expect, test } from 'vitest'
import type { Provider, ResourceReading } from 'kestrel-kernel/providers'
import { guards } from '../guards.ts'
import { aWorld, type World } from '../world.ts'

/** `move.file` from its resource to the path in `to`, without a world to move in. */
function mover(moved: string[]): Provider {
  const read = (raw: string): ResourceReading =>
    raw.startsWith('/') ? { canonical: new URL(raw, 'file:///').pathname } : { problem: 'not absolute' }
  return {
    name: 'mover',
    actions: {
      'move.file': {
        kind: 'mutate',
        readResource: read,
        otherResources: (params) => [read(params['to'] as string)],
        perform: ({ resource, params }) => {
          moved.push(`${resource} ${params['to'] as string}`)
          return { effect: 'done' }
        },
      },
    },
  }
}

async function aMove(
  policy: object,
  from: string,
  to: string,
): Promise<{ world: World; moved: string[]; outcome: unknown }> {
  const moved: string[] = []
  const world = await aWorld({ policy, kernel: { providers: [mover(moved)] } })
  const outcome = await world.submit('move.file', from, { to })
  return { world, moved, outcome }
}

describe('an action with two resources', () => {
  guards('GATE-15')

  const policy = {
    allow: [{ action: 'move.*', resource: '/w/**' }],
    deny: [{ action: '**', resource: '**/.env' }],
    access: [{ resource: '/w/people/**', roles: ['admin'] }],
  }

  test.each([
    ['its first is forbidden', '/w/.env', '/w/x.txt', 'denied_by_rule'],
    ['its second is forbidden', '/w/x.txt', '/w/.env', 'denied_by_rule'],
    ['its second is forbidden in another spelling', '/w/x.txt', '/w/a/../.env', 'denied_by_rule'],
    ['its first is not allowed', '/elsewhere/x', '/w/x.txt', 'no_matching_rule'],
    ['its second is not allowed', '/w/x.txt', '/elsewhere/x', 'no_matching_rule'],
    ['its second asks for a role', '/w/x.txt', '/w/people/x', 'role_missing'],
  ])('is refused where %s', async (_, from, to, code) => {
    const { world, moved, outcome } = await aMove(policy, from, to)
    await using _world = world
    expect(outcome).toMatchObject({ status: 'denied', reason: { code } })
    expect(moved).toEqual([])
    expect(await world.attempts()).toMatchObject([{ outcome: { status: 'denied' }, decision: { reason: code } }])
  })

  test('is invalid where its second has no meaning', async () => {
    const { world, moved, outcome } = await aMove(policy, '/w/x.txt', 'x')
    await using _world = world
    expect(outcome).toMatchObject({ status: 'invalid' })
    expect(moved).toEqual([])
  })

  test('is carried out where both are allowed, and its entry names both', async () => {
    const { world, moved, outcome } = await aMove(policy, '/w/a', '/w/b')
    await using _world = world
    expect(outcome).toMatchObject({ status: 'ok' })
    expect(moved).toEqual(['/w/a /w/b'])
    expect(await world.attempts()).toMatchObject([{ resource: '/w/a', resources: ['/w/a', '/w/b'] }])
  })

  test.each([
    ['first', '/w/patients/17', '/w/public/long/17'],
    ['second', '/w/public/long/17', '/w/patients/17'],
  ])('is refused where retention governs the class of its %s only', async (_, from, to) => {
    const classed = {
      allow: policy.allow,
      classify: [
        { resource: '/w/patients/**', class: 'sensitive' },
        { resource: '/w/public/long/**', class: 'public' },
      ],
      retention: [{ type: 'sensitive', duration: '30d' }],
    }
    const { world, moved, outcome } = await aMove(classed, from, to)
    await using _world = world
    expect(outcome).toMatchObject({ status: 'denied', reason: { code: 'not_enforced_yet' } })
    expect(moved).toEqual([])
  })
})

describe('an entry', () => {
  guards('LED-09')

  test('holds no credentials of a URL that a provider takes as it is', async () => {
    const secret = 'hunter2'
    const fetcher: Provider = {
      name: 'fetcher',
      actions: {
        'web.copy': {
          kind: 'observe',
          readResource: (raw) => ({ canonical: raw }),
          otherResources: (params) => [{ canonical: params['to'] as string }],
          perform: () => ({ effect: 'done' }),
        },
      },
    }
    const url = `https://me:${secret}@example.com/a?token=${secret}#${secret}`
    await using world = await aWorld({
      policy: { allow: [{ action: '**', resource: '**' }] },
      kernel: { providers: [fetcher] },
    })
    expect(await world.submit('web.copy', url, { to: url })).toMatchObject({ status: 'ok' })
    const attempts = await world.attempts()
    expect(attempts).toMatchObject([{ resource: 'https://example.com/a' }])
    expect(JSON.stringify(attempts)).not.toContain(secret)
  })
})
