import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadPolicy, runPolicyTests } from '../../src/authority/policy/index.ts'
import { place, policy } from './asking.ts'

const loaded = policy(`
allow:
  - { action: fs.read, resource: /w/** }
  - { action: fn.clean, resource: "**", who: [role:cleaner] }
  - { action: fn.late, resource: "**", when: "time.getHours() >= 18" }
deny:
  - { action: fs.*, resource: "**/.env" }
access:
  - { resource: user_data, roles: [admin] }
`)
const options = { timeMs: 0 }

describe('tests of a policy', () => {
  test('say what came out, and which rules no case reached', () => {
    const text = `# cases
- { action: fs.read, resource: /w/a, expect: permit }
- action: fs.read
  resource: /w/.env
  expect: forbid
  reason: denied_by_rule
- { action: fn.clean, resource: user_data, as: "alice:cleaner,admin", params: { deep: { n: null } }, expect: permit }
- { action: fn.clean, resource: old, as: bob, expect: permit }
- { action: fs.read, resource: /etc/x, expect: forbid, reason: denied_by_rule }
- { action: fn.clean, resource: old, as: "alice:cleaner", expect: hold }
`
    const { results, problems, covered, uncovered } = runPolicyTests(loaded, text, options)
    expect(problems).toEqual([])
    expect(results.map(({ line, ok }) => [line, ok])).toEqual([
      [2, true],
      [3, true],
      [7, true],
      [8, false],
      [9, false],
      [10, false],
    ])
    expect(results[3]?.message).toContain('expected permit, but it is forbid (role_missing)')
    expect(results[4]?.message).toContain('expected forbid (denied_by_rule), but it is forbid (no_matching_rule)')
    expect(results[0]).not.toHaveProperty('message')
    expect(covered).toEqual(['allow[0]', 'allow[1]', 'deny[0]'])
    expect(uncovered).toEqual(['allow[2]', 'access[0]'])
  })

  test('use the time they are given', () => {
    const text = '- { action: fn.late, resource: x, expect: permit }'
    expect(runPolicyTests(loaded, text, options).results[0]?.ok).toBe(false)
    expect(runPolicyTests(loaded, text, { timeMs: 19 * 3_600_000 }).results[0]?.ok).toBe(true)
  })

  test('ask about every resource that the caller knows of', () => {
    const text =
      '- { action: fs.read, resource: /w/a, params: { to: /w/.env }, expect: forbid, reason: denied_by_rule }'
    const resourcesOf = (_: string, resource: string, params: object): string[] => [
      resource,
      (params as { to: string }).to,
    ]
    expect(runPolicyTests(loaded, text, options).results[0]?.ok).toBe(false)
    expect(runPolicyTests(loaded, text, { ...options, resourcesOf }).results[0]?.ok).toBe(true)
  })

  test.each([
    ['', 1, 1, 'no cases'],
    ['action: x', 1, 1, 'must be a list'],
    ['- { action: a.b, expect: permit }', 1, 3, 'needs `resource`'],
    ['- { action: a.b, resource: x, expect: allow }', 1, 39, '`permit`'],
    ['- { action: a.b, resource: x, expect: forbid, reason: because }', 1, 55, '`denied_by_rule`'],
    ['- { action: a.b, resource: x, expect: permit, as: "a b" }', 1, 51, '`ID:role,role`'],
    ['- { action: a.b, resource: x, expect: permit, as: "a:" }', 1, 51, '`ID:role,role`'],
    ['- { action: a.b, resource: x, expect: permit, exepct: permit }', 1, 47, 'did you mean `expect`?'],
    ['- { action: a.b, resource: x, expect: permit, params: [] }', 1, 55, 'must be a map'],
  ])('a file that is wrong has no results: %j', (text, line, column, words) => {
    const { problems, results } = runPolicyTests(loaded, text, options)
    expect(results).toEqual([])
    expect(problems[0]).toMatchObject({ line, column })
    expect(problems[0]?.message).toContain(words)
  })

  test('the example of the documentation passes against its policy', () => {
    const docs = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
    const [first, ...others] = [...docs.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml]) => yaml as string)
    const cases = others.find((yaml) => yaml.startsWith('-')) as string
    const documented = loadPolicy(first as string, place)
    const { problems, results } = runPolicyTests(documented, cases, options)
    expect(problems).toEqual([])
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true, true])
  })
})
