import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { ask, policy, type Asking } from './asking.ts'

const params = { n: 5, f: 1.5, text: 'hello', list: [1, 2], map: { a: 1 }, nothing: null, flag: true }
const asking: Asking = { as: 'alice', roles: ['analyst'], agent: 'a1', params, timeMs: Date.UTC(2026, 4, 4, 17, 30) }

const reasonFor = (when: string): string =>
  ask(`allow: [{ action: fn.x, resource: "**", when: ${JSON.stringify(when)} }]`, 'fn.x', '/w/a', asking).reason

describe('conditions', () => {
  guards('GATE-05')

  test.each([
    'true',
    'principal.id == "alice"',
    '"analyst" in principal.roles',
    'agent == "a1"',
    'action == "fn.x"',
    'resource.startsWith("/w/")',
    'params.n == 5 && params.n > 4 && params.n >= 5.0',
    'params.n + 1.0 == 6.0',
    'params.f < 2',
    'params.list.all(x, x > 0)',
    'principal.roles.exists(r, r == params.text || r == "analyst")',
    'params.list.exists(x, x == 2) && params.list.all(y, y < 3)',
    'params.map.a == 1',
    'params.nothing == null',
    'params.flag',
    'has(params.n) && !has(params.missing)',
    '!("toString" in params) && !has(params.constructor)',
    'time.getHours() == 17 && time.getFullYear() == 2026',
    'time > timestamp("2026-01-01T00:00:00Z")',
    'resource.matches("^/w/[a-z]$")',
    'params.text.matches("l+") && !params.text.matches("^l")',
    'params.missing == 1 || true',
  ])('%s holds', (when) => {
    expect(reasonFor(when)).toBe('permitted')
  })

  test.each([
    'false',
    'params.missing == 1',
    'params.missing != 1',
    '!params.missing',
    'params.text > 5',
    'params.n == "5"',
    'params.n == true',
    'params.flag == 1',
    'params.n',
    'params.__proto__ == null',
    'principal.constructor == null',
    'params.list[7] == 1',
    'params.n / 0.0 == 1.0',
    'params.text.matches("^x")',
    'params.list.matches("1")',
    'principal.secret == ""',
  ])('%s does not hold', (when) => {
    expect(reasonFor(when)).toBe('condition_false')
  })

  test('of two resources, each is looked at in its turn', () => {
    const body = 'allow: [{ action: fs.move, resource: "**", when: "resource.endsWith(\'.csv\')" }]'
    expect(ask(body, 'fs.move', ['/w/a.csv', '/w/b.csv']).effect).toBe('permit')
    expect(ask(body, 'fs.move', ['/w/a.csv', '/w/b.exe']).reason).toBe('condition_false')
    expect(ask(body, 'fs.move', ['/w/a.exe', '/w/b.csv']).reason).toBe('condition_false')
  })

  test('a deny rule whose condition cannot be evaluated forbids; one about a missing param does not apply', () => {
    const body =
      'allow: [{ action: fn.x, resource: "**" }]\ndeny: [{ action: fn.x, resource: "**", when: "params.size > 100" }]'
    expect(ask(body, 'fn.x', 'x', { params: { size: 5 } }).effect).toBe('permit')
    expect(ask(body, 'fn.x', 'x', { params: { size: 500 } }).reason).toBe('denied_by_rule')
    expect(ask(body, 'fn.x', 'x').effect).toBe('permit')
    expect(ask(body, 'fn.x', 'x', { params: { size: 'big' } }).reason).toBe('denied_by_rule')
    const asked = body.replace('params.size > 100', 'has(params.size) && params.size > 100')
    expect(ask(asked, 'fn.x', 'x').effect).toBe('permit')
  })

  test('a condition changes nothing it looks at', () => {
    const loaded = policy(
      'allow: [{ action: fn.x, resource: "**", when: "params.list.map(x, x * 2.0).all(y, y > 0)" }]',
    )
    const sent = Object.freeze({ list: Object.freeze([1, 2]) })
    expect(ask(loaded, 'fn.x', 'x', { params: sent }).effect).toBe('permit')
    expect(ask(loaded, 'fn.x', 'x', { params: sent }).effect).toBe('permit')
  })

  test('a regular expression that would never end on a backtracking engine ends', () => {
    const body =
      'allow: [{ action: fn.x, resource: "**", when: "params.text.matches(\'^(a+)+$\') || params.text.matches(\'(x|x|x)*y\')" }]'
    expect(ask(body, 'fn.x', 'x', { params: { text: `${'a'.repeat(5000)}!${'x'.repeat(5000)}` } }).reason).toBe(
      'condition_false',
    )
  })
})
