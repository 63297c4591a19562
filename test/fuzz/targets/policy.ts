import { readFileSync } from 'node:fs'
import { checkPolicy, explainQuestion, loadPolicy } from '../../../src/authority/policy/index.ts'
import { Conditions } from '../../../src/authority/policy/condition.ts'
import { compilePattern, hasDotSegment, matchesPattern } from '../../../src/authority/policy/pattern.ts'
import { parseJson } from '../../../src/base/json.ts'
import { reasonTable } from '../../../src/base/reasons.ts'
import { place, question } from '../../policy/asking.ts'
import { bytesOf, demand, ending, type Target } from '../target.ts'
import { globMatches } from './naive-glob.ts'

const documents = new URL('../../../docs/policy.md', import.meta.url)

function policiesInDocs(): readonly string[] {
  return [...readFileSync(documents, 'utf8').matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, text]) => text as string)
}

const full = `version: 1
mounts: { /workspace: ./workspace }
allow:
  - { action: fs.read, resource: /workspace/**, constraint: { encoding: utf8 } }
  - action: fn.*
    resource: "**"
    who: [role:cleaner, alice]
    when: params.amount < 100 && resource.startsWith("a")
    undo: required
    cost: { disk: 1 }
deny:
  - &all { action: fs.*, resource: "**/.env" }
  - *all
access: [{ resource: user_data, roles: [admin] }]
limits:
  budgets: { api: 20, disk: { limit: 5, scope: principal, per: 1d } }
  rates: [{ action: net.http, max: 60, per: 1m, by: agent }]
approval: { quorum: 1, expires: 24h, approvers: [role:operator] }
classify: [{ resource: /workspace/patients/**, class: sensitive, subject: params.patient }]
retention: [{ type: sensitive, duration: 30d }]
`

const questions = [
  question('fs.read', '/workspace/a.txt', { params: { encoding: 'utf8' } }),
  question('fn.act', 'a', { roles: ['cleaner'], params: { amount: 5, list: [1, 'x'], deep: { er: null } } }),
  question('fs.move', ['/workspace/.env', '/x/y']),
]

/** A policy file: findings with a place, or a policy that answers every question with a reason of the closed list. */
export const policyTarget: Target = {
  name: 'policy',
  words: [
    ...[
      'allow:\n',
      'deny:\n',
      '  - ',
      'action: fs.read\n',
      'resource: "**"\n',
      'when: ',
      'who: ',
      '&a ',
      '*a',
      '<<: *a\n',
      '!!binary ',
    ],
    ...[
      '|\n',
      '>-\n',
      '? ',
      '--- \n',
      '...\n',
      '%YAML 1.1\n',
      '#',
      '\t',
      '"\\x',
      '{ ',
      ' }',
      '[ ',
      ' ]',
      '0o17',
      '.inf',
      'null',
      '~',
    ],
  ],
  seeds: () => [full, ...policiesInDocs(), '{"capabilities":[{"action":"fs.read","resource":"/a/**"}]}'].map(bytesOf),
  run(input) {
    const text = Buffer.from(input).toString('utf8')
    const { problems, warnings } = checkPolicy(text, place)
    const lines = text.split(/\r\n|\r|\n/).length
    for (const { line, column, code, message } of [...problems, ...warnings]) {
      demand(line >= 1 && line <= lines + 1 && column >= 1, `${code} stands at ${line}:${column} of ${lines} lines`)
      demand(message !== '', `${code} says nothing`)
    }
    return ending(
      () => loadPolicy(text, place),
      (policy) => {
        demand(problems.length === 0, 'a policy was loaded that has problems')
        for (const each of questions) {
          const verdict = policy.decide(each)
          demand(Object.hasOwn(reasonTable, verdict.reason), 'a reason that is not listed')
          demand((verdict.effect === 'permit') === (verdict.reason === 'permitted'), 'effect and reason disagree')
          explainQuestion(policy, each)
        }
        return `ok ${policy.warnings.map(({ code }) => code).join()}`
      },
      ['POLICY_INVALID'],
    ).replace(/^POLICY_INVALID.*/s, () => {
      demand(problems.length > 0, 'a policy was refused that has no problem')
      return `POLICY_INVALID ${[...new Set(problems.map(({ code }) => code))].join()}`
    })
  },
}

