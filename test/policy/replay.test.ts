import { describe, expect, test } from 'vitest'
import { Replay, type PastRequest } from '../../src/authority/policy/index.ts'
import type { JsonObject } from '../../src/base/json.ts'
import { policy } from './asking.ts'

const permitted = { effect: 'permit', reason: 'permitted', rules: ['allow[0]'] } as const
const refused = { effect: 'forbid', reason: 'no_matching_rule', rules: [] } as const

function past(request: Partial<PastRequest>): PastRequest {
  return {
    seq: 7,
    action: 'fs.read',
    resources: ['/w/a'],
    principal: 'local',
    agent: 'local',
    timeMs: 0,
    was: permitted,
    policyDigest: undefined,
    hasParams: false,
    ...request,
  }
}

function judged(body: string, request: Partial<PastRequest>, params?: JsonObject): string {
  const judgement = new Replay(policy(body)).judge(past(request), params)
  if (judgement.is === 'changed') return `${judgement.now.effect} ${judgement.now.reason} ${judgement.now.rules.join()}`
  return judgement.is === 'undecided' ? `needs ${judgement.needs}` : judgement.is
}

const allow = (rule: string): string => `allow: [{ action: "*", resource: /w/**${rule} }]`

describe('a decision of the past under another policy', () => {
  test.each([
    ['the same', allow(''), {}, 'same'],
    ['now refused', 'allow: []', {}, 'forbid no_matching_rule '],
    ['now denied', `${allow('')}\ndeny: [{ action: fs.read, resource: /w/a }]`, {}, 'forbid denied_by_rule deny[0]'],
    ['now permitted', allow(''), { was: refused }, 'permit permitted allow[0]'],
    ['refused before and now', 'allow: []', { was: refused }, 'same'],
    ['on two resources', allow(''), { action: 'fs.move', resources: ['/w/a', '/v/b'] }, 'forbid no_matching_rule '],
    [
      'refused by a provider',
      allow(''),
      { was: { effect: 'forbid', reason: 'outside_mount', rules: ['allow[0]'] } },
      'not_by_policy',
    ],
    [
      'refused by a redirect',
      allow(''),
      { was: { effect: 'forbid', reason: 'denied_by_rule', rules: ['allow[0]'] } },
      'not_by_policy',
    ],
    ['refused for a role, of one without any', allow(', who: [role:x]'), {}, 'forbid role_missing allow[0]'],
    ['for another id', allow(', who: [principal:bob]'), {}, 'forbid role_missing allow[0]'],
  ] as const)('%s', (_, body, request, expected) => {
    expect(judged(body, request)).toBe(expected)
  })

  test.each([
    ['an allow rule looks at them', allow(', constraint: { m: 1 }'), 'needs params'],
    ['a condition looks at them', allow(', when: "params.m == 1"'), 'needs params'],
    ['a condition looks elsewhere', allow(', when: \'resource == "/w/a"\''), 'same'],
    [
      'another rule allows it anyway',
      'allow: [{ action: "*", resource: /w/**, constraint: { m: 1 } }, { action: "*", resource: /w/a }]',
      'same',
    ],
    [
      'a deny rule looks at them',
      `${allow('')}\ndeny: [{ action: "*", resource: /w/a, constraint: { m: 1 } }]`,
      'needs params',
    ],
    [
      'a deny rule forbids it anyway',
      `${allow(', constraint: { m: 1 }')}\ndeny: [{ action: "*", resource: /w/a }]`,
      'forbid denied_by_rule deny[0]',
    ],
    [
      'an allow and a deny rule look at them',
      `${allow(', constraint: { m: 1 }')}\ndeny: [{ action: "*", resource: /w/a, constraint: { m: 2 } }]`,
      'needs params',
    ],
    [
      'no rule allows it anyway',
      'allow: [{ action: "*", resource: /v/**, constraint: { m: 1 } }]',
      'forbid no_matching_rule ',
    ],
  ])('without its params, where %s', (_, body, expected) => {
    expect(judged(body, { hasParams: true })).toBe(expected)
  })

  test('with its params', () => {
    expect(judged(allow(', constraint: { m: 1 }'), { hasParams: true }, { m: 1 })).toBe('same')
    expect(judged(allow(', constraint: { m: 1 }'), { hasParams: true }, { m: 2 })).toBe(
      'forbid constraint_mismatch allow[0]',
    )
  })

  test('hangs on roles that nobody knows, unless they are said', () => {
    const body = allow(', who: [role:x]')
    expect(judged(body, { principal: 'ann' })).toBe('needs roles')
    expect(judged(`${allow('')}\naccess: [{ resource: /w/a, roles: [x] }]`, { principal: 'ann' })).toBe('needs roles')
    expect(judged(`${allow('')}\ndeny: [{ action: "*", resource: /w/a, who: [role:x] }]`, { principal: 'ann' })).toBe(
      'needs roles',
    )
    expect(judged(allow(', who: [role:x, principal:ann]'), { principal: 'ann' })).toBe('same')
    const roles = (...names: readonly string[]): string =>
      new Replay(policy(body), { roles: new Map([['ann', names]]) }).judge(past({ principal: 'ann' }), {}).is
    expect([roles('x', 'y'), roles('y'), roles()]).toEqual(['same', 'changed', 'changed'])
  })

  test('under the policy that decided it is what it was, with the roles that this proves', () => {
    const before = policy(`${allow(', who: [role:x]')}\naccess: [{ resource: /w/b, roles: [y] }]`)
    const policyDigest = before.digest
    const same = new Replay(before, { before })
    for (const request of [
      past({ principal: 'ann', policyDigest }),
      past({ principal: 'ann', policyDigest, resources: ['/w/b'] }),
      past({ principal: 'bob', policyDigest, was: { effect: 'forbid', reason: 'role_missing', rules: ['allow[0]'] } }),
    ]) {
      expect(same.judge(request, {}).is).toBe('same')
    }
    const now = new Replay(policy(allow(', who: [role:z]')), { before })
    expect(now.judge(past({ principal: 'ann', policyDigest }), {}).is).toBe('changed')
  })

  test('hangs on the query of a URL only where that could make it what it was', () => {
    const url = { action: 'net.http', resources: ['https://a.example/x'] }
    expect(judged('allow: [{ action: net.http, resource: https://a.example/x }]', url)).toBe('same')
    expect(judged('allow: [{ action: net.http, resource: "https://a.example/x\\\\?y=1" }]', url)).toBe('needs query')
    expect(judged('allow: [{ action: net.http, resource: https://a.example/y }]', url)).toBe('forbid no_matching_rule ')
    expect(judged('allow: [{ action: net.http, resource: https://a.example/x }]', { ...url, was: refused })).toBe(
      'needs query',
    )
  })
})
