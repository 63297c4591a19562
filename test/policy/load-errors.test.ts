import { describe, expect, test } from 'vitest'
import { checkPolicy, loadPolicy, policyFromObject } from '../../src/authority/policy/index.ts'
import { isKernelError } from '../../src/base/errors.ts'
import { guards } from '../guards.ts'
import { place } from './asking.ts'
import { loadErrors } from './load-error-cases.ts'

describe('a policy file that is wrong', () => {
  guards('GATE-04')

  test.each(loadErrors)('%s', (_, text, line, column, code, words) => {
    const { problems } = checkPolicy(text, place)
    const first = problems[0]
    expect(first).toMatchObject({ line, column, code })
    expect(first?.message).toContain(words)
    let error: unknown
    try {
      loadPolicy(text, place)
    } catch (thrown) {
      error = thrown
    }
    expect(isKernelError(error, 'POLICY_INVALID')).toBe(true)
    expect(String(error)).toContain(`policy.yaml:${first?.line}:${first?.column}: ${first?.message}`)
  })

  test('all problems are listed in the order of the file, and the error counts them', () => {
    const text = 'version: 1\nallow:\n  - action: fs.read\n  - resource: x\nfoo: 1\nfoo: 2\n'
    const { problems } = checkPolicy(text, place)
    expect(problems.map(({ line, column, code }) => [line, column, code])).toEqual([
      [3, 5, 'missing_key'],
      [4, 5, 'missing_key'],
      [5, 1, 'unknown_key'],
      [6, 1, 'duplicate_key'],
    ])
    expect(() => loadPolicy(text, place)).toThrow('policy.yaml:3:5: a rule needs `resource`; add it (and 3 more)')
  })

  test.each([
    'allow: !!seq []',
    'allow: *nowhere',
    'allow: "\\ud800"',
    'allow: [{ action: a.b, resource: x, constraint: { m: .inf } }]',
    'allow: [{ action: !x a.b, resource: x }]',
    'allow: [{ action: a.b, resource: *nowhere }]',
  ])('one mistake is one problem: %s', (line) => {
    expect(checkPolicy(`version: 1\n${line}\n`, place).problems).toHaveLength(1)
  })

  test('columns count characters after a byte order mark and wide characters alike', () => {
    expect(checkPolicy('version: 1\n"ключ": 1\n', place).problems[0]).toMatchObject({ line: 2, column: 1 })
    expect(checkPolicy('version: 1\nidentity: { rotate: 1d, "é": 1 }\n', place).problems[0]).toMatchObject({
      line: 2,
      column: 25,
    })
  })

  test('an alias bomb, a megabyte of keys and a flood of problems end soon and bounded', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) =>
        `b${i}: &b${i} [${Array(10)
          .fill(i === 0 ? 'x' : `*b${i - 1}`)
          .join(',')}]`,
    )
    expect(checkPolicy(levels.join('\n'), place).problems.map(({ code }) => code)).toContain('too_large')
    const keys = Array.from({ length: 90_000 }, (_, i) => `k${i}: 1`).join('\n')
    expect(checkPolicy(keys, place).problems).toHaveLength(100)
    expect(checkPolicy(`${'#'.repeat(1_048_577)}`, place).problems[0]).toMatchObject({ code: 'too_large' })
  })

  test('a long word of the author is cut, never a screenful', () => {
    const { problems } = checkPolicy(`version: 1\n${'k'.repeat(900)}: 1\n`, place)
    expect(problems[0]?.message.length).toBeLessThan(400)
  })
})

describe('a policy object that is wrong', () => {
  guards('GATE-04')

  test.each([
    [null, 'a policy must be a map'],
    [[], 'not a list'],
    ['version: 1', 'not the string'],
    [{ version: 1, allow: [{ action: 3, resource: 'x' }] }, 'allow[0].action: a pattern must be text'],
    [{ version: 1, allow: [{ action: 'a.b' }] }, 'allow[0]: a rule needs `resource`'],
    [
      { version: 1, allow: [{ action: 'a.b', resource: 'x', constraint: { a: [null] } }] },
      'allow[0].constraint.a[0]: ',
    ],
    [{ version: 1, allw: [] }, 'allw: unknown key `allw`'],
    [{ version: 1, mounts: { w: 'x' } }, 'mounts.w: '],
    [{ version: 1, allow: [{ action: 'a.b', resource: () => 1 }] }, 'allow[0].resource'],
    [{ version: 1, allow: new Map() }, 'plain'],
  ])('%j', (value, words) => {
    const load = (): unknown => policyFromObject(value, { baseDirectory: '/home/op' })
    expect(load).toThrow(words)
    expect(load).toThrow('the policy does not load')
  })
})
