import { describe, expect, test } from 'vitest'
import { checkPolicy, type Surroundings } from '../../src/authority/policy/index.ts'

const surroundings: Surroundings = {
  actions: new Map([
    ['fs.read', 'observe'],
    ['fs.list', 'observe'],
    ['fs.write', 'mutate'],
    ['fs.delete', 'mutate'],
    ['proc.exec', 'mutate'],
    ['net.http', 'mutate'],
  ]),
  home: '/home/op',
  ownFolders: ['/home/op/project/.kestrel', '/home/op/.config/kestrel/keys'],
  exists: (path) => ['/home/op/project/w/.git', '/home/op/project/w/node_modules/.bin'].includes(path),
}

function warningsOf(body: string, file = '/home/op/project/policy.yaml'): string[] {
  const baseDirectory = file.slice(0, file.lastIndexOf('/'))
  const { problems, warnings } = checkPolicy(`version: 1\n${body}`, { file, baseDirectory }, surroundings)
  expect(problems).toEqual([])
  return warnings.map(({ code, line }) => `${line} ${code}`)
}

const allow = (...rules: readonly string[]): string => `allow:\n${rules.map((rule) => `  - { ${rule} }\n`).join('')}`

describe('rules that make no difference', () => {
  test.each([
    ['the same twice', ['action: fs.read, resource: /w/a', 'action: fs.read, resource: /w/a'], ['4 redundant_rule']],
    [
      'within an earlier one',
      ['action: fs.read, resource: /w/**', 'action: fs.read, resource: /w/a'],
      ['4 redundant_rule'],
    ],
    ['within a later one', ['action: fs.read, resource: /w/a', 'action: fs.*, resource: /w/**'], ['3 redundant_rule']],
    [
      'a folder of a folder',
      ['action: fs.read, resource: /w/**', 'action: fs.read, resource: /w/x/**'],
      ['4 redundant_rule'],
    ],
    [
      'a glob below a folder',
      ['action: fs.read, resource: /w/**', 'action: fs.read, resource: /w/x/*.csv'],
      ['4 redundant_rule'],
    ],
    [
      'for some within for all',
      ['action: fs.read, resource: /w/**', 'action: fs.read, resource: /w/a, who: [role:x]'],
      ['4 redundant_rule'],
    ],
    [
      'that hopes to loosen',
      ['action: fs.write, resource: /w/**, undo: required', 'action: fs.write, resource: /w/a'],
      ['4 redundant_rule'],
    ],
    [
      'that asks for more',
      ['action: fs.write, resource: /w/**', 'action: fs.write, resource: /w/a, undo: required'],
      [],
    ],
    [
      'that opens the network',
      [
        'action: net.http, resource: https://a.example/**',
        'action: net.http, resource: https://a.example/x, network: private',
      ],
      [],
    ],
    [
      'for all within for some',
      ['action: fs.read, resource: /w/**, who: [role:x]', 'action: fs.read, resource: /w/a'],
      [],
    ],
    [
      'of two conditions',
      ['action: fs.read, resource: /w/**, when: "1 < 2"', 'action: fs.read, resource: /w/a, when: "2 < 3"'],
      [],
    ],
    [
      'of one condition',
      ['action: fs.read, resource: /w/**, when: "1 < 2"', 'action: fs.read, resource: /w/a, when: "1 < 2"'],
      ['4 redundant_rule'],
    ],
    ['a neighbour by name', ['action: fs.read, resource: /w/**', 'action: fs.read, resource: /w_x/a'], []],
    ['of other actions', ['action: fs.read, resource: /w/**', 'action: fs.list, resource: /w/a'], []],
  ])('%s', (_, rules, expected) => {
    expect(warningsOf(allow(...rules))).toEqual(expected)
  })

  test.each([
    ['action: fs.*, resource: /w/**', ['3 unreachable_rule']],
    ['action: "*", resource: "**"', ['3 unreachable_rule']],
    ['action: fs.read, resource: "**/a"', ['3 unreachable_rule']],
    ['action: fs.read, resource: /w/a, who: [role:x]', []],
    ['action: fs.read, resource: /w/b', []],
    ['action: fs.write, resource: /w/a', []],
  ])('an allow rule under the deny rule %s', (deny, expected) => {
    expect(warningsOf(`${allow('action: fs.read, resource: /w/a')}deny:\n  - { ${deny} }\n`)).toEqual(expected)
  })

  test('ten thousand rules are compared in a moment, and a flood of warnings is bounded', () => {
    const rules = Array.from({ length: 10_000 }, (_, i) => `action: fs.read, resource: /w/${i}/**`)
    expect(warningsOf(allow(...rules))).toEqual([])
    expect(warningsOf(allow('action: fs.read, resource: /w/**', ...rules))).toHaveLength(100)
  })
})

