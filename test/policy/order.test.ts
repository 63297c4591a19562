import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { policyFromObject, type CompiledPolicy, type Verdict } from '../../src/authority/policy/index.ts'
import { guards } from '../guards.ts'
import { ask, question } from './asking.ts'

interface AnyRule {
  readonly action: string
  readonly resource: string
  readonly [key: string]: unknown
}

const segment = fc.constantFrom('a', 'b', '.env', 'w')
const actions = ['fs.read', 'fs.write', 'fn.x']
const actionPattern = fc.constantFrom(...actions, 'fs.*', '*', '**', '*.x', 'f?.*')
const resource = fc.oneof(
  fc.array(segment, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join('/')}`),
  fc.array(segment, { minLength: 1, maxLength: 3 }).map((names) => names.join('/')),
)
const wild = fc.constantFrom('a', 'b', '.env', 'w', '*', '**', '?', '[ab]', '*v', '.*', 'a*')
const pattern = fc
  .tuple(fc.constantFrom('/', ''), fc.array(wild, { minLength: 1, maxLength: 4 }))
  .map(([start, names]) => start + names.join('/'))

const narrowing = {
  who: fc.constantFrom(['role:r'], ['principal:bob'], ['role:s', 'agent:a1']),
  constraint: fc.constantFrom({ m: 1 }, { m: 'GET' }),
  when: fc.constantFrom('params.n > 3', 'resource.endsWith("a")'),
}
const obligation = {
  approval: fc.constantFrom('required', 'review'),
  undo: fc.constantFrom('required', 'on', 'off'),
  cost: fc.dictionary(fc.constantFrom('api', 'disk', 'gpu'), fc.nat(9), { minKeys: 1 }),
  compensate: fc.constantFrom(
    { action: 'fs.delete', resource: '/w/a' },
    { action: 'fs.delete', resource: '${resource}' },
  ),
}
const head = { action: actionPattern, resource: pattern }
const allowRule: fc.Arbitrary<AnyRule> = fc.record(
  { ...head, ...narrowing, ...obligation },
  { requiredKeys: ['action', 'resource'] },
)
const plainRule: fc.Arbitrary<AnyRule> = fc.record({ ...head, ...narrowing }, { requiredKeys: ['action', 'resource'] })

const asking = fc.record({
  as: fc.constantFrom('alice', 'bob'),
  agent: fc.constantFrom('a1', 'a2'),
  roles: fc.subarray(['r', 's']),
  params: fc.record({ m: fc.constantFrom(1, 'GET'), n: fc.nat(6) }, { requiredKeys: [] }),
})
const request = fc.record({
  action: fc.constantFrom(...actions),
  resources: fc.array(resource, { minLength: 1, maxLength: 2 }),
  asking,
})

const load = (allow: readonly AnyRule[], deny: readonly AnyRule[], more: object = {}): CompiledPolicy =>
  policyFromObject({ version: 1, allow, deny, ...more }, { baseDirectory: '/' })

type Request = typeof request extends fc.Arbitrary<infer R> ? R : never

const decide = (policy: CompiledPolicy, { action, resources, asking: by }: Request): Verdict =>
  policy.decide(question(action, resources, by))

/** Everything of a verdict, with the rules themselves in place of their positions. */
function told(verdict: Verdict, allow: readonly AnyRule[], deny: readonly AnyRule[]): unknown {
  const rules = verdict.rules.map((id) => {
    const [, list, index] = /^(allow|deny)\[(\d+)\]$/.exec(id) ?? []
    return JSON.stringify(list === undefined ? id : { [list]: (list === 'allow' ? allow : deny)[Number(index)] })
  })
  return {
    effect: verdict.effect,
    reason: verdict.reason,
    class: verdict.class,
    obligations: JSON.stringify(verdict.obligations),
    rules: rules.sort(),
  }
}

describe('the order of the rules', () => {
  guards('GATE-17')

  test('never matters', () => {
    const shuffled = <T>(items: fc.Arbitrary<readonly T[]>): fc.Arbitrary<readonly [readonly T[], readonly T[]]> =>
      items.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray([...list], { minLength: list.length })))
    const classes = fc.array(fc.record({ resource: pattern, class: fc.constantFrom('a', 'b', 'c') }), { maxLength: 3 })
    fc.assert(
      fc.property(
        shuffled(fc.array(allowRule, { maxLength: 6 })),
        shuffled(fc.array(plainRule, { maxLength: 2 })),
        shuffled(classes),
        fc.array(request, { minLength: 1, maxLength: 6 }),
        ([allow, allow2], [deny, deny2], [classify, classify2], requests) => {
          const one = load(allow, deny, { classify })
          const two = load(allow2, deny2, { classify: classify2 })
          for (const each of requests)
            expect(told(decide(two, each), allow2, deny2)).toEqual(told(decide(one, each), allow, deny))
        },
      ),
      { numRuns: 400 },
    )
  })

  test('looking rules up finds the same as trying each alone', () => {
    fc.assert(
      fc.property(
        fc.array(plainRule, { minLength: 1, maxLength: 12 }),
        fc.array(fc.tuple(fc.constantFrom(...actions), resource), { minLength: 1, maxLength: 8 }),
        asking,
        (rules, requests, by) => {
          const together = load(rules, [])
          const denying = load([{ action: '**', resource: '**' }], rules)
          for (const [action, name] of requests) {
            const permitting = rules.flatMap((rule, i) =>
              load([rule], []).decide(question(action, name, by)).effect === 'permit' ? [`allow[${i}]`] : [],
            )
            const verdict = together.decide(question(action, name, by))
            expect(verdict.effect === 'permit' ? verdict.rules : []).toEqual(permitting)
            const open = [{ action: '**', resource: '**' }]
            const forbidding = rules.flatMap((rule, i) =>
              load(open, [rule]).decide(question(action, name, by)).effect === 'forbid' ? [`deny[${i}]`] : [],
            )
            const refusal = denying.decide(question(action, name, by))
            expect(refusal.effect === 'forbid' ? refusal.rules : []).toEqual(forbidding)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('who, constraint, when, access and deny narrow, and never widen', () => {
    fc.assert(
      fc.property(fc.array(plainRule, { minLength: 1, maxLength: 5 }), plainRule, request, (rules, further, each) => {
        const effect = (allow: readonly AnyRule[], deny: readonly AnyRule[], more: object = {}): string =>
          decide(load(allow, deny, more), each).effect
        const bare = rules.map(({ action, resource: name }) => ({ action, resource: name }))
        const narrow = [
          effect(rules, []),
          effect(bare, [further]),
          effect(bare, [], { access: [{ resource: further.resource, roles: ['r'] }] }),
        ]
        // whatever the narrowed policies permit, the bare one permits
        expect(narrow.every((verdict) => verdict === 'forbid') || effect(bare, []) === 'permit').toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('overlapping rules', () => {
  guards('GATE-17')

  const rank = { approval: ['required', 'review'], undo: ['required', 'on', 'off'] } as const

  test('the strictest obligations hold, and all rules are named', () => {
    const everywhere = fc
      .record(obligation, { requiredKeys: [] })
      .map((asks): AnyRule => ({ action: 'fs.write', resource: '/w/**', ...asks }))
    fc.assert(
      fc.property(fc.array(everywhere, { minLength: 1, maxLength: 6 }), (rules) => {
        const verdict = load(rules, []).decide(question('fs.write', '/w/a'))
        const meters = [...new Set(rules.flatMap(({ cost }) => Object.keys(cost ?? {})))]
        const costs = rules.map(({ cost }) => (cost ?? {}) as Record<string, number>)
        expect(verdict.obligations.approval).toBe(
          rank.approval.find((each) => rules.some(({ approval }) => approval === each)),
        )
        expect(verdict.obligations.undo).toBe(rank.undo.find((each) => rules.some(({ undo }) => undo === each)))
        expect(verdict.obligations.cost ?? {}).toEqual(
          Object.fromEntries(meters.map((meter) => [meter, Math.max(...costs.map((cost) => cost[meter] ?? 0))])),
        )
        const unmet = rules.some(({ approval, cost }) => approval !== undefined || cost !== undefined)
        expect(verdict.reason).toBe(unmet ? 'not_enforced_yet' : 'permitted')
      }),
    )
  })

  test('a rule that asks for more is not escaped through one that asks for less', () => {
    const strict = '{ action: fs.write, resource: /w/out/**, undo: required }'
    const lax = '{ action: fs.*, resource: /w/**, undo: off }'
    for (const body of [`allow: [${strict}, ${lax}]`, `allow: [${lax}, ${strict}]`]) {
      expect(ask(body, 'fs.write', '/w/out/a')).toMatchObject({
        effect: 'permit',
        obligations: { undo: 'required' },
      })
      expect(ask(body, 'fs.write', '/w/a')).toMatchObject({ effect: 'permit', obligations: { undo: 'off' } })
    }
  })

  test('one rule that permits private addresses is enough, and one that does not match permits nothing', () => {
    const anywhere = '{ action: net.http, resource: "http://**" }'
    const here = '{ action: net.http, resource: "http://localhost:*/**", network: private }'
    for (const body of [`allow: [${anywhere}, ${here}]`, `allow: [${here}, ${anywhere}]`]) {
      expect(ask(body, 'net.http', 'http://localhost:80/a').obligations).toEqual({ network: 'private' })
      expect(ask(body, 'net.http', 'http://example.com/a').obligations).toEqual({})
    }
  })
})
