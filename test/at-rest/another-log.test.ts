import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aDataDirectory, aDataDirectoryBeside, type DataDirectory } from './a-data-directory.ts'

describe.each([2, 257, 1000])('the log of another data directory, with as many entries (%i)', (size) => {
  guards('LED-01', 'LED-04', 'KEY-01')

  let ours: DataDirectory
  let theirs: DataDirectory
  beforeAll(async () => {
    ours = await aDataDirectory(size)
    theirs = await aDataDirectory(size)
  })
  afterAll(() => {
    ours[Symbol.dispose]()
    theirs[Symbol.dispose]()
  })

  /** Ours, with these parts from theirs. */
  function swapped(...parts: readonly string[]): DataDirectory {
    const place = ours.copy()
    for (const part of parts) {
      rmSync(join(place.data, part), { recursive: true })
      cpSync(join(theirs.data, part), join(place.data, part), { recursive: true })
    }
    return place
  }

  test('is a foreign key to who has ours, also against a kept checkpoint', async () => {
    using place = swapped('ledger')
    expect(await place.problems()).toMatchObject([
      { code: 'foreign_key', file: 'vkey' },
      { code: 'foreign_key', file: 'checkpoint' },
    ])
    const codes = (await place.problems({ since: ours.kept })).map(({ code }) => code)
    expect(codes).toEqual(['foreign_key', 'foreign_key', 'foreign_key'])
  })

  test('does not open with our keys', async () => {
    using place = swapped('ledger')
    await expect(place.start()).rejects.toMatchObject({ code: 'KEY_MISSING' })
  })

  test('does not open with our keys under our name either', async () => {
    using place = swapped('ledger')
    writeFileSync(join(place.ledger, 'vkey'), `${ours.vkey}\n`)
    const starting = place.start()
    await expect(starting).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
    await expect(starting).rejects.toThrow('ledger/checkpoint')
  })

  test.each([['ledger/tile'], ['ledger/checkpoint'], ['ledger/wal'], ['ledger/tile', 'ledger/checkpoint']])(
    'is not taken in parts: %s',
    async (...parts) => {
      using place = swapped(...parts)
      await expect(place.start()).rejects.toMatchObject({
        code: expect.stringMatching(/^LEDGER_(?:CORRUPT|ROLLED_BACK)$/) as string,
      })
      if (parts[0] !== 'ledger/wal') expect(await place.problems()).not.toEqual([])
    },
  )
})

describe('the log of a data directory whose keys lie in the same folder', () => {
  guards('LED-01', 'LED-04')

  test('in place of ours is refused by its index, named to who has our key, and not by the kernel once the index is gone', async () => {
    using ours = await aDataDirectory(20)
    using theirs = await aDataDirectoryBeside(ours, 20)
    for (const name of ['ledger']) {
      rmSync(join(ours.data, name), { recursive: true })
      cpSync(join(theirs.data, name), join(ours.data, name), { recursive: true })
    }
    const starting = ours.start()
    await expect(starting).rejects.toMatchObject({ code: 'STATE_INVALID' })
    await expect(starting).rejects.toThrow('belongs to another log')
    expect(await ours.problems()).toMatchObject([{ code: 'foreign_key' }, { code: 'foreign_key' }])
    for (const part of ['', '-wal', '-shm']) rmSync(`${ours.state}${part}`, { force: true })
    // A data directory has no other name than its log's: whoever moves the whole of one moves its identity.
    const kernel = await ours.start()
    expect(kernel.vkey).toBe(readFileSync(join(theirs.ledger, 'vkey'), 'utf8').trim())
    expect(kernel.vkey).not.toBe(ours.vkey)
    await kernel.close()
  })
})