/** What one match may cost: patterns and resources longer than this are for the policy's own limits. */
const globLength = 400
const globs: readonly (readonly [string, string])[] = [
  ['/w/**', '/w/a/b'],
  ['/w/*.txt', '/w/a.txt'],
  ['**/.env', 'a/b/.env'],
  ['/w/**/x/**/y*', '/w/1/x/2/x/3/y4'],
  [`/${'*a'.repeat(30)}b`, `/${'a'.repeat(200)}`],
  [`/${'**/a/'.repeat(20)}b`, `/${'a/'.repeat(90)}c`],
  [`/${'[a-z]*'.repeat(30)}!`, `/${'az'.repeat(100)}`],
  ['/w/[!a-c]?\\*', '/w/d\u{1f600}*'],
  ['https://api.example.com/**', 'https://api.example.com//x'],
  ['/[[:alpha:]]/[]a]/[^]]', '/z/]/b'],
  ['', ''],
]

/**
 * A pattern and what it is held against, one a line. Matching agrees with the definition of docs/policy.md, written out a second
 * time; what costs too much never ends, and is found by that.
 */
export const globTarget: Target = {
  name: 'glob',
  words: [
    '*',
    '**',
    '/**/',
    '?',
    '[',
    ']',
    '[!',
    '[:alpha:]',
    '\\',
    '\\*',
    '/',
    '..',
    '{a,b}',
    '+(a)',
    '!',
    '#',
    '\n',
    '*a',
  ],
  seeds: () => globs.map(([pattern, value]) => bytesOf(`${pattern}\n${value}`)),
  run(input) {
    const [text = '', ...rest] = Buffer.from(input).toString('utf8').split('\n')
    const reading = compilePattern(text.slice(0, globLength))
    if ('problem' in reading) return `refused ${reading.problem.slice(0, 12)}`
    const { pattern } = reading
    let matches = 0
    for (const value of rest.slice(0, 4).map((line) => line.slice(0, globLength))) {
      const found = matchesPattern(pattern, value)
      if (found) matches++
      // No resource is empty or has such segments: the gate refuses them whatever a pattern says.
      const expected = value === '' || hasDotSegment(value) ? undefined : globMatches(pattern.text, value)
      demand(
        expected === undefined || expected === found,
        `\`${pattern.text}\` and \`${value}\`: ${found}, by the page ${expected}`,
      )
    }
    return `ok ${pattern.kind} ${matches}`
  },
}

const expressions = [
  'params.amount < 100 && resource.startsWith("a")',
  'principal.roles.exists(r, r == "admin") || size(params.list) > 3',
  'resource.matches("^/w/[a-z]+$") && !(action in ["fs.read", "fn.act"])',
  'params.list.all(x, type(x) == string) ? true : has(params.deep.er)',
  'time > timestamp("2024-01-01T00:00:00Z") && time.getHours() < 12',
  'params.a.b.c == {"x": [1, 2u, 3.0, b"x", null]}["x"][0]',
  'duration("3s") < duration("1h") && int("12") + -3 % 2 == 11',
  'params.list.map(x, x).filter(y, y > 1).size() == 0',
]

/** Params of an agent that wants the condition to trip. */
const hostile = [
  {},
  { amount: 5, list: [1, 'x', null, [], {}], deep: { er: 1 } },
  { amount: '5', list: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', deep: [], a: { b: { c: 1 } } },
  parseJson('{"amount":1e-300,"list":{"__proto__":1},"constructor":2}') as object,
]

/** A CEL condition: an answer or none for every request, never an exception. */
export const conditionTarget: Target = {
  name: 'condition',
  words: [
    'params',
    'resource',
    '.exists(x, ',
    '.matches("',
    'has(',
    ' && ',
    ' || ',
    '!',
    ' in ',
    '[',
    '{',
    '?:',
    '"""',
    "r'",
    'b"',
    '0x',
    'u',
    '.map(',
    'cel.bind(x, ',
    '.',
    '(',
    ')',
  ],
  seeds: () => expressions.map(bytesOf),
  run(input) {
    const text = Buffer.from(input).toString('utf8').slice(0, 1000)
    const reading = new Conditions().read(text)
    if ('problem' in reading) {
      demand(
        Number.isInteger(reading.offset) && reading.offset >= 0 && reading.offset <= text.length,
        'a problem stands nowhere',
      )
      return `refused ${reading.problem.replace(/['"`][^]*['"`]|\d+/g, '').slice(0, 15)}`
    }
    const answers = hostile.map((params) =>
      reading.condition.holds(question('fs.read', '/w/abc', { params }), '/w/abc'),
    )
    for (const answer of answers) demand(answer === undefined || typeof answer === 'boolean', 'an answer that is none')
    return `ok ${answers.join()}`
  },
}
