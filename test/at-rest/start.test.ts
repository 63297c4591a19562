import { cpSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tileWidth } from '../../src/evidence/ledger/index.ts'
import { guards } from '../guards.ts'
import { aDataDirectory, fill, type DataDirectory } from './a-data-directory.ts'
import { attacksOn, fitsBundle, thorough } from './attacks.ts'
import { changeBundle } from './thief.ts'

const sizes = [1, 2, 255, 256, 257, 512, 1000, 3000]

describe.each(sizes)('a kernel over a log of %i entries that was changed meanwhile', (size) => {
  guards('LED-01')

  let honest: DataDirectory
  beforeAll(async () => {
    honest = await aDataDirectory(size)
  })
  afterAll(() => honest[Symbol.dispose]())

  describe.each(thorough)('$name', ({ apply, refused }) => {
    test.each(attacksOn(size))('$name: does not start, and says which file', async (attack) => {
      using stolen = honest.copy()
      apply(stolen.ledger, attack, Math.floor(size / 2))
      const starting = stolen.start()
      await expect(starting).rejects.toMatchObject({ code: refused.code })
      await expect(starting).rejects.toThrow(refused.place)
    })
  })

  const unfinished = size % tileWidth
  test.each(unfinished > 0 ? attacksOn(size).filter((attack) => fitsBundle(attack, unfinished)) : [])(
    '$name in the unfinished bundle: does not start, and names it',
    async (attack) => {
      using stolen = honest.copy()
      changeBundle(stolen.ledger, size - 1, attack.change(unfinished - 1))
      const starting = stolen.start()
      await expect(starting).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
      await expect(starting).rejects.toThrow(/tile\/entries\/0/)
    },
  )

  test.each(size < tileWidth ? [] : attacksOn(size))(
    '$name in a finished bundle: goes on with the true history, and never signs the other',
    async (attack) => {
      using stolen = honest.copy()
      changeBundle(stolen.ledger, 100, attack.change(100))
      const before = await stolen.problems()
      const kernel = await stolen.start()
      await fill(kernel, size, size + 20)
      await kernel.close()
      expect(await stolen.problems()).toEqual(before)
      putBack(honest, stolen)
      expect(await stolen.problems({ since: honest.kept })).toEqual([])
    },
  )
})

/** The finished files as they were. */
function putBack(from: DataDirectory, to: DataDirectory): void {
  for (const name of readdirSync(join(from.ledger, 'tile'), { recursive: true }).map(String)) {
    const path = join(from.ledger, 'tile', name)
    const isFinished = /\/[0-9]{3}$/.test(name) && existsSync(join(to.ledger, 'tile', name))
    if (isFinished) cpSync(path, join(to.ledger, 'tile', name))
  }
}
