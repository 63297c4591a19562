import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { errorTable, reasonTable } from 'kestrel-kernel'

/**
 * What others build on: the names that each subpath exports, and the codes that programs compare. A change here is a change for
 * users: it needs a line in CHANGELOG.md, and then `npm run vitest -- test/surface.test.ts -u` writes the pins anew.
 */
const root = new URL('..', import.meta.url)
const { exports: subpaths } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  exports: Readonly<Record<string, string | { readonly default: string }>>
}

const doors = Object.entries(subpaths).flatMap(([subpath, target]) =>
  typeof target === 'string'
    ? []
    : [{ subpath, source: target.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts') }],
)

/** Exported names in the text of a door, types marked as such. */
function namesIn(text: string): string[] {
  const lists = [...text.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, type, list]) =>
    (list as string)
      .split(',')
      .map((name) => name.replace(/\/\*[^]*?\*\/|\/\/.*/g, '').trim())
      .filter((name) => name !== '')
      .map((name) => (type === undefined ? name : `type ${name}`).replace(/^(type )?.* as /, '$1')),
  )
  const own = [
    ...text.matchAll(/^export (?:(interface|type)|(?:abstract )?class|const|(?:async )?function\*?) ?(\w+)/gm),
  ]
  return [...lists, ...own.map(([, type, name]) => (type === undefined ? String(name) : `type ${name}`))].sort()
}

describe('each subpath', () => {
  test.each(doors)('$subpath exports the pinned names', async ({ subpath, source }) => {
    const names = namesIn(readFileSync(new URL(source, root), 'utf8'))
    const loaded = (await import(new URL(source, root).href)) as object
    expect(names.filter((name) => !name.startsWith('type '))).toEqual(Object.keys(loaded).sort())
    const file = `pins/exports${subpath.slice(1).replaceAll('/', '.')}.txt`
    await expect(`${names.join('\n')}\n`).toMatchFileSnapshot(file)
  })
})

describe('the codes', () => {
  test('of errors, with their status, are pinned', async () => {
    const lines = Object.entries(errorTable).map(
      ([code, { http, retryable }]) => `${code} ${http}${retryable ? ' retryable' : ''}\n`,
    )
    await expect(lines.sort().join('')).toMatchFileSnapshot('pins/error-codes.txt')
  })

  test('of reasons are pinned', async () => {
    await expect(`${Object.keys(reasonTable).sort().join('\n')}\n`).toMatchFileSnapshot('pins/reason-codes.txt')
  })
})
