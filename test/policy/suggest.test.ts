import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkPolicy,
  loadPolicy,
  Replay,
  suggestPolicy,
  type CompiledPolicy,
  type Observation,
  type PastRequest,
  type Suggestion,
} from '../../src/authority/policy/index.ts'
import type { JsonObject } from '../../src/base/json.ts'
import { place } from './asking.ts'

const actions = new Map<string, 'observe' | 'mutate'>([
  ['fs.read', 'observe'],
  ['fs.list', 'observe'],
  ['fs.write', 'mutate'],
  ['fs.move', 'mutate'],
  ['proc.exec', 'mutate'],
  ['net.http', 'mutate'],
])
const surroundings = { actions, home: '/home/op', ownFolders: [], exists: () => false }

const base = `version: 1
mounts: { /w: ./w, /v: ./v }
allow: []
`

interface Asked {
  readonly action: string
  readonly resources: readonly string[]
  readonly params?: JsonObject
  readonly principal?: string
}

/** What a log holds of requests that `policy` decided. */
function logged(policy: CompiledPolicy, asked: readonly Asked[]): { past: PastRequest; params: JsonObject }[] {
  return asked.map(({ action, resources, params = {}, principal = 'local' }, seq) => {
    const timeMs = 0
    const verdict = policy.decide({
      principal: { id: principal, roles: [] },
      agent: 'local',
      action,
      resources,
      params,
      timeMs,
    })
    const { effect, reason, rules } = verdict
    const hasParams = Object.keys(params).length > 0
    const was = { effect, reason, rules }
    return {
      past: { seq, action, resources, principal, agent: 'local', timeMs, was, policyDigest: policy.digest, hasParams },
      params,
    }
  })
}

function observed(log: ReturnType<typeof logged>): Observation[] {
  return log.map(({ past, params }) => {
    const { action, resources, principal, seq, timeMs, was } = past
    return { action, resources, principal, seq, timeMs, params, is: was.effect === 'permit' ? 'wanted' : 'refused' }
  })
}

function suggestionFor(
  text: string,
  asked: readonly Asked[],
  withWho = false,
): Suggestion & { readonly log: ReturnType<typeof logged> } {
  const policy = loadPolicy(text, place)
  const log = logged(policy, asked)
  return { ...suggestPolicy(observed(log), { policy, text, actions, withWho }), log }
}

/** What comes out otherwise under the suggestion. */
function changes(yaml: string, log: ReturnType<typeof logged>): string[] {
  const replay = new Replay(loadPolicy(yaml, place), { roles: new Map(log.map(({ past }) => [past.principal, []])) })
  return log.flatMap(({ past, params }) => {
    const judgement = replay.judge(past, params)
    return judgement.is === 'same'
      ? []
      : [`${past.was.effect} ${past.action} ${past.resources.join()}: ${judgement.is}`]
  })
}

function rulesIn(yaml: string): string[] {
  return loadPolicy(yaml, place)
    .book.rules.filter(({ effect }) => effect === 'allow')
    .map(({ action, resource, constraint, when, who }) =>
      [
        action.text,
        resource.text,
        constraint && JSON.stringify(constraint),
        when?.text,
        who?.map(({ name }) => name).join('+'),
      ]
        .filter((each) => each !== undefined)
        .join(' '),
    )
}

const asks = (action: string, ...resources: readonly string[]): Asked[] =>
  resources.map((each) => ({ action, resources: [each] }))
const open = base.replace('allow: []', 'allow:\n  - { action: "*", resource: "**" }')

