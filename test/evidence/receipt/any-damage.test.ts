import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { decodeBundle, encodeBundle } from '../../../src/evidence/ledger/tile.ts'
import { verifyLog, type Problem } from '../../../src/evidence/receipt/index.ts'
import { guards } from '../../guards.ts'
import { aLog, aSigner, leafHashOf, type ALog } from './a-log.ts'

const signer = aSigner()

async function problemsOf(log: ALog): Promise<readonly Problem[]> {
  const verification = await verifyLog(log, { vkey: signer.vkey, primitives: nodePrimitives })
  expect(verification.ok).toBe(verification.problems.length === 0)
  return verification.problems
}

describe('any damage to any one file', () => {
  guards('LED-01', 'LED-16')

  const honest = aLog(signer, 300)
  const paths = [...honest.files.keys()].filter((path) => path !== 'checkpoint')
  const damage = fc.record({ path: fc.constantFrom(...paths), at: fc.nat(), bit: fc.nat(7), cut: fc.boolean() })

  test('is found, and blamed on that file alone', async () => {
    await fc.assert(
      fc.asyncProperty(damage, async ({ path, at, bit, cut }) => {
        const log = honest.copy()
        const bytes = log.file(path)
        const place = at % bytes.length
        if (cut) log.files.set(path, bytes.slice(0, place))
        else bytes[place] = (bytes[place] as number) ^ (1 << bit)
        const problems = await problemsOf(log)
        // a key is the same with and without its newline
        expect(problems.length > 0 || (path === 'vkey' && cut && place === bytes.length - 1)).toBe(true)
        expect(new Set(problems.map(({ file }) => file)).size).toBeLessThan(2)
        expect(problems.every(({ file }) => file === path)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('is found in the checkpoint', async () => {
    const length = honest.file('checkpoint').length
    for (let bit = 0; bit < length * 8; bit += 7) {
      const log = honest.copy()
      const bytes = log.file('checkpoint')
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(await problemsOf(log)).not.toEqual([])
    }
  })
})

describe('a log of three levels of tiles', () => {
  guards('LED-01')

  let honest: ALog
  beforeAll(() => {
    honest = aLog(signer, 66_000)
  }, 60_000)

  const bundle = 'tile/entries/100'
  const alter = (log: ALog): void => {
    const entries = decodeBundle(log.file(bundle))
    log.files.set(bundle, encodeBundle(entries.with(17, Buffer.from('{"v":1}'))))
  }
  const flip = (log: ALog, path: string): void => {
    log.file(path)[0] = (log.file(path)[0] as number) ^ 1
  }

  test('names the altered entry', async () => {
    const log = honest.copy()
    alter(log)
    expect(await problemsOf(log)).toMatchObject([{ code: 'entry_altered', seq: 25_617, file: bundle }])
  })

  test('names the bundle when its tile was rewritten to match', async () => {
    const log = honest.copy()
    alter(log)
    log.files.set('tile/0/100', Buffer.concat(decodeBundle(log.file(bundle)).map(leafHashOf)))
    expect(await problemsOf(log)).toMatchObject([{ code: 'entry_altered', file: bundle }])
  })

  test.each(['tile/0/100', 'tile/0/257.p/208', 'tile/1/000', 'tile/1/001.p/1', 'tile/2/000.p/1'])(
    'names %s',
    async (path) => {
      const log = honest.copy()
      flip(log, path)
      expect(await problemsOf(log)).toMatchObject([{ code: 'file_damaged', file: path }])
    },
  )

  test('does not believe a damaged tile over entries that are right', async () => {
    const log = honest.copy()
    const wrong = Buffer.alloc(32, 1)
    log.file('tile/0/100').set(wrong, 17 * 32)
    log.file('tile/1/000').set(wrong, 100 * 32)
    const codes = (await problemsOf(log)).map(({ code, file }) => [code, file])
    expect(codes).toEqual([
      ['file_damaged', 'tile/1/000'],
      ['file_damaged', 'tile/0/100'],
    ])
  })

  test('names each of several', async () => {
    const log = honest.copy()
    alter(log)
    flip(log, 'tile/0/200')
    log.files.delete('tile/entries/150')
    expect(await problemsOf(log)).toMatchObject([
      { code: 'entry_altered', seq: 25_617 },
      { code: 'missing', file: 'tile/entries/150' },
      { code: 'file_damaged', file: 'tile/0/200' },
    ])
  })
})
