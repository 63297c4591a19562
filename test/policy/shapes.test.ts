import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkPolicy, loadPolicy, policyFromObject } from '../../src/authority/policy/index.ts'
import { guards } from '../guards.ts'
import { ask, place, policy, question } from './asking.ts'

const everySection = `version: 1
mounts: { /workspace: ./workspace, /data: ../data, /etc-copy: /srv/etc }
allow:
  - action: fs.read
    resource: /workspace/**
  - action: fs.write
    resource: /workspace/output/**
    undo: required
    cost: { disk: 1 }
  - action: net.http
    resource: https://api.example.com/**
    constraint: { method: GET }
    network: private
  - action: fn.delete_file
    resource: "**"
    who: [role:cleaner, "principal:bob", "agent:a1"]
    approval: required
    when: params.size < 10
deny:
  - { action: fs.*, resource: "**/.env" }
access:
  - { resource: user_data, roles: [admin, owner] }
limits:
  budgets: { api: 20, tokens: unlimited, disk: { limit: 5, scope: principal, per: 1d } }
  rates: [{ action: net.http, max: 60, per: 1m, by: agent }]
approval: { quorum: 1, expires: 24h, approvers: [role:operator] }
sources:  [{ action: bank.transactions, label: trusted, fields: { subject: untrusted, sender: untrusted } }]
flows:    [{ action: bank.send, param: recipient, from: [user, trusted], otherwise: hold }]
classify: [{ resource: /workspace/patients/**, class: sensitive, subject: params.patient }]
retention: [{ type: sensitive, duration: 30d }]
export:    [{ format: json, destination: "s3://bucket" }]
identity:  { rotate: 90d }
`

describe('the shapes of a policy', () => {
  test('every section of the full shape loads', () => {
    const { problems, warnings, digest } = checkPolicy(everySection, place)
    expect(problems).toEqual([])
    expect(digest).toBe(createHash('sha256').update(everySection).digest('hex'))
    expect(warnings.map(({ line, code }) => `${line} ${code}`)).toEqual([
      '6 not_enforced_yet',
      '14 not_enforced_yet',
      '24 not_enforced_yet',
      '25 not_enforced_yet',
      '26 not_enforced_yet',
      '27 not_enforced_yet',
      '28 not_enforced_yet',
      '30 not_enforced_yet',
      '31 not_enforced_yet',
      '32 not_enforced_yet',
    ])
  })

  test('mounts are absolute folders, relative to the policy file', () => {
    expect([...(loadPolicy(everySection, place).mounts ?? [])]).toEqual([
      ['/workspace', '/home/op/workspace'],
      ['/data', '/home/data'],
      ['/etc-copy', '/srv/etc'],
    ])
    expect(policy('allow: []').mounts).toBeUndefined()
    expect(policy('mounts: {}').mounts?.size).toBe(0)
  })

  test('a bare list of capabilities loads unchanged', () => {
    const loaded = loadPolicy(
      [
        'capabilities:',
        '  - action: fs.read',
        '    resource: /workspace/**',
        '',
        '  - action: net.http',
        '    resource: https://api.example.com/**',
        '    constraint:',
        '      method: GET',
        '',
        '  - action: mcp.call',
        '    resource: my_server/**',
        '',
      ].join('\n'),
      place,
    )
    expect(loaded.mounts).toBeUndefined()
    expect(loaded.warnings).toEqual([])
    expect(ask(loaded, 'fs.read', '/workspace/a')).toMatchObject({ effect: 'permit', rules: ['capabilities[0]'] })
    expect(ask(loaded, 'mcp.call', 'my_server/search')).toMatchObject({ effect: 'permit', rules: ['capabilities[2]'] })
    const got = ask(loaded, 'net.http', 'https://api.example.com/x', { params: { method: 'POST' } })
    expect(got).toMatchObject({ reason: 'constraint_mismatch', rules: ['capabilities[1]'] })
  })

  const block = `policy:
  retention:
    - type: sensitive
      duration: 30d
  access:
    - resource: user_data
      roles: [admin, owner]
  export:
    - format: json
      destination: "s3://bucket"
`

  test('a policy block loads unchanged, and alone allows nothing', () => {
    expect(ask(loadPolicy(block, place), 'fn.read', 'user_data').reason).toBe('no_matching_rule')
  })

  test('a policy block narrows the capabilities beside it', () => {
    const loaded = loadPolicy(`capabilities:\n  - { action: fn.read, resource: "**" }\n${block}`, place)
    expect(ask(loaded, 'fn.read', 'user_data')).toMatchObject({ reason: 'role_missing', rules: ['access[0]'] })
    expect(ask(loaded, 'fn.read', 'user_data', { roles: ['owner'] }).effect).toBe('permit')
    expect(ask(loaded, 'fn.read', 'other').effect).toBe('permit')
  })

  test('aliases are read as what they stand for', () => {
    const loaded = policy(
      'allow:\n  - { action: a.b, resource: x, who: &ops [role:ops] }\n  - { action: c.d, resource: x, who: *ops }',
    )
    expect(ask(loaded, 'c.d', 'x').reason).toBe('role_missing')
    expect(ask(loaded, 'c.d', 'x', { roles: ['ops'] }).effect).toBe('permit')
  })

  test('words that older YAML took for truth are text', () => {
    expect(
      ask('allow: [{ action: a.b, resource: yes, constraint: { m: on } }]', 'a.b', 'yes', { params: { m: 'on' } })
        .effect,
    ).toBe('permit')
  })

  test('an object means the same as the file, and is copied', () => {
    const value = { version: 1, mounts: { '/w': 'w' }, allow: [{ action: 'fs.read', resource: '/w/**' }] }
    const loaded = policyFromObject(value, { baseDirectory: '/home/op' })
    const canonical = '{"allow":[{"action":"fs.read","resource":"/w/**"}],"mounts":{"/w":"w"},"version":1}'
    expect(loaded.digest).toBe(createHash('sha256').update(canonical).digest('hex'))
    ;(value.allow[0] as { resource: string }).resource = '**'
    expect(ask(loaded, 'fs.read', '/etc/passwd').effect).toBe('forbid')
    expect(ask(loaded, 'fs.read', '/w/a').effect).toBe('permit')
    expect(loaded.mounts?.get('/w')).toBe('/home/op/w')
  })
})