describe('a suggested policy', () => {
  test('takes siblings of one folder together, and never fewer', () => {
    const { yaml } = suggestionFor(open, [
      ...asks('fs.read', '/w/a/1', '/w/a/2', '/w/a/3'),
      ...asks('fs.read', '/w/b/x', '/w/b/y'),
    ])
    expect(rulesIn(yaml)).toEqual(['fs.read /w/a/**', 'fs.read /w/b/x', 'fs.read /w/b/y'])
  })

  test('never takes a folder in which something was refused', () => {
    const text = `${open}deny:\n  - { action: fs.*, resource: "**/.env" }\n`
    const names = [
      '/w/a/1.csv',
      '/w/a/2.csv',
      '/w/a/3.csv',
      '/w/a/x',
      '/w/a/.env',
      '/w/b/c/1',
      '/w/b/c/2',
      '/w/b/c/3',
      '/w/b/.env',
    ]
    const { yaml } = suggestionFor(text, asks('fs.read', ...names))
    expect(rulesIn(yaml)).toEqual(['fs.read /w/a/*.csv', 'fs.read /w/a/x', 'fs.read /w/b/c/**'])
    expect(yaml).toContain('deny:\n  - { action: fs.*, resource: "**/.env" }\n')
  })

  test('lists actions apart, and marks what writes, runs or reaches a whole host', () => {
    const { yaml } = suggestionFor(open, [
      ...asks('fs.read', '/w/a'),
      ...asks('fs.write', '/w/a'),
      ...asks('fn.x', 'x'),
      { action: 'proc.exec', resources: ['/usr/bin/ls'], params: { args: ['-l'] } },
      { action: 'proc.exec', resources: ['/usr/bin/ls'] },
      ...Array.from({ length: 30 }, (_, i) => ({
        action: 'net.http',
        resources: [`https://a.example/${i}/x`],
        params: { method: 'GET' },
      })),
    ])
    expect(yaml).toBe(
      `# 6 rules for 35 distinct requests that the log saw permitted; 0 that it saw refused stay so.
# The log holds URLs without their query: a rule for one URL permits it without.
version: 1
mounts:
  /w: ./w
  /v: ./v
allow:
  - action: fn.x # its effect is not known here
    resource: "x"
  - action: fs.read
    resource: /w/a
  - action: fs.write # writes
    resource: /w/a
  - action: net.http # whole host
    resource: https://a.example/**
    constraint: { method: "GET" }
  - action: proc.exec # runs programs
    resource: /usr/bin/ls
    when: '!has(params.args) || params.args == ["-l"]'
`.replace('# 6 rules', '# 5 rules'),
    )
  })

  test('never reaches across mounts, hosts or above them', () => {
    const many = (folder: string): Asked[] =>
      asks('fs.read', ...Array.from({ length: 40 }, (_, i) => `${folder}/f${i}/x`))
    const { yaml } = suggestionFor(open, [
      ...many('/w'),
      ...many('/v'),
      ...many('https://a.example'),
      ...many('https://b.example'),
    ])
    expect(rulesIn(yaml)).toEqual([
      'fs.read /v/**',
      'fs.read /w/**',
      'fs.read https://a.example/**',
      'fs.read https://b.example/**',
    ])
  })

  test('says who, where another was refused the same, and where that is asked for', () => {
    const text = base.replace(
      'allow: []',
      'allow:\n  - { action: fs.read, resource: /w/**, who: [principal:ann] }\n  - { action: fs.list, resource: /w/** }',
    )
    const asked = [
      { action: 'fs.read', resources: ['/w/a'], principal: 'ann' },
      { action: 'fs.read', resources: ['/w/a'], principal: 'bob' },
      { action: 'fs.list', resources: ['/w/a'], principal: 'ann' },
      { action: 'fs.list', resources: ['/w/a'], principal: 'bob' },
    ]
    expect(rulesIn(suggestionFor(text, asked).yaml)).toEqual(['fs.list /w/a', 'fs.read /w/a ann'])
    expect(rulesIn(suggestionFor(text, asked, true).yaml)).toEqual(['fs.list /w/a ann+bob', 'fs.read /w/a ann'])
  })

  test('tells requests apart by a param, where nothing else does', () => {
    const text = base.replace('allow: []', 'allow:\n  - { action: fn.x, resource: "**", constraint: { mode: soft } }')
    const asked = ['soft', 'hard', 'soft'].map((mode, n) => ({ action: 'fn.x', resources: ['x'], params: { mode, n } }))
    const { yaml, opened, log } = suggestionFor(text, asked)
    expect(rulesIn(yaml)).toEqual(['fn.x x {"mode":"soft"}'])
    expect([opened, changes(yaml, log)]).toEqual([[], []])
  })

  test('writes the arguments of programs out, and the methods of the web', () => {
    const { yaml } = suggestionFor(open, [
      ...['status', 'log'].map((word) => ({
        action: 'proc.exec',
        resources: ['/usr/bin/git'],
        params: { args: [word] },
      })),
      ...['GET', 'POST'].map((method) => ({
        action: 'net.http',
        resources: ['https://a.example/x'],
        params: { method },
      })),
    ])
    expect(rulesIn(yaml)).toEqual([
      'net.http https://a.example/x params.method in ["GET", "POST"]',
      'proc.exec /usr/bin/git params.args in [["log"], ["status"]]',
    ])
  })

  test('leaves out what a deny rule forbids by now, and says so', () => {
    const policy = loadPolicy(`${open}deny:\n  - { action: fs.read, resource: /w/b }\n`, place)
    const observations = observed(logged(loadPolicy(open, place), asks('fs.read', '/w/a', '/w/b')))
    const text = `${open}deny:\n  - { action: fs.read, resource: /w/b }\n`
    const { yaml, leftOut } = suggestPolicy(observations, { policy, text, actions, withWho: false })
    expect(rulesIn(yaml)).toEqual(['fs.read /w/a'])
    expect(leftOut.map(({ seq }) => seq)).toEqual([1])
    expect(yaml).toContain('# Left out: 1 request')
  })

  test('of an empty log allows nothing', () => {
    expect(rulesIn(suggestionFor(open, []).yaml)).toEqual([])
  })

  test('has no rule for a name that no pattern can say', () => {
    const { yaml, leftOut } = suggestionFor(open, asks('fs.read', '/w/a\nb', '/w/[x]*', '/w/\u202e', '/w/: #'))
    expect(leftOut).toHaveLength(1)
    expect(rulesIn(yaml)).toHaveLength(3)
    expect(yaml).not.toMatch(/\u202e/)
  })
})

