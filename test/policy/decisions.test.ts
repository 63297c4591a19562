import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { ask, policy } from './asking.ts'

describe('deny wins', () => {
  guards('GATE-03', 'GATE-15')

  const body = `
allow:
  - { action: fs.*, resource: /w/** }
deny:
  - { action: fs.*, resource: "**/.env" }
  - { action: fs.delete, resource: /w/keep/**, who: [role:guest] }
  - { action: fs.write, resource: "**", constraint: { mode: raw } }
  - { action: "**", resource: /w/x/.env }
`

  test.each([
    ['fs.read', '/w/a', {}, []],
    ['fs.read', '/w/.env', {}, ['deny[0]']],
    ['fs.read', '/w/x/.env', {}, ['deny[0]', 'deny[3]']],
    ['fs.delete', '/w/keep/a', {}, []],
    ['fs.delete', '/w/keep/a', { roles: ['guest'] }, ['deny[1]']],
    ['fs.write', '/w/a', { params: { mode: 'raw' } }, ['deny[2]']],
    ['fs.write', '/w/a', { params: { mode: 'RAW' } }, []],
    ['fs.move', ['/w/.env', '/w/x.txt'], {}, ['deny[0]']],
    ['fs.move', ['/w/x.txt', '/w/.env'], {}, ['deny[0]']],
  ])('%s %s %j: %j', (action, resource, asking, denying) => {
    const verdict = ask(body, action, resource, asking)
    expect(verdict).toMatchObject(
      denying.length === 0
        ? { effect: 'permit', reason: 'permitted', rules: ['allow[0]'] }
        : { effect: 'forbid', reason: 'denied_by_rule', rules: denying },
    )
  })

  test('deny wins over what nothing allows, too', () => {
    expect(ask('deny: [{ action: "*", resource: "**" }]', 'fs.read', '/x').reason).toBe('denied_by_rule')
  })
})

describe('an action with two resources', () => {
  guards('GATE-15')

  const body =
    'allow: [{ action: fs.move, resource: /w/in/** }, { action: fs.move, resource: /w/out/**, who: [role:mover] }]'

  test.each([
    [['/w/in/a', '/w/in/b'], [], 'permitted', ['allow[0]']],
    [['/w/in/a', '/w/out/b'], ['mover'], 'permitted', ['allow[0]', 'allow[1]']],
    [['/w/out/a', '/w/in/b'], ['mover'], 'permitted', ['allow[0]', 'allow[1]']],
    [['/w/in/a', '/w/out/b'], [], 'role_missing', ['allow[1]']],
    [['/w/in/a', '/etc/b'], ['mover'], 'no_matching_rule', []],
    [['/etc/a', '/w/in/b'], ['mover'], 'no_matching_rule', []],
    [['/w/out/a', '/etc/b'], [], 'no_matching_rule', []],
  ])('%j as %j: %s', (resources, roles, reason, rules) => {
    expect(ask(body, 'fs.move', resources, { roles })).toMatchObject({ reason, rules })
  })

  test('the hint names just what is missing', () => {
    expect(ask(body, 'fs.move', ['/w/in/a', '/etc/b']).hint).toBe('allow:\n  - action: fs.move\n    resource: /etc/b')
  })
})

describe('who', () => {
  guards('GATE-17')

  const body = 'allow: [{ action: fn.x, resource: "**", who: [role:cleaner, "principal:bob", "agent:a7"] }]'

  test.each([
    [{ roles: ['cleaner'] }, true],
    [{ roles: ['other', 'cleaner'] }, true],
    [{ as: 'bob' }, true],
    [{ agent: 'a7' }, true],
    [{}, false],
    [{ roles: ['Cleaner'] }, false],
    [{ roles: ['role:cleaner'] }, false],
    [{ roles: ['bob', 'a7'] }, false],
    [{ as: 'cleaner' }, false],
    [{ as: 'a7' }, false],
    [{ agent: 'bob' }, false],
    [{ params: { roles: ['cleaner'], who: 'bob' } }, false],
  ])('%j: %s', (asking, permits) => {
    expect(ask(body, 'fn.x', 'x', asking).reason).toBe(permits ? 'permitted' : 'role_missing')
  })

  test('the refusal says who may', () => {
    expect(ask(body, 'fn.x', 'x').hint).toBe(
      '`allow[0]` is for `role:cleaner`, `principal:bob`, `agent:a7`; ask as one of them',
    )
  })
})

