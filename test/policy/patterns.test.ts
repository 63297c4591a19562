import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { minimatch } from 'minimatch'
import { describe, expect, test } from 'vitest'
import { checkPolicy, loadPolicy } from '../../src/authority/policy/index.ts'
import { guards } from '../guards.ts'
import { ask, place, policy } from './asking.ts'

interface Row {
  readonly pattern: string
  readonly resource: string
  readonly matches: boolean
}

/** The table of docs/policy.md, so that what it says is what happens. */
function documentedRows(): readonly Row[] {
  const text = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
  const rows = text.matchAll(/^\| `([^`]+)` \| `([^`]+)` \| (yes|no) \|$/gm)
  return [...rows].map(([, pattern, resource, matches]) => ({
    pattern: pattern as string,
    resource: resource as string,
    matches: matches === 'yes',
  }))
}

const quoted = (value: string): string => JSON.stringify(value)

describe('patterns', () => {
  guards('GATE-03', 'GATE-14', 'GATE-15')

  const rows = documentedRows()

  test('the documentation has its table', () => {
    expect(rows.length).toBeGreaterThan(80)
  })

  test.each(rows)('$pattern against $resource in an allow rule: $matches', ({ pattern, resource, matches }) => {
    const verdict = ask(`allow: [{ action: fs.read, resource: ${quoted(pattern)} }]`, 'fs.read', resource)
    expect(verdict).toMatchObject(
      matches ? { effect: 'permit', rules: ['allow[0]'] } : { effect: 'forbid', reason: 'no_matching_rule', rules: [] },
    )
  })

  const denyRows = rows.filter(({ resource }) => !/(?:^|\/)\.{1,2}(?:\/|$)/.test(resource))

  test.each(denyRows)('$pattern against $resource in a deny rule: $matches', ({ pattern, resource, matches }) => {
    const body = `allow: [{ action: fs.read, resource: "**" }]\ndeny: [{ action: fs.read, resource: ${quoted(pattern)} }]`
    const verdict = ask(body, 'fs.read', resource)
    expect(verdict).toMatchObject(
      matches ? { effect: 'forbid', reason: 'denied_by_rule', rules: ['deny[0]'] } : { effect: 'permit' },
    )
  })

  test.each(['/w/..', '/w/../x', '..', '.', './x', 'a/../b', 'https://a.example/../x', '/w/.'])(
    'no rule allows the uncanonical %s, not even by its own name',
    (resource) => {
      const body =
        'allow: [{ action: fs.*, resource: "**" }, { action: fs.*, resource: /w/** }, { action: fs.*, resource: "*/*" }]'
      const verdict = ask(body, 'fs.read', resource)
      expect(verdict).toMatchObject({ effect: 'forbid', reason: 'no_matching_rule' })
      expect(verdict.hint).toContain('without `.` and `..`')
    },
  )

  test.each([
    ['fs.read', 'fs.read', true],
    ['fs.*', 'fs.read', true],
    ['fs.*', 'fsx.read', false],
    ['fs.*', 'fs', false],
    ['*', 'fs.read', true],
    ['**', 'mcp.call', true],
    ['*.read', 'fs.read', true],
    ['*.read', 'fs.reads', false],
    ['fn.get_*', 'fn.get_user', true],
    ['fn.get_*', 'fn.set_user', false],
    ['fs.rea?', 'fs.read', true],
    ['fs.[rs]*', 'fs.stat', true],
    ['fs.[!w]*', 'fs.write', false],
    ['fs.READ', 'fs.read', false],
    ['fn.a.*', 'fn.a.b.c', true],
  ])('the action pattern %s against %s: %s', (pattern, action, matches) => {
    const verdict = ask(`allow: [{ action: ${quoted(pattern)}, resource: "**" }]`, action, 'x')
    expect(verdict.effect).toBe(matches ? 'permit' : 'forbid')
  })
})

describe('hostile patterns and resources finish at once', () => {
  guards('GATE-03')

  // a backtracking matcher needs longer than the age of the universe for each of these
  test.each([
    [`/${'*a'.repeat(1500)}b`, `/${'a'.repeat(4000)}`],
    [`/${'**/a/'.repeat(600)}b`, `/${'a/'.repeat(1900)}c`],
    [`/${'**/*a*/'.repeat(400)}b`, `/${'aa/'.repeat(1300)}c`],
    [`**/${'*a'.repeat(1500)}b/**`, `/${`${'a'.repeat(254)}/`.repeat(15)}a`],
    [`${'?*'.repeat(1500)}b`, 'a'.repeat(4000)],
    [`${'[a-z]*'.repeat(600)}!`, 'a'.repeat(4000)],
  ])('%s', (pattern, resource) => {
    const loaded = policy(`allow: [{ action: fs.read, resource: ${quoted(pattern)} }]`)
    expect(ask(loaded, 'fs.read', resource).reason).toBe('no_matching_rule')
  })

  test('a resource of nothing but slashes under deep folders', () => {
    const deep = `/${'a/'.repeat(1900)}**`
    expect(ask(`allow: [{ action: fs.read, resource: ${deep} }]`, 'fs.read', '/'.repeat(4096)).reason).toBe(
      'no_matching_rule',
    )
  })
})

describe('the short cuts for literals and folders', () => {
  const part = fc.constantFrom('a', 'b', 'ab', '.a', '*', '**', '?', '[ab]', 'a*', '*b', '[!a]', '\\*')
  const patterns = fc
    .tuple(fc.constantFrom('/', '', 'https://'), fc.array(part, { minLength: 1, maxLength: 5 }))
    .map(([start, parts]) => start + parts.join('/'))
  const names = fc
    .tuple(
      fc.constantFrom('/', '', 'https://'),
      fc.array(fc.constantFrom('a', 'b', 'ab', '.a', '*', 'c'), { minLength: 1, maxLength: 5 }),
    )
    .map(([start, parts]) => start + parts.join('/'))

  test('match what minimatch matches, and the folder itself', () => {
    const options = {
      dot: true,
      noext: true,
      nobrace: true,
      nonegate: true,
      nocomment: true,
      preserveMultipleSlashes: true,
    }
    const foreign = (pattern: string, name: string): boolean =>
      minimatch(name, pattern, options) || (pattern.endsWith('/**') && foreign(pattern.slice(0, -3), name))
    fc.assert(
      fc.property(patterns, names, (pattern, name) => {
        const verdict = ask(`allow: [{ action: fs.read, resource: ${quoted(pattern)} }]`, 'fs.read', name)
        expect(verdict.effect).toBe(foreign(pattern, name) ? 'permit' : 'forbid')
      }),
      { numRuns: 3000 },
    )
  })

  test('whatever is written as a pattern either loads or is a problem, and never fails at a decision', () => {
    const anything = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'[]!^-:*?\\/.ab'.split(''), '[:alpha:]', '[:x:]'), maxLength: 12 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
    )
    fc.assert(
      fc.property(anything, anything, (pattern, name) => {
        const text = `version: 1\nallow: [{ action: fs.read, resource: ${quoted(pattern)} }]`
        if (checkPolicy(text, place).problems.length > 0) return
        expect(['permit', 'forbid']).toContain(ask(loadPolicy(text, place), 'fs.read', name).effect)
      }),
      { numRuns: 5000 },
    )
  })
})
