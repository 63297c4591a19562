import { describe, expect, test } from 'vitest'
import { checkPolicy, policyFromObject } from '../../src/authority/policy/index.ts'
import { readTemplate } from '../../src/base/template.ts'
import { guards } from '../guards.ts'
import { ask, place } from './asking.ts'

const head = 'version: 1\nallow:\n  - action: net.http\n    resource: https://a.example/**\n    compensate:\n'

function problemsOf(lines: string): readonly { line: number; column: number; code: string; message: string }[] {
  return checkPolicy(`${head}${lines}\n`, place).problems
}

const url = '      action: net.http\n      resource: https://a.example/orders/'

describe('a rule that names the request which takes back', () => {
  guards('GATE-04')

  test('gives it with the permit', () => {
    const lines = `${url}\${result.body.id}\n      params: { method: DELETE, headers: { x: "\${params.a[0].b-c}" } }\n    undo: required`
    const { effect, obligations } = ask(
      `${head.slice('version: 1\n'.length)}${lines}\n`,
      'net.http',
      'https://a.example/x',
    )
    expect(effect).toBe('permit')
    expect(obligations).toEqual({
      undo: 'required',
      compensate: {
        action: 'net.http',
        resource: 'https://a.example/orders/${result.body.id}',
        params: { method: 'DELETE', headers: { x: '${params.a[0].b-c}' } },
      },
    })
  })

  test.each<[string, string, number, number, string, string]>([
    ['no resource', '      action: net.http', 6, 7, 'missing_key', '`compensate` needs `resource`'],
    ['a pattern for an action', '      action: net.*\n      resource: x', 6, 15, 'value', 'the one name'],
    ['a further key', `${url}x\n      when: "true"`, 8, 7, 'unknown_key', 'unknown key `when`'],
    ['no text', '      action: net.http\n      resource: 3', 7, 17, 'type', 'must be text'],
    ['an unknown root', `${url}\${request.id}`, 7, 17, 'template', 'begins with `params.`'],
    ['a root that only begins so', `${url}\${results.id}`, 7, 17, 'template', 'begins with `params.`'],
    ['no path', `${url}\${result}`, 7, 17, 'template', 'name what of `result` is meant'],
    ['an empty reference', `${url}\${}`, 7, 17, 'template', 'begins with `params.`'],
    ['a step without a name', `${url}\${result.}`, 7, 17, 'template', 'names and places in lists'],
    ['two dots', `${url}\${result.a..b}`, 7, 17, 'template', 'names and places in lists'],
    ['an expression', `${url}\${result.a + 1}`, 7, 17, 'template', 'names and places in lists'],
    ['a function', `${url}\${result.a.trim()}`, 7, 17, 'template', 'names and places in lists'],
    ['white space', `${url}\${ result.a }`, 7, 17, 'template', 'begins with `params.`'],
    ['a place below zero', `${url}\${result.a[-1]}`, 7, 17, 'template', 'names and places in lists'],
    ['a part of the resource', `${url}\${resource.host}`, 7, 17, 'template', 'has no parts'],
    ['no end', `${url}\${result.id`, 7, 17, 'template', 'is not closed'],
    ['no end in a param', `${url}x\n      params: { a: ["b", "\${result.id"] }`, 8, 26, 'template', 'is not closed'],
    [
      'a value for a host',
      '      action: net.http\n      resource: https://${result.host}/x',
      7,
      17,
      'template',
      'decide its host',
    ],
    [
      'a value behind a host',
      '      action: net.http\n      resource: https://a.example${result.path}',
      7,
      17,
      'template',
      'decide its host',
    ],
    [
      'a value for a port',
      '      action: net.http\n      resource: "https://a.example:${result.p}/"',
      7,
      17,
      'template',
      'decide its host',
    ],
    [
      'a value before a host',
      '      action: net.http\n      resource: https://${params.u}@a.example/',
      7,
      17,
      'template',
      'decide its host',
    ],
    [
      'a value for everything',
      '      action: net.http\n      resource: ${result.headers.location}',
      7,
      17,
      'template',
      'decide where it leads',
    ],
    [
      'JSON that a value could change',
      `${url}x\n      params: { body: '{"n":\${result.n}}' }`,
      8,
      23,
      'template',
      'in quotes',
    ],
    [
      'more than it may take',
      `${url}x\n      params: { body: "${'x'.repeat(16_384)}" }`,
      6,
      7,
      'too_large',
      'at most 16384',
    ],
    ['too many references', `${url}${'${params.a}'.repeat(65)}`, 7, 17, 'template', 'too many references'],
  ])('is told of %s', (_, lines, line, column, code, words) => {
    const problems = problemsOf(lines)
    expect(problems).toMatchObject([{ line, column, code }])
    expect(problems[0]?.message).toContain(words)
  })

  test.each([
    'https://a.example/${params.a}/b?c=${result.d}',
    '${resource}',
    '${resource}/${result.id}',
    '/workspace/${params.args[0]}',
    'orders',
    'price-$5-$${literal}',
  ])('takes %s', (resource) => {
    const compensate = { action: 'net.http', resource }
    const allow = [{ action: 'a.b', resource: 'x', compensate }]
    const loaded = policyFromObject({ version: 1, allow }, { baseDirectory: '/' })
    expect(ask(loaded, 'a.b', 'x').obligations.compensate).toEqual(compensate)
  })

  test('is no deny rule', () => {
    const deny = [{ action: 'a.b', resource: 'x', compensate: { action: 'a.c', resource: 'x' } }]
    expect(() => policyFromObject({ version: 1, deny }, { baseDirectory: '/' })).toThrow('in a deny rule')
  })
})

