import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { requirements } from '../spec/requirements.ts'

const folder = new URL('./', import.meta.url)

/** Which test files cite which requirement, from their text: a test that is filtered out or skipped here still counts. */
function citationsIn(files: Iterable<readonly [path: string, text: string]>): ReadonlyMap<string, readonly string[]> {
  const citations = new Map<string, string[]>()
  for (const [path, text] of files) {
    for (const [, ids] of text.matchAll(/^\s*guards\(([^)]*)\)/gm)) {
      for (const [, id] of (ids as string).matchAll(/['"]([^'"]*)['"]/g)) {
        citations.set(id as string, [...(citations.get(id as string) ?? []), path])
      }
    }
  }
  return citations
}

/** Every built requirement that nobody cites, and every citation of something that is no requirement. */
function gaps(built: ReadonlyMap<string, boolean>, citations: ReadonlyMap<string, readonly string[]>): string[] {
  const uncited = [...built]
    .filter(([id, isBuilt]) => isBuilt && !citations.has(id))
    .map(([id]) => `${id} is cited by no test`)
  const unknown = [...citations]
    .filter(([id]) => !built.has(id))
    .map(([id, files]) => `${id} of ${files.join(', ')} is no requirement`)
  return [...uncited, ...unknown]
}

const built = new Map(Object.entries(requirements).map(([id, requirement]) => [id, requirement.built]))
const tests = globSync('**/*.test.ts', { cwd: folder }).map(
  (path) => [path, readFileSync(new URL(path, folder), 'utf8')] as const,
)

describe('the requirements', () => {
  test('that are built are each cited by a test, and nothing else is cited', () => {
    expect(gaps(built, citationsIn(tests))).toEqual([])
  })

  test('are all there', () => {
    expect(built.size).toBe(108)
  })
})

describe('the gate over the requirements', () => {
  const known = new Map([
    ['GATE-01', true],
    ['GATE-02', true],
    ['GATE-06', false],
  ])

  test('names what is built and not cited', () => {
    const text = "  guards('GATE-01')\n  // guards('GATE-02')\n  * guards('GATE-02')\n"
    expect(gaps(known, citationsIn([['a.test.ts', text]]))).toEqual(['GATE-02 is cited by no test'])
  })

  test('names what is cited and not known', () => {
    const text = "  guards('GATE-01', 'GATE-02')\n  guards(\n    'GATE-99',\n  )\n"
    expect(gaps(known, citationsIn([['a.test.ts', text]]))).toEqual(['GATE-99 of a.test.ts is no requirement'])
  })
})
