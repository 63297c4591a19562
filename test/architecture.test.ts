import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { layers, pureRooms, violations } from './architecture/house-rules.ts'
import { readSource, type Source } from './architecture/source.ts'

const root = new URL('..', import.meta.url)
const house = new Map(
  globSync('**/*.ts', { cwd: new URL('src/', root) }).map((path) => [
    path,
    readSource(path, readFileSync(new URL(`src/${path}`, root), 'utf8')),
  ]),
)

function withFile(path: string, text: string): ReadonlyMap<string, Source> {
  return new Map([...house, [path, readSource(path, text)]])
}

/** What a file adds to the problems of the house. */
function refusalsOf(path: string, text: string): string[] {
  const before = new Set(violations(house))
  return violations(withFile(path, text)).filter((problem) => !before.has(problem))
}

describe('the house', () => {
  test('keeps its rules', () => {
    expect(house.size).toBeGreaterThan(50)
    expect(violations(house)).toEqual([])
  })

  test('has the layers that ARCHITECTURE.md draws', () => {
    const drawn = layers
      .filter(([first]) => first !== 'index.ts')
      .map((row) => (row.length === 1 ? row[0] : `{${row.join(', ')}}`))
      .reverse()
      .join(' → ')
    expect(readFileSync(new URL('ARCHITECTURE.md', root), 'utf8')).toContain(`\`${drawn}\``)
  })

  test('has the rooms that must stay pure', () => {
    for (const room of pureRooms) expect([...house.keys()].filter((path) => room.test(path))).not.toEqual([])
  })
})

describe('a file that breaks a rule is named', () => {
  test.each([
    [
      'base/up.ts',
      "import { submit } from '../kernel/submit.ts'",
      'base/up.ts (base) imports kernel/submit.ts (kernel)',
    ],
    ['kernel/up.ts', "import '../cli/bin.ts'", 'kernel/up.ts (kernel) imports cli/bin.ts (cli)'],
    [
      'authority/policy/side.ts',
      "import type {\n  Provider,\n} from '../../effects/provider.ts'",
      'authority/policy/side.ts (authority) imports effects/provider.ts (effects)',
    ],
    [
      'evidence/vault/side.ts',
      "export { type Policy } from '../../authority/policy/index.ts'",
      'evidence/vault/side.ts (evidence) imports authority/policy/index.ts (authority)',
    ],
    [
      'effects/providers/side.ts',
      "const late = await import('../../evidence/ledger/index.ts')",
      'effects/providers/side.ts (effects) imports evidence/ledger/index.ts (evidence)',
    ],
    [
      'kernel/window.ts',
      "import { parseEntry } from '../evidence/ledger/entry.ts'",
      'kernel/window.ts imports evidence/ledger/entry.ts, which is no door of its room',
    ],
    ['kernel/gone.ts', "import './missing.ts'", 'kernel/gone.ts imports ./missing.ts, which is not there'],
    ['kernel/files.ts', "import { readFileSync } from 'node:fs'", 'kernel/files.ts imports node:fs'],
    ['base/files.ts', "import { open } from 'node:fs/promises'", 'base/files.ts imports node:fs/promises'],
    ['kernel/net.ts', "import net from 'node:net'", 'kernel/net.ts imports node:net'],
    ['kernel/shell.ts', "import { spawn } from 'node:child_process'", 'kernel/shell.ts imports node:child_process'],
    ['kernel/env.ts', 'export const home = process.env.HOME', 'kernel/env.ts uses the environment'],
    ['kernel/time.ts', 'export const now = () => Date.now()', 'kernel/time.ts uses the clock'],
    ['kernel/today.ts', 'export const today = new Date()', 'kernel/today.ts uses the clock'],
    ['kernel/dice.ts', 'export const dice = Math.random()', 'kernel/dice.ts uses Math.random'],
    ['kernel/salt.ts', 'export const salt = randomBytes(16)', 'kernel/salt.ts uses randomness'],
    ['kernel/code.ts', 'export const run = (text: string) => eval(text)', 'kernel/code.ts uses generated code'],
    [
      'kernel/late.ts',
      'export const late = (name: string) => import(`../${name}.ts`)',
      'kernel/late.ts uses a computed import',
    ],
    ['kernel/self.ts', "import { visible } from 'kestrel-kernel'", 'kernel/self.ts imports kestrel-kernel'],
    ['kernel/template.ts', 'export const name = `at ${Date.now()}`', 'kernel/template.ts uses the clock'],
    ['kernel/default.ts', 'export default 1', 'kernel/default.ts has a default export'],
    ['kernel/star.ts', "export * from './gate.ts'", 'kernel/star.ts exports everything of another file'],
    ['kernel/long.ts', '// line\n'.repeat(501), 'kernel/long.ts has 501 lines, more than 500'],
    ['kernel/path-utils.ts', 'export const one = 1', 'kernel/path-utils.ts has a name that says nothing'],
    ['attic/box.ts', 'export const one = 1', 'attic/box.ts is in no layer'],
    [
      'evidence/receipt/impure.ts',
      "import { sha256 } from '../../base/hash.ts'",
      'base/hash.ts imports node:crypto, and runs in a browser because of evidence/receipt/impure.ts',
    ],
    [
      'evidence/proof/impure.ts',
      'export const empty = Buffer.alloc(0)',
      'evidence/proof/impure.ts uses Buffer, and runs in a browser because of evidence/proof/impure.ts',
    ],
  ])('%s', (path, text, problem) => {
    expect(refusalsOf(path, text)).toContain(problem)
  })

  test('an import cycle', () => {
    const sources = new Map([
      ['base/a.ts', readSource('base/a.ts', "import './b.ts'")],
      ['base/b.ts', readSource('base/b.ts', "import type { A } from './a.ts'")],
    ])
    expect(violations(sources)).toEqual(['import cycle: base/a.ts → base/b.ts → base/a.ts'])
  })
})

describe('the reader of sources', () => {
  test.each([
    ['// import "../cli/bin.ts"\n/* Date.now() */ export const text = "Math.random()"'],
    ["export const glob = '/workspace/**' // it's eval(1)"],
    ['export const quote = /[\'"]/\nexport const ratio = 4 / 2 / 1 // Date.now()'],
    ['export const words = `call Date.now() and import("x")`'],
    ['export const then = (timeMs: number) => new Date(timeMs)'],
  ])('is not misled by %s', (text) => {
    expect(refusalsOf('kernel/quiet.ts', text)).toEqual([])
  })

  test('finds what stands after a regular expression or a division', () => {
    const text = 'const a = 6 / 2\nconst q = /[/\'"`]/\nexport const now = Date.now() / 2'
    expect(refusalsOf('kernel/loud.ts', text)).toEqual(['kernel/loud.ts uses the clock'])
  })
})