describe('rules that match together', () => {
  guards('GATE-17')

  const rule = (resource: string, params?: string): string =>
    `{ action: fs.*, resource: /w/**, compensate: { action: fs.delete, resource: ${resource}${params === undefined ? '' : `, params: ${params}`} } }`
  const plain = '{ action: fs.write, resource: /w/**, undo: required }'

  test.each<[string, readonly string[], unknown]>([
    ['one of them names one', [rule('/w/a'), plain], { action: 'fs.delete', resource: '/w/a' }],
    [
      'both name the same',
      [rule('/w/a', '{ b: 1, c: 2 }'), rule('/w/a', '{ c: 2, b: 1 }')],
      { params: { b: 1, c: 2 } },
    ],
    ['one says that there are no params', [rule('/w/a', '{}'), rule('/w/a')], { resource: '/w/a' }],
    ['they differ', [rule('/w/a'), rule('/w/b')], 'conflicting'],
    ['they differ in a param', [rule('/w/a', '{ b: 1 }'), rule('/w/a', '{ b: true }')], 'conflicting'],
    ['two of three differ', [rule('/w/a'), plain, rule('/w/a'), rule('/w/b')], 'conflicting'],
  ])('%s, in any order', (_, rules, expected) => {
    for (const order of [rules, rules.toReversed()]) {
      const { obligations } = ask(`allow: [${order.join(', ')}]`, 'fs.write', '/w/x')
      if (typeof expected === 'string') expect(obligations.compensate).toBe(expected)
      else expect(obligations.compensate).toMatchObject(expected as object)
    }
  })
})

describe('text that is filled in later', () => {
  test.each<[string, unknown]>([
    ['', []],
    ['plain $ $$ {x} }', ['plain $ $$ {x} }']],
    ['$${result.a}', ['${result.a}']],
    ['$$${result.a}', ['$${result.a}']],
    ['a${params.b}c', ['a', { root: 'params', path: ['b'] }, 'c']],
    ['${result[0].b[12]}', [{ root: 'result', path: [0, 'b', 12] }]],
    ['${params.resource}${resource}', [{ path: ['resource'] }, { root: 'resource', path: [] }]],
    ['${result.__proto__}', [{ path: ['__proto__'] }]],
  ])('%s', (text, template) => {
    expect(readTemplate(text)).toMatchObject({ template })
  })

  test.each(['${', 'a${b', '${}', '${params}', '${params.}', '${params.a[01]}', '${params.1}', '${PARAMS.a}', '${a}'])(
    '%s is none',
    (text) => {
      expect(readTemplate(text)).toMatchObject({ offset: text.indexOf('${') })
    },
  )
})