describe('a session of a thousand requests', () => {
  const names = (folder: string, ending: string, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `${folder}/n${i}${ending}`)
  const text = `version: 1
mounts: { /w: ./w, /v: ./v }
allow:
  - { action: fs.read, resource: /w/** }
  - { action: fs.list, resource: /w/** }
  - { action: fs.write, resource: /w/out/** }
  - { action: fs.move, resource: /w/out/** }
  - { action: net.http, resource: https://api.example.com/**, constraint: { method: GET } }
  - { action: proc.exec, resource: /usr/bin/git, when: 'params.args[0] in ["status", "log"]' }
deny:
  - { action: fs.*, resource: "**/.env" }
`
  const session: Asked[] = [
    ...asks(
      'fs.read',
      ...names('/w/src', '.ts', 200),
      ...names('/w/src/deep/er', '.ts', 100),
      ...names('/w/docs', '.md', 150),
    ),
    ...asks(
      'fs.read',
      '/w/.env',
      '/w/src/.env',
      '/w/docs/.env',
      '/etc/passwd',
      '/v/x',
      '/w/README.md',
      '/w/package.json',
    ),
    ...asks('fs.list', '/w', '/w/src', '/w/docs', ...names('/w/data', '', 40)),
    ...asks(
      'fs.write',
      ...names('/w/out', '.txt', 150),
      ...names('/w/out/b', '.txt', 50),
      ...names('/w/src', '.ts', 40),
    ),
    ...names('/w/out', '.txt', 40).map((from) => ({ action: 'fs.move', resources: [from, `${from}.old`] })),
    ...names('/w/out', '.txt', 10).map((from) => ({ action: 'fs.move', resources: [from, '/w/src/x'] })),
    ...names('https://api.example.com/v1/users', '', 100).map((url) => ({
      action: 'net.http',
      resources: [url],
      params: { method: 'GET' },
    })),
    ...names('https://api.example.com/v1/users', '', 20).map((url) => ({
      action: 'net.http',
      resources: [url],
      params: { method: 'POST', body: 'x' },
    })),
    ...names('https://evil.example', '', 20).map((url) => ({
      action: 'net.http',
      resources: [url],
      params: { method: 'GET' },
    })),
    ...[['status'], ['log', '-1'], ['push'], ['log']].flatMap((args) =>
      Array.from({ length: 15 }, () => ({ action: 'proc.exec', resources: ['/usr/bin/git'], params: { args } })),
    ),
  ]

  test('gives at most twenty rules that permit exactly what happened, without a warning', () => {
    expect(session.length).toBeGreaterThanOrEqual(980)
    const { yaml, rules, opened, leftOut, log } = suggestionFor(text, session)
    expect(rules).toBeLessThanOrEqual(20)
    expect([opened, leftOut, changes(yaml, log)]).toEqual([[], [], []])
    const options = { file: '/srv/policy.yaml', baseDirectory: '/srv' }
    expect(checkPolicy(yaml, options, surroundings)).toMatchObject({ problems: [], warnings: [] })
    expect(suggestionFor(text, session).yaml).toBe(yaml)
  })
})

