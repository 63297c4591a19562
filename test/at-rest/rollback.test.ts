import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aDataDirectory, fill, type DataDirectory } from './a-data-directory.ts'

/** From how many entries to how many: within a bundle, over its end, over several, and past a head. */
const growths = [
  [2, 3],
  [100, 200],
  [255, 256],
  [255, 257],
  [256, 512],
  [257, 1000],
  [1000, 3000],
] as const

describe.each(growths)('an older copy, of %i entries, in place of %i', (older, newer) => {
  guards('LED-01', 'KEY-04')

  let old: DataDirectory
  let now: DataDirectory
  beforeAll(async () => {
    now = await aDataDirectory(older)
    old = now.copy()
    const kernel = await now.start()
    await fill(kernel, older, newer)
    await kernel.close()
  })
  afterAll(() => {
    old[Symbol.dispose]()
    now[Symbol.dispose]()
  })

  const keptLater = (): Uint8Array => readFileSync(join(now.ledger, 'checkpoint'))

  /** A copy of what is there now, in which `part` of the data directory is what it was. */
  function rolledBack(part: string): DataDirectory {
    const place = now.copy()
    rmSync(join(place.data, part), { recursive: true })
    cpSync(join(old.data, part), join(place.data, part), { recursive: true })
    return place
  }

  test('of the whole data directory: the kernel knows what it has signed, and does not start', async () => {
    using place = rolledBack('.')
    const starting = place.start()
    await expect(starting).rejects.toMatchObject({ code: 'LEDGER_ROLLED_BACK' })
    await expect(starting).rejects.toThrow(`holds ${older} entries, its key has signed ${newer}`)
  })

  test('of the whole data directory: verification finds nothing with the key alone, and all with a kept checkpoint', async () => {
    using place = rolledBack('.')
    expect(await place.problems()).toEqual([])
    expect(await place.problems({ since: old.kept })).toEqual([])
    const [problem, ...others] = await place.problems({ since: keptLater() })
    expect(problem).toMatchObject({ code: 'not_an_extension', file: 'checkpoint' })
    expect(problem?.message).toContain(`${older} entries, where there were ${newer}`)
    expect(others).toEqual([])
  })

  test('of the WAL alone: the kernel does not start', async () => {
    using place = rolledBack('ledger/wal')
    expect(await place.problems({ since: keptLater() })).toEqual([])
    await expect(place.start()).rejects.toMatchObject({ code: expect.stringMatching(refusals) as string })
  })

  test('of the published files alone: the kernel refuses, or publishes again what was there', async () => {
    using place = now.copy()
    for (const part of ['tile', 'checkpoint']) {
      rmSync(join(place.ledger, part), { recursive: true })
      cpSync(join(old.ledger, part), join(place.ledger, part), { recursive: true })
    }
    await refusesOrRepairs(place, keptLater())
  })

  test('of the checkpoint alone: the kernel refuses, or publishes again what was there', async () => {
    using place = now.copy()
    writeFileSync(join(place.ledger, 'checkpoint'), old.kept)
    await refusesOrRepairs(place, keptLater())
  })

  test('of the index alone: the kernel catches up with the log', async () => {
    using place = rolledBack('state.db')
    const kernel = await place.start()
    await kernel.close()
    expect(await place.problems({ since: keptLater() })).toEqual([])
  })
})

const refusals = /^LEDGER_(?:CORRUPT|ROLLED_BACK)$/

async function refusesOrRepairs(place: DataDirectory, kept: Uint8Array): Promise<void> {
  try {
    await (await place.start()).close()
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(refusals) as string })
    return
  }
  expect(await place.problems({ since: kept })).toEqual([])
}