describe('rules that reach far', () => {
  test.each([
    ['action: fs.*, resource: "**"', ['3 broad_action']],
    ['action: "*", resource: /**', ['3 broad_action']],
    ['action: fs.write, resource: "**"', ['3 broad_resource']],
    ['action: fs.delete, resource: "**/*"', ['3 broad_resource']],
    ['action: fs.read, resource: "**"', []],
    ['action: fn.delete_file, resource: "**"', []],
    ['action: fs.wirte, resource: /w/a', ['3 unknown_action']],
    ['action: mcp.call, resource: server/tool', []],
    ['action: fs.r*, resource: /w/a', []],
    ['action: net.http, resource: "**"', ['3 any_host']],
    ['action: net.http, resource: http://**', ['3 any_host']],
    ['action: net.http, resource: "https://*/**"', ['3 any_host', '3 url_open_host']],
    ['action: net.http, resource: https://*.example.com/**', []],
    ['action: net.http, resource: https://api.example.com/**', []],
    ['action: net.http, resource: https://api.example.com/**, network: private', []],
    ['action: net.http, resource: "https://*.example.com/**", network: private', ['3 private_any_host']],
    ['action: net.http, resource: "**", network: private', ['3 any_host', '3 private_any_host']],
    ['action: proc.exec, resource: /bin/sh', ['3 open_interpreter']],
    ['action: proc.exec, resource: python3.12', ['3 open_interpreter']],
    ['action: proc.exec, resource: /usr/bin/git', ['3 open_interpreter']],
    ['action: proc.exec, resource: /usr/bin/git, constraint: { args: ["status"] }', []],
    ['action: proc.exec, resource: /usr/bin/git, constraint: { cwd: /w }', ['3 open_interpreter']],
    [`action: proc.exec, resource: /usr/bin/git, when: 'params.args == ["status"]'`, []],
    ['action: proc.exec, resource: /usr/bin/sha256sum', []],
    ['action: proc.exec, resource: /usr/bin/**', ['3 any_program']],
    ['action: proc.exec, resource: /usr/bin/ls*', []],
    ['action: fs.read, resource: /w/a, who: [role:ann, principal:ann]', ['3 who_id_and_role']],
    ['action: fs.read, resource: /w/a, who: [role:ann, principal:bob]', []],
  ])('%s', (rule, expected) => {
    expect(warningsOf(allow(rule))).toEqual(expected)
  })
})

describe('what lies around', () => {
  const read = 'allow:\n  - { action: fs.read, resource: "/w/**" }\n'
  const write = 'allow:\n  - { action: fs.write, resource: "/w/**" }\n'

  test.each([
    ['/', read, ['2 mount_root']],
    ['/home', read, ['2 mount_home']],
    ['/home/op', read, ['2 mount_home']],
    ['/home/op/.ssh', read, ['2 mount_neighbour']],
    ['./x/.git/hooks', read, ['2 mount_neighbour']],
    ['./node_modules/.bin', read, ['2 mount_neighbour']],
    ['./.kestrel', read, ['2 mount_own']],
    ['.', read, ['2 mount_own']],
    ['./workspace', write, []],
    ['./w', read, []],
    ['./w', write, ['4 reaches_neighbour', '4 reaches_neighbour']],
    ['./w', `${write}deny:\n  - { action: fs.*, resource: "**/.git/**" }\n`, ['4 reaches_neighbour']],
    [
      './w',
      `${write}deny:\n  - { action: fs.*, resource: "**/.git/**", who: [role:x] }\n`,
      ['4 reaches_neighbour', '4 reaches_neighbour'],
    ],
  ])('a mount of %s with %s', (folder, rules, expected) => {
    expect(warningsOf(`mounts: { /w: ${folder} }\n${rules}`)).toEqual(expected)
  })

  test('the folder of the policy file, writable', () => {
    const file = '/srv/project/policy.yaml'
    expect(warningsOf(`mounts: { /w: . }\n${write}`, file)).toEqual(['2 policy_folder_writable'])
    expect(warningsOf(`mounts: { /w: .. }\n${write}`, file)).toEqual(['2 policy_folder_writable'])
    expect(warningsOf(`mounts: { /w: . }\n${read}`, file)).toEqual([])
    expect(warningsOf('mounts: { /w: . }\nallow:\n  - { action: fs.write, resource: /w/out/** }\n', file)).toEqual([])
  })

  test('is told to nobody who does not say what it is', () => {
    const text = 'version: 1\nallow:\n  - { action: fs.*, resource: "**" }\n'
    expect(checkPolicy(text, { file: '/p.yaml', baseDirectory: '/' }).warnings).toEqual([])
  })
})