describe('a policy that allows nothing', () => {
  guards('GATE-04')

  test.each([
    '',
    '\n',
    '# nothing yet\n',
    '---\n',
    '{}',
    'version: 1\n',
    'version: 1\nallow: []\n',
    'capabilities: []\n',
  ])('%j refuses everything and says so', (text) => {
    const loaded = loadPolicy(text, place)
    expect(loaded.warnings.map(({ code }) => code)).toEqual(['allows_nothing'])
    for (const [action, resource] of [
      ['fs.read', '/w/a'],
      ['fn.x', 'x'],
      ['', ''],
      ['__proto__', '__proto__'],
    ] as const) {
      expect(loaded.decide(question(action, resource))).toMatchObject({ effect: 'forbid', reason: 'no_matching_rule' })
    }
  })

  test('a request without a resource is refused by any policy', () => {
    expect(ask('allow: [{ action: "**", resource: "**" }]', 'fs.read', [])).toMatchObject({ effect: 'forbid' })
  })
})

describe('warnings', () => {
  test.each([
    [
      'allow: [{ action: net.http, resource: https://api.example.com }]',
      'url_without_path',
      'write `https://api.example.com/**`',
    ],
    [
      'allow: [{ action: net.http, resource: https://API.example.com/** }]',
      'url_host_case',
      'write `https://api.example.com/**`',
    ],
    ['allow: [{ action: net.http, resource: "https://api.example*/**" }]', 'url_open_host', "anyone's domain"],
    ['mounts: { /w: w }\nallow: [{ action: fs.read, resource: /x/** }]', 'outside_mounts', '`/w`'],
  ])('%s', (body, code, words) => {
    const { warnings, problems } = checkPolicy(`version: 1\n${body}`, place)
    expect(problems).toEqual([])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatchObject({ code })
    expect(warnings[0]?.message).toContain(words)
  })

  test.each([
    'mounts: { /w: w }\nallow: [{ action: fs.read, resource: "**" }, { action: fs.read, resource: /w }, { action: fs.read, resource: "/*/a" }]',
    'mounts: { /w/a: w }\nallow: [{ action: fs.read, resource: /w/** }, { action: proc.exec, resource: /usr/bin/git }]',
  ])('none for %s', (body) => {
    expect(checkPolicy(`version: 1\n${body}`, place).warnings).toEqual([])
  })
})

describe('the examples of the documentation', () => {
  const text = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
  const examples = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)]
    .map(([, yaml]) => yaml as string)
    .filter((yaml) => !yaml.startsWith('-'))

  test('there are some', () => {
    expect(examples.length).toBeGreaterThanOrEqual(3)
  })

  test.each(examples)('%s', (yaml) => {
    expect(checkPolicy(yaml, place).problems).toEqual([])
  })
})
