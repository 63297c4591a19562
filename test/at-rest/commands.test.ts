import { cpSync, readFileSync, rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aPlace, copyOf, type Place } from '../cli/a-place.ts'
import { guards } from '../guards.ts'
import { changeBundle, changeTree, edited, resign } from './thief.ts'

let original: Place
let vkey: string

/** A log of nine entries; `before` is the data directory as it was with five, `kept` the checkpoint of now. */
beforeAll(async () => {
  original = aPlace({ 'a.txt': 'a' })
  const act = (times: number): Promise<unknown> =>
    original.run(['submit', '--batch', '-'], {
      input: `${JSON.stringify({ action: 'fs.read', resource: '/workspace/a.txt' })}\n`.repeat(times),
    })
  await act(3)
  cpSync(original.path('.kestrel'), original.path('before'), { recursive: true })
  await act(4)
  original.write('kept', readFileSync(original.path('.kestrel', 'ledger', 'checkpoint')))
  vkey = (await original.run(['key'])).stdout.trim()
}, 60_000)
afterAll(() => original[Symbol.dispose]())

function rollBack(place: Place): void {
  rmSync(place.path('.kestrel'), { recursive: true })
  cpSync(place.path('before'), place.path('.kestrel'), { recursive: true })
}

describe('a data directory that was changed while nobody looked, at the command line', () => {
  guards('LED-01', 'LED-04')

  test.each<[string, (place: Place) => void, string, string]>([
    [
      'an edited entry',
      (place) => changeBundle(place.ledger, 4, (entries) => entries.with(4, edited(entries[4] as Uint8Array))),
      'entry_altered',
      'LEDGER_CORRUPT',
    ],
    [
      'a tree written anew',
      (place) => void changeTree(place.ledger, (entries) => entries.toSpliced(4, 1)),
      'missing',
      'LEDGER_CORRUPT',
    ],
    [
      'a tree and a key of the thief’s own',
      (place) =>
        resign(
          place.ledger,
          changeTree(place.ledger, (entries) => entries.slice(0, -1)),
        ),
      'foreign_key',
      'KEY_INVALID',
    ],
    ['an older copy', rollBack, 'not_an_extension', 'LEDGER_ROLLED_BACK'],
  ])('%s: verification names it, and no request is taken', async (_what, attack, problem, refusal) => {
    using place = copyOf(original)
    attack(place)
    const since = problem === 'not_an_extension' ? ['--since', 'kept'] : []
    const { code, value } = await place.json(['verify', '--vkey', vkey, ...since])
    expect({ code, ok: value.ok }).toEqual({ code: 6, ok: false })
    expect(value.problems.map((each: { code: string }) => each.code)).toContain(problem)
    const { stdout } = await place.run(['verify', '--vkey', vkey, ...since])
    expect(stdout).toContain(problem)
    const submitted = await place.json(['submit', 'fs.read', '/workspace/a.txt'])
    expect(submitted.code).not.toBe(0)
    expect(submitted.value.error.code).toBe(refusal)
  })

  test('without the key, the work of a thief with a key of his own verifies, and it is said whose word that is', async () => {
    using place = copyOf(original)
    resign(
      place.ledger,
      changeTree(place.ledger, (entries) => entries.with(-1, edited(entries.at(-1) as Uint8Array))),
    )
    const { value } = await place.json(['verify', place.ledger])
    expect(value).toMatchObject({ ok: true, keyFrom: 'folder' })
    expect((await place.run(['verify', place.ledger])).stdout).toContain('--vkey')
  })
})