describe('any log', () => {
  const segment = fc.constantFrom('a', 'b', 'c1', 'c2', '.env', 'x.csv', 'y.csv', 'z.csv', '*', '[q]')
  const path = fc
    .tuple(fc.constantFrom('/w', '/v'), fc.array(segment, { minLength: 0, maxLength: 3 }))
    .map(([mount, names]) => [mount, ...names].join('/'))
  const url = fc.array(segment, { minLength: 1, maxLength: 3 }).map((names) => `https://h.example/${names.join('/')}`)
  const principal = fc.constantFrom('local', 'ann', 'bob')
  const asked: fc.Arbitrary<Asked> = fc.oneof(
    fc.record({
      action: fc.constantFrom('fs.read', 'fs.write', 'fs.list'),
      resources: path.map((each) => [each]),
      principal,
    }),
    fc.record({ action: fc.constant('fs.move'), resources: fc.tuple(path, path), principal }),
    fc.record({
      action: fc.constant('net.http'),
      resources: url.map((each) => [each]),
      params: fc.constantFrom<JsonObject>({}, { method: 'GET' }, { method: 'POST' }),
      principal,
    }),
    fc.record({
      action: fc.constant('proc.exec'),
      resources: fc.constantFrom(['/bin/a'], ['/bin/b']),
      params: fc.constantFrom<JsonObject>({}, { args: [] }, { args: ['x'] }, { args: ['x', 'y'] }),
      principal,
    }),
    fc.record({
      action: fc.constant('fn.x'),
      resources: fc.constantFrom(['x'], ['s/a'], ['s/b'], ['s/c']),
      params: fc.constantFrom<JsonObject>({}, { m: 1 }, { m: 'two' }),
      principal,
    }),
  )
  const rule = fc.record({
    action: fc.constantFrom('fs.read', 'fs.write', 'fs.*', '*', 'net.http', 'proc.exec', 'fn.x', 'fs.move'),
    resource: fc.constantFrom(
      '**',
      '/w/**',
      '/v/a/**',
      '**/.env',
      '/w/*',
      '/w/**/*.csv',
      'https://h.example/**',
      'https://h.example/a/**',
      '/bin/a',
      's/**',
      'x',
    ),
    more: fc.constantFrom(
      '',
      ', who: [principal:ann]',
      ', constraint: { method: GET }',
      ', constraint: { m: 1 }',
      ', constraint: { args: [x] }',
    ),
  })
  const rules = (list: readonly { action: string; resource: string; more: string }[]): string =>
    list.length === 0
      ? ' []\n'
      : `\n${list.map(({ action, resource, more }) => `  - { action: "${action}", resource: "${resource}"${more} }\n`).join('')}`
  const policyText = fc
    .tuple(fc.array(rule, { minLength: 1, maxLength: 5 }), fc.array(rule, { maxLength: 2 }))
    .map(([allow, deny]) => `version: 1\nmounts: { /w: ./w, /v: ./v }\nallow:${rules(allow)}deny:${rules(deny)}`)

  test('is permitted and refused by its suggestion as it was, whatever the policy', () => {
    fc.assert(
      fc.property(policyText, fc.array(asked, { minLength: 1, maxLength: 60 }), fc.boolean(), (text, all, withWho) => {
        const { yaml, opened, leftOut, log } = suggestionFor(text, all, withWho)
        const open = new Set([...opened, ...leftOut].map(({ seq }) => seq))
        // What is told as a gap is one: else nothing changes.
        expect(
          changes(
            yaml,
            log.filter(({ past }) => !open.has(past.seq)),
          ),
        ).toEqual([])
        // Only of two resources at once may each be permitted elsewhere.
        for (const { resources } of opened) expect(resources).toHaveLength(2)
        expect(leftOut).toEqual([])
        const { problems } = checkPolicy(yaml, { file: '/srv/p.yaml', baseDirectory: '/srv' }, surroundings)
        expect(problems).toEqual([])
        for (const { resource } of loadPolicy(yaml, place).book.rules.filter(({ effect }) => effect === 'allow'))
          expect(resource.text).not.toBe('**')
      }),
      { numRuns: 400 },
    )
  })
})
