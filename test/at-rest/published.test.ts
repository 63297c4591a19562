import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodePrimitives } from '../../src/base/hash.ts'
import { logFiles, tileWidth } from '../../src/evidence/ledger/index.ts'
import { verifyLog } from '../../src/evidence/receipt/index.ts'
import { guards } from '../guards.ts'
import { aDataDirectory, type DataDirectory } from './a-data-directory.ts'
import { attacks, attacksOn, fitsBundle, thorough } from './attacks.ts'
import { changeBundle, changeTree, edited, resign } from './thief.ts'

const sizes = [1, 2, 255, 256, 257, 512, 1000, 3000]

/** Entries worth attacking: the ends of the log, and of its bundles. */
function victims(size: number): number[] {
  const places = size < 1000 ? [0, 1, 128, 255, 256, size - 2, size - 1] : [255, 256, size - 1]
  return [...new Set(places.filter((seq) => seq >= 0 && seq < size))]
}

describe.each(sizes)('a published log of %i entries', (size) => {
  guards('LED-01', 'LED-04')

  let honest: DataDirectory
  beforeAll(async () => {
    honest = await aDataDirectory(size)
  })
  afterAll(() => honest[Symbol.dispose]())

  test('verifies by its key, and against its own checkpoint', async () => {
    expect(await honest.problems({ since: honest.kept })).toEqual([])
    expect(Buffer.from(honest.kept).toString('utf8').split('\n')[1]).toBe(String(size))
  })

  test.each(attacks)('$name in one bundle: named, with the entry and the file', async (attack) => {
    for (const seq of victims(size)) {
      const start = seq - (seq % tileWidth)
      const end = Math.min(size, start + tileWidth)
      if (!fitsBundle(attack, end - start)) continue
      using stolen = honest.publishedCopy()
      changeBundle(stolen.ledger, seq, attack.change(seq - start))
      const problems = await stolen.problems()
      const bundle = expect.stringContaining(`tile/entries/${String(start / tileWidth).padStart(3, '0')}`) as string
      expect([seq, problems[0]]).toMatchObject([seq, { ...attack.told(seq, end), file: bundle }])
      expect(problems.every(({ file }) => file === problems[0]?.file)).toBe(true)
    }
  })

  describe.each(thorough)('$name', ({ apply, told }) => {
    test.each(attacksOn(size))('$name: named by who has the key', async (attack) => {
      for (const seq of size < 1000 ? [0, Math.floor(size / 2), size - 1] : [0]) {
        using stolen = honest.publishedCopy()
        apply(stolen.ledger, attack, seq)
        const codes = (await stolen.problems()).map(({ code }) => code)
        expect([seq, codes, codes.some((code) => told.includes(code))]).toEqual([seq, codes, true])
      }
    })
  })

  test('under a key of the thief’s own it is believed by whoever takes the key from the folder, and only by them', async () => {
    using stolen = honest.publishedCopy()
    resign(
      stolen.ledger,
      changeTree(stolen.ledger, (entries) => entries.with(-1, edited(entries.at(-1) as Uint8Array))),
    )
    const withoutKey = await verifyLog(logFiles(stolen.ledger), { primitives: nodePrimitives })
    expect(withoutKey.problems).toEqual([])
    expect(await stolen.problems()).toMatchObject([{ code: 'foreign_key' }, { code: 'foreign_key' }])
    const held = await verifyLog(logFiles(stolen.ledger), { since: honest.kept, primitives: nodePrimitives })
    expect(held.problems).toMatchObject([{ code: 'foreign_key' }])
  })
})

test('a thief who wrote the whole tree anew is told from an owner who signed a faulty one', async () => {
  using honest = await aDataDirectory(257)
  for (const attack of attacks) {
    using stolen = honest.publishedCopy()
    changeTree(stolen.ledger, attack.change(0))
    const codes = (await stolen.problems()).map(({ code }) => code)
    const byOthers = codes.some((code) => ['root_mismatch', 'missing', 'truncated'].includes(code))
    expect([attack.name, byOthers]).toEqual([attack.name, true])
  }
})
