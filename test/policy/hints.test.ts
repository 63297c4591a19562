import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { explainQuestion, loadPolicy } from '../../src/authority/policy/index.ts'
import { ask, place, policy, question } from './asking.ts'

const hostile = [
  'true',
  'null',
  'yes',
  'no',
  'on',
  '~',
  '-',
  '?',
  ':',
  '- a',
  'a: b',
  '# x',
  'a #b',
  '"',
  "'",
  '`',
  '@x',
  '%x',
  '&a',
  '*',
  '**',
  '*a',
  '!x',
  '|',
  '>',
  '{a}',
  '[a]',
  '[',
  ']',
  '\\',
  '\\n',
  'a\\b',
  '1',
  '0x10',
  '1e3',
  '.inf',
  '',
  ' ',
  ' x',
  'x ',
  'é',
  '日本',
  '\u202eabc',
  '\u200b',
  '\ufeff',
  '\u2028',
  '\u00a0',
  '\u{e0001}',
  '😀',
  '/w/*',
  '/w/[a]',
  '/w/a?b',
  '/w/\\',
  '---',
  '...',
  '<<',
  'https://a/b?c=d#e',
  '2026-01-01',
  '__proto__',
]
const resource = fc
  .oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary', maxLength: 30 }), fc.string({ maxLength: 30 }))
  .filter((name) => name !== '' && name.isWellFormed() && !/\p{Cc}/u.test(name))
  // what no provider would name: such resources are refused whatever the policy says
  .filter((name) => !/(?:^|\/)\.{1,2}(?:\/|$)/.test(name) && !/^\/(?:.*\/)?$|^\/.*\/\/|^\/\//s.test(name))

describe('the hint of a refusal', () => {
  test('is the smallest rule, in plain words where they are plain', () => {
    expect(ask('allow: []', 'fs.read', '/workspace/x').hint).toBe(
      'allow:\n  - action: fs.read\n    resource: /workspace/x',
    )
    expect(ask('allow: []', 'fn.x', 'true').hint).toBe('allow:\n  - action: fn.x\n    resource: "true"')
    expect(ask('allow: []', 'net.http', 'https://a.example/b?c=d').hint).toContain(
      'resource: "https://a.example/b\\\\?c=d"',
    )
  })

  test('names the list that the policy keeps its rules in', () => {
    const field = loadPolicy('capabilities: [{ action: fn.x, resource: x, who: [role:r] }]', place)
    expect(ask(field, 'fs.read', '/x').hint).toBe('capabilities:\n  - action: fs.read\n    resource: /x')
    expect(explainQuestion(field, question('fn.x', 'x')).suggestion).toMatch(/^capabilities:\n/)
  })

  test('pasted into the policy it permits the request, and nothing else', () => {
    fc.assert(
      fc.property(resource, resource, (name, other) => {
        const { hint } = ask('allow: []', 'fs.read', name)
        const loaded = loadPolicy(`version: 1\n${hint}\n`, place)
        expect(ask(loaded, 'fs.read', name)).toMatchObject({ effect: 'permit', rules: ['allow[0]'] })
        expect(ask(loaded, 'fs.read', other).effect).toBe(other === name ? 'permit' : 'forbid')
        expect(ask(loaded, 'fs.write', name).effect).toBe('forbid')
      }),
      {
        numRuns: 2000,
        examples: hostile
          .filter((name) => name !== '')
          .map((name): [string, string] => [name, 'x'])
          .filter(([name]) => name !== '...'),
      },
    )
  })

  test('holds nothing invisible and only the lines it means to', () => {
    fc.assert(
      fc.property(resource, (name) => {
        const { hint } = ask('allow: []', 'fs.read', name)
        expect(hint?.split('\n')).toHaveLength(3)
        expect(hint?.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}\u00a0]/u)
      }),
      { numRuns: 1000 },
    )
  })

  test('where no rule could name the resource there is none', () => {
    expect(ask('allow: []', 'fs.read', '/w/a\nb')).not.toHaveProperty('hint')
    expect(ask('allow: []', 'fs.read', `/${'*'.repeat(4000)}`)).not.toHaveProperty('hint')
    expect(ask('allow: []', 'not an action', '/w')).not.toHaveProperty('hint')
  })

  test('never repeats a param of the request', () => {
    const secret = 'hunter2-in-params'
    const body = `
allow:
  - { action: fn.a, resource: "**", constraint: { k: other } }
  - { action: fn.b, resource: "**", when: "params.k == 'other'" }
  - { action: fn.c, resource: "**", who: [role:r] }
deny: [{ action: fn.d, resource: "**" }]
`
    for (const action of ['fn.a', 'fn.b', 'fn.c', 'fn.d', 'fn.e']) {
      expect(JSON.stringify(ask(body, action, 'x', { params: { k: secret } }))).not.toContain(secret)
    }
  })
})