describe('of several rules that do not apply, the nearest is told', () => {
  const rules = [
    '{ action: fn.x, resource: "**", who: [role:a], constraint: { m: 1 }, when: "params.k == 1" }',
    '{ action: fn.x, resource: "*", constraint: { m: 1 }, when: "params.k == 1" }',
    '{ action: fn.*, resource: "**", when: "params.k == 1" }',
  ]

  test.each([
    [[0], {}, 'role_missing', ['allow[0]']],
    [[0, 1], {}, 'constraint_mismatch', ['allow[1]']],
    [[1, 0], {}, 'constraint_mismatch', ['allow[0]']],
    [[0, 1, 2], {}, 'condition_false', ['allow[2]']],
    [[2, 1, 0], { m: 1 }, 'condition_false', ['allow[0]', 'allow[1]']],
    [[0, 1, 2], { m: 1, k: 1 }, 'permitted', ['allow[1]', 'allow[2]']],
  ])('rules %j, params %j: %s', (order, params, reason, ids) => {
    const body = `allow: [${order.map((i) => rules[i]).join(', ')}]`
    expect(ask(body, 'fn.x', 'x', { params })).toMatchObject({ reason, rules: ids })
  })
})

describe('of several equally near rules', () => {
  test('the hint is about the first in the file, wherever it is looked up', () => {
    const far = '{ action: fn.x, resource: a/*, constraint: { m: far } }'
    const any = '{ action: fn.x, resource: "**", constraint: { m: any } }'
    expect(ask(`allow: [${far}, ${any}]`, 'fn.x', 'a/b').hint).toContain('m = `"far"`')
    expect(ask(`allow: [${any}, ${far}]`, 'fn.x', 'a/b').hint).toContain('m = `"any"`')
  })
})

describe('access', () => {
  guards('GATE-17')

  const body = `
allow: [{ action: "**", resource: "**" }]
access:
  - { resource: user_data, roles: [admin, owner] }
  - { resource: /w/secret/**, roles: [admin] }
  - { resource: /w/secret/top, roles: [boss] }
`

  test.each([
    ['fn.x', 'user_data', [], 'role_missing', ['access[0]']],
    ['fn.x', 'user_data', ['owner'], 'permitted', ['allow[0]']],
    ['fn.x', 'user_data2', [], 'permitted', ['allow[0]']],
    ['fs.read', '/w/secret', [], 'role_missing', ['access[1]']],
    ['fs.read', '/w/secret/top', ['admin'], 'role_missing', ['access[2]']],
    ['fs.read', '/w/secret/top', [], 'role_missing', ['access[1]', 'access[2]']],
    ['fs.read', '/w/secret/top', ['admin', 'boss'], 'permitted', ['allow[0]']],
    ['fs.move', ['/w/a', '/w/secret/b'], [], 'role_missing', ['access[1]']],
  ])('%s %s as %j: %s', (action, resource, roles, reason, rules) => {
    expect(ask(body, action, resource, { roles })).toMatchObject({ reason, rules })
  })

  test('access alone allows nothing', () => {
    expect(ask('access: [{ resource: x, roles: [a] }]', 'fn.x', 'x', { roles: ['a'] }).reason).toBe('no_matching_rule')
  })
})

describe('classes', () => {
  const body = `
allow: [{ action: "**", resource: "**" }]
deny: [{ action: "**", resource: /w/patients/dead }]
classify:
  - { resource: /w/**, class: office }
  - { resource: /w/patients/**, class: sensitive, subject: params.patient }
  - { resource: "**/x", class: b }
  - { resource: "*/*/x", class: a }
`

  test.each([
    [['/w/a'], 'office'],
    [['/w/patients/1'], 'sensitive'],
    [['/w/a', '/w/patients/1'], 'sensitive'],
    [['q/x'], 'b'],
    [['q/q/x'], 'a'],
    [['/etc/a'], undefined],
  ])('%j: %s', (resources, expected) => {
    const verdict = ask(body, 'fs.read', resources)
    expect(verdict.effect).toBe('permit')
    expect(verdict.class).toBe(expected)
  })

  test('of two patterns of one length the first class by name counts, in either order', () => {
    for (const order of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const entries = order.map((name) => `{ resource: "${name === 'a' ? 'q/*' : '*/x'}", class: ${name} }`)
      const either = `allow: [{ action: "**", resource: "**" }]\nclassify: [${entries.join(', ')}]`
      expect(ask(either, 'fs.read', 'q/x').class).toBe('a')
    }
  })

  test('a refusal has its class too', () => {
    expect(ask(body, 'fs.read', '/w/patients/dead')).toMatchObject({ effect: 'forbid', class: 'sensitive' })
  })
})

