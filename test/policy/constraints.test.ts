import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { ask, policy } from './asking.ts'

const reasonFor = (constraint: string, params: object): string =>
  ask(`allow: [{ action: fn.x, resource: "**", constraint: ${constraint} }]`, 'fn.x', 'x', { params }).reason

describe('constraints', () => {
  guards('GATE-05')

  test.each([
    ['{ method: GET }', { method: 'GET' }],
    ['{ method: GET }', { method: 'GET', other: 1 }],
    ['{ n: 1 }', { n: 1 }],
    ['{ n: 1.0 }', { n: 1 }],
    ['{ n: 0 }', { n: -0 }],
    ['{ flag: true }', { flag: true }],
    ['{ args: ["-l", "/w"] }', { args: ['-l', '/w'] }],
    ['{ args: [] }', { args: [] }],
    ['{ o: { a: [1, { b: x }] } }', { o: { a: [1, { b: 'x' }] } }],
    ['{ o: { a: 1, b: 2 } }', { o: { b: 2, a: 1 } }],
  ])('%s fits %j', (constraint, params) => {
    expect(reasonFor(constraint, params)).toBe('permitted')
  })

  test.each([
    ['{ method: GET }', {}],
    ['{ method: GET }', { method: 'get' }],
    ['{ method: GET }', { method: 'GET ' }],
    ['{ method: GET }', { method: ['GET'] }],
    ['{ method: GET }', { Method: 'GET' }],
    ['{ method: GET }', { method: null }],
    ['{ method: GET }', JSON.parse('{"__proto__":{"method":"GET"}}')],
    ['{ n: 1 }', { n: true }],
    ['{ n: 1 }', { n: '1' }],
    ['{ flag: true }', { flag: 1 }],
    ['{ flag: true }', { flag: 'true' }],
    ['{ flag: false }', {}],
    ['{ flag: false }', { flag: 0 }],
    ['{ text: "" }', {}],
    ['{ text: "" }', { text: null }],
    ['{ args: [] }', {}],
    ['{ args: [] }', { args: {} }],
    ['{ args: {} }', { args: [] }],
    ['{ args: [a] }', { args: ['a', 'b'] }],
    ['{ args: [a, b] }', { args: ['b', 'a'] }],
    ['{ args: [a, b] }', { args: ['a'] }],
    ['{ args: [a] }', { args: { 0: 'a', length: 1 } }],
    ['{ o: { a: 1 } }', { o: { a: 1, b: 2 } }],
    ['{ o: { a: 1, b: 2 } }', { o: { a: 1 } }],
    ['{ o: { a: 1 } }', { o: JSON.parse('{"__proto__":{"a":1},"b":1}') }],
    ['{ __proto__: { a: 1 } }', JSON.parse('{"__proto__":{"a":1}}')],
    ['{ o: { __proto__: 1 } }', { o: JSON.parse('{"__proto__":1}') }],
    ['{ toString: x }', {}],
    ['{ constructor: {} }', {}],
    ['{ text: é }', { text: 'e\u0301' }],
  ])('%s does not fit %j', (constraint, params) => {
    expect(reasonFor(constraint, params)).toBe('constraint_mismatch')
  })

  test('the refusal says what the rule wants, and nothing of what was sent', () => {
    const verdict = ask('allow: [{ action: net.http, resource: "**", constraint: { method: GET } }]', 'net.http', 'x', {
      params: { method: 'secret-in-params' },
    })
    expect(verdict.hint).toContain('method = `"GET"`')
    expect(JSON.stringify(verdict)).not.toContain('secret')
  })

  test('inherited params do not count even where the params are not a plain copy', () => {
    const loaded = policy('allow: [{ action: fn.x, resource: "**", constraint: { method: GET } }]')
    const params = Object.create({ method: 'GET' }) as Record<string, never>
    const asked = { principal: { id: 'a', roles: [] }, agent: 'a', action: 'fn.x', resources: ['x'], params, timeMs: 0 }
    expect(loaded.decide(asked).reason).toBe('constraint_mismatch')
  })
})