describe('explaining', () => {
  const body = `
allow:
  - { action: fs.read, resource: /w/a/** }
  - { action: fs.read, resource: /w/b/**, who: [role:r] }
  - { action: fs.write, resource: /w/** }
  - { action: fn.pay, resource: "**", constraint: { to: bob, via: bank } }
  - { action: fn.sum, resource: "**", when: "params.n > 3" }
  - { action: fn.ask, resource: "**", approval: required }
deny:
  - { action: fs.*, resource: "**/.env" }
access:
  - { resource: /w/a/vault/**, roles: [boss] }
`
  const loaded = policy(body)

  test('a permit names the rules and why', () => {
    const { verdict, rules, suggestion } = explainQuestion(loaded, question('fs.read', '/w/a/x'))
    expect(verdict.effect).toBe('permit')
    expect(rules[0]).toMatchObject({ id: 'allow[0]', section: 'allow', line: 4, applies: true })
    expect(suggestion).toBeUndefined()
  })

  test('a denial names the nearest rules: same action first, the likest first, then the same resource', () => {
    const { verdict, rules } = explainQuestion(loaded, question('fs.read', '/w/bx'))
    expect(verdict.reason).toBe('no_matching_rule')
    expect(rules.map(({ id }) => id)).toEqual(['allow[1]', 'allow[0]', 'allow[2]', 'allow[3]', 'allow[4]', 'allow[5]'])
    expect(rules.every(({ applies }) => !applies)).toBe(true)
    expect(rules[0]?.why).toContain('/w/b/**')
    expect(rules[2]?.why).toContain('fs.write')
  })

  test('deny, access and what is not enforced are told where they apply', () => {
    expect(explainQuestion(loaded, question('fs.read', '/w/a/.env')).rules[0]).toMatchObject({
      id: 'allow[0]',
      applies: true,
    })
    expect(explainQuestion(loaded, question('fs.read', '/w/a/.env')).rules).toContainEqual(
      expect.objectContaining({ id: 'deny[0]', section: 'deny', applies: true, line: 11 }),
    )
    expect(explainQuestion(loaded, question('fs.read', '/w/a/vault/x')).rules).toContainEqual(
      expect.objectContaining({ id: 'access[0]', section: 'access', applies: true }),
    )
    expect(explainQuestion(loaded, question('fn.ask', 'x')).rules[0]?.why).toContain('approval: required')
  })

  test.each([
    ['fs.read', '/etc/hosts', {}, 'no_matching_rule'],
    ['fs.read', '/w/b/x', { as: 'al"ice:#\\' }, 'role_missing'],
    ['fn.pay', 'x', { params: { to: 'eve', via: 'bank', sum: 5 } }, 'constraint_mismatch'],
    ['fn.pay', 'x', { params: { to: { 'a b': ['\u2028', true, 1.5] }, '-x: y': 1 } }, 'constraint_mismatch'],
    ['fn.sum', 'x', { params: { n: 1 } }, 'condition_false'],
    ['fs.move', ['/w/c', '/etc/x*'], {}, 'no_matching_rule'],
  ])(
    'the suggested rule for %s %j %j permits it and is no wider than it must be',
    (action, resources, asking, reason) => {
      const asked = question(action, resources, asking)
      const { verdict, suggestion } = explainQuestion(loaded, asked)
      expect(verdict.reason).toBe(reason)
      const wider = loadPolicy(`version: 1\n${suggestion}\n`, place)
      expect(wider.decide(asked).effect).toBe(
        typeof resources === 'string' || action === 'fs.move' ? 'permit' : 'forbid',
      )
      expect(wider.decide({ ...asked, action: 'fs.other' }).effect).toBe('forbid')
      const stranger = wider.decide({ ...asked, principal: { id: 'mallory', roles: [] } })
      expect(stranger.effect).toBe(reason === 'no_matching_rule' ? 'permit' : 'forbid')
    },
  )

  test('a suggestion for other params allows just the params that were sent', () => {
    const { suggestion } = explainQuestion(loaded, question('fn.pay', 'x', { params: { to: 'eve', via: 'bank' } }))
    const wider = loadPolicy(`version: 1\n${suggestion}\n`, place)
    expect(ask(wider, 'fn.pay', 'x', { params: { to: 'mallory', via: 'bank' } }).reason).toBe('constraint_mismatch')
  })

  test.each([
    ['fs.read', '/w/a/.env', 'denied_by_rule'],
    ['fs.read', '/w/a/vault/x', 'role_missing'],
    ['fn.ask', 'x', 'not_enforced_yet'],
    ['fs.read', '/w/../x', 'no_matching_rule'],
  ])('for %s %s no allow rule would help, and none is suggested', (action, resource, reason) => {
    const { verdict, suggestion } = explainQuestion(loaded, question(action, resource))
    expect(verdict.reason).toBe(reason)
    expect(verdict.hint).toBeDefined()
    expect(suggestion).toBeUndefined()
  })
})
