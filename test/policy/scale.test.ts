import { describe, expect, test } from 'vitest'
import { checkPolicy, loadPolicy } from '../../src/authority/policy/index.ts'
import { ask, place, policy } from './asking.ts'

const many = (count: number, rule: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => `  - ${rule(i)}`).join('\n')

describe('ten thousand rules', () => {
  test.each([
    ['literals', (i: number) => `/w/${i}`, '/w/9999', '/w/x'],
    ['folders', (i: number) => `/w/${i}/**`, '/w/9999/a/b', '/w/x/a'],
    ['globs of folders of their own', (i: number) => `/w/${i}/*.txt`, '/w/9999/a.txt', '/w/9999/a.exe'],
    ['globs of one folder that end in a name', (i: number) => `/w/*/${i}.txt`, '/w/a/9999.txt', '/w/a/x.txt'],
    ['names anywhere', (i: number) => `**/secret-${i}`, '/w/a/secret-9999', '/w/a/secret-x'],
    ['globs of one folder', (i: number) => `/w/${i}-*/x*`, '/w/9999-a/xy', '/w/x-a/xy'],
  ])('of %s', (_, resource, inside, outside) => {
    const loaded = policy(`allow:\n${many(10_000, (i) => `{ action: fs.read, resource: "${resource(i)}" }`)}`)
    expect(ask(loaded, 'fs.read', inside)).toMatchObject({ effect: 'permit', rules: ['allow[9999]'] })
    expect(ask(loaded, 'fs.read', outside).reason).toBe('no_matching_rule')
    expect(ask(loaded, 'fs.write', inside).reason).toBe('no_matching_rule')
  })

  test('for actions of their own', () => {
    const loaded = policy(`allow:\n${many(10_000, (i) => `{ action: fn.f${i}, resource: "**" }`)}`)
    expect(ask(loaded, 'fn.f9999', 'x')).toMatchObject({ effect: 'permit', rules: ['allow[9999]'] })
    expect(ask(loaded, 'fn.f10000', 'x').reason).toBe('no_matching_rule')
  })

  test('more actions than are kept looked up are answered the same', () => {
    const loaded = policy('allow: [{ action: fn.*, resource: /w/** }]\ndeny: [{ action: fn.f7, resource: "**" }]')
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 3000; i++) expect(ask(loaded, `fn.f${i}`, '/w/a').effect).toBe(i === 7 ? 'forbid' : 'permit')
    }
  })

  test('all matching one request are all named', () => {
    const loaded = policy(`allow:\n${many(10_000, () => '{ action: fs.read, resource: /w/** }')}`)
    expect(ask(loaded, 'fs.read', '/w/a').rules).toHaveLength(10_000)
  })
})

describe('more than the limits', () => {
  test('too many rules are refused', () => {
    const text = `capabilities: [${'{},'.repeat(100_001)}]`
    expect(checkPolicy(text, place).problems[0]).toMatchObject({ code: 'too_many', line: 1, column: 15 })
  })

  test('a file that is too large is refused before it is read', () => {
    expect(() => loadPolicy(`capabilities: []\n#${' '.repeat(1_048_576)}`, place)).toThrow('1048576 bytes')
  })
})
