import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const root = new URL('..', import.meta.url)
const page = readFileSync(new URL('docs/durability.md', root), 'utf8')
const [text = '', list = ''] = page.split('\n## The tests\n')

/** Numbers of the citations in a piece of the page. */
const citedIn = (piece: string): number[] => [...piece.matchAll(/\[(\d+)\](?!\()/g)].map(([, number]) => Number(number))

const listed = new Map(
  [...list.matchAll(/^(\d+)\. `(test\/[^`]+)`: (.+)$/gm)].map(([, number, file, title]) => [
    Number(number),
    { file: file as string, title: title as string },
  ]),
)

/** Titles of the tests in a source: what stands first in `test(…)`, `test.each(…)(…)` and the like. */
function hasTitle(source: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => source.includes(`${quote}${title.replaceAll(quote, `\\${quote}`)}${quote}`))
}

/** Rows of every table whose cells say what becomes of something: without heads and rulers. */
function cellsOf(section: string): string[][] {
  const body = text.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? ''
  return body
    .split('\n')
    .filter((line) => line.startsWith('| ') || line.startsWith('|-'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter((cells, index) => index > 1 && cells.length > 1)
}

describe('docs/durability.md', () => {
  test.each([...listed])('test %i is there', (_, { file, title }) => {
    expect(existsSync(new URL(file, root)), file).toBe(true)
    expect(hasTitle(readFileSync(new URL(file, root), 'utf8'), title), `${file}: ${title}`).toBe(true)
  })

  test('cites what is listed, and lists what is cited', () => {
    const numbers = [...listed.keys()]
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    expect([...new Set(citedIn(text))].toSorted((a, b) => a - b)).toEqual(numbers)
  })

  test.each(['When an answer is given', 'What becomes of an answer that was given', 'When the disk fails'])(
    'every cell of "%s" cites a test, or says that none shows it',
    (section) => {
      const rows = cellsOf(section)
      expect(rows.length).toBeGreaterThan(2)
      for (const [what, ...cells] of rows) {
        for (const cell of cells)
          expect(cell === 'not shown' || citedIn(cell).length > 0, `${what}: ${cell}`).toBe(true)
      }
    },
  )

  test('every row of "What becomes of the files" cites a test', () => {
    const rows = cellsOf('What becomes of the files')
    expect(rows.length).toBeGreaterThan(10)
    for (const cells of rows)
      expect(citedIn(cells.join(' ')).length + Number(cells.includes('see below')), cells[0]).toBeGreaterThan(0)
  })

  test('a citation of a test that is not there would be found', () => {
    expect(hasTitle("test('kept', () => undefined)", 'lost')).toBe(false)
    expect(hasTitle(`test("a kernel's life", () => undefined)`, "a kernel's life")).toBe(true)
    expect(citedIn('kept [1] [22], see [there](a.md), [3](#x)')).toEqual([1, 22])
  })
})