describe('what no engine enforces yet is refused', () => {
  const open = 'allow: [{ action: "**", resource: "**" }]\n'

  test.each([
    ['allow: [{ action: fn.x, resource: "**", approval: required }]', 'fn.x', 'x', ['allow[0]'], 'approval: required'],
    ['allow: [{ action: fn.x, resource: "**", approval: review }]', 'fn.x', 'x', ['allow[0]'], 'approval: review'],
    ['allow: [{ action: fn.x, resource: "**", cost: { a: 0 } }]', 'fn.x', 'x', ['allow[0]'], 'cost'],
    [
      `${open}limits: { rates: [{ action: net.*, max: 1, per: 1m }] }`,
      'net.http',
      'https://a/',
      ['limits.rates[0]'],
      'limits.rates',
    ],
    [`${open}flows: [{ action: bank.send, param: to, from: [user] }]`, 'bank.send', 'x', ['flows[0]'], 'flows'],
    [`${open}export: [{ format: json, destination: "s3://b" }]`, 'export.json', 'x', ['export[0]'], 'export'],
    [
      `${open}policy: { export: [{ format: json, destination: "s3://b" }] }`,
      'export.json',
      'x',
      ['export[0]'],
      'export',
    ],
    [
      `${open}classify: [{ resource: /p/**, class: pii }]\nretention: [{ type: pii, duration: 1d }]`,
      'fs.read',
      '/p/1',
      ['retention[0]'],
      'retention',
    ],
    [`${open}retention: [{ type: internal, duration: 1d }]`, 'fs.read', '/p/1', ['retention[0]'], 'retention'],
  ])('%s', (body, action, resource, rules, feature) => {
    const verdict = ask(body, action, resource)
    expect(verdict).toMatchObject({ effect: 'forbid', reason: 'not_enforced_yet', rules })
    expect(verdict.message).toContain(feature)
    expect(policy(body).warnings.map(({ code }) => code)).toEqual(['not_enforced_yet'])
  })

  test.each([
    ['allow: [{ action: fn.x, resource: "**", undo: off }]', 'fn.x', 'x'],
    ['allow: [{ action: fn.x, resource: y, approval: required }, { action: fn.x, resource: x }]', 'fn.x', 'x'],
    [
      'allow: [{ action: fn.x, resource: "**", approval: required, who: [role:a] }, { action: fn.x, resource: x }]',
      'fn.x',
      'x',
    ],
    [`${open}limits: { rates: [{ action: net.*, max: 1, per: 1m }] }`, 'fn.x', 'x'],
    [`${open}flows: [{ action: bank.send, param: to, from: [user] }]`, 'bank.read', 'x'],
    [`${open}export: [{ format: json, destination: "s3://b" }]`, 'exporter.json', 'x'],
    [`${open}classify: [{ resource: /p/**, class: pii }]\nretention: [{ type: pii, duration: 1d }]`, 'fs.read', '/q/1'],
    [
      `${open}limits: { budgets: { api: 0 } }\nsources: [{ action: a.b, label: trusted }]\napproval: { quorum: 2 }\nidentity: { rotate: 90d }`,
      'fn.x',
      'x',
    ],
  ])('but nothing that it does not govern: %s', (body, action, resource) => {
    expect(ask(body, action, resource).effect).toBe('permit')
  })

  test('a plain reason comes first: what is denied or not allowed says so', () => {
    const body =
      'allow: [{ action: fn.x, resource: "**", approval: required, constraint: { m: 1 } }]\ndeny: [{ action: fn.x, resource: y }]'
    expect(ask(body, 'fn.x', 'y', { params: { m: 1 } }).reason).toBe('denied_by_rule')
    expect(ask(body, 'fn.x', 'x').reason).toBe('constraint_mismatch')
    expect(ask(body, 'fn.x', 'x', { params: { m: 1 } }).reason).toBe('not_enforced_yet')
  })
})

describe('a verdict', () => {
  test('is frozen, because it is shared', () => {
    const verdict = ask('allow: [{ action: fn.x, resource: "**" }]', 'fn.x', 'x')
    expect(Object.isFrozen(verdict) && Object.isFrozen(verdict.rules) && Object.isFrozen(verdict.obligations)).toBe(
      true,
    )
    const refusal = ask('allow: []', 'fn.x', 'x')
    expect(Object.isFrozen(refusal) && Object.isFrozen(refusal.rules) && Object.isFrozen(refusal.obligations)).toBe(
      true,
    )
  })

  test('names at most a handful of rules in its message, and all of them in `rules`', () => {
    const rules = Array.from({ length: 40 }, () => '{ action: fn.x, resource: "**" }').join(', ')
    const verdict = ask(`allow: [${rules}]`, 'fn.x', 'x')
    expect(verdict.rules).toHaveLength(40)
    expect(verdict.message).toBe('permitted by `allow[0]`, `allow[1]`, `allow[2]`, `allow[3]`, `allow[4]` and 35 more')
  })
})
