import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { treePaths } from '../../src/evidence/ledger/index.ts'
import { guards } from '../guards.ts'
import { aDataDirectory, type DataDirectory, type Published } from './a-data-directory.ts'

/** Every published file, by its path in the folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

async function publishedLog(size: number): Promise<{ place: DataDirectory; log: Published }> {
  const place = await aDataDirectory(size)
  return { place, log: place.publishedCopy() }
}

describe('the published files of a small log', () => {
  guards('LED-01', 'LED-16')

  let place: DataDirectory
  let log: Published
  beforeAll(async () => {
    ;({ place, log } = await publishedLog(4))
  })
  afterAll(() => {
    log[Symbol.dispose]()
    place[Symbol.dispose]()
  })

  test('are the key, the checkpoint and what the tree needs', () => {
    expect(filesIn(log.ledger)).toEqual(['checkpoint', ...treePaths(4), 'vkey'].sort())
  })

  test('hold no byte that can be changed without verification saying so', async () => {
    const silent: string[] = []
    for (const path of filesIn(log.ledger)) {
      const file = join(log.ledger, path)
      const bytes = readFileSync(file)
      for (let at = 0; at < bytes.length; at++) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] as number) ^ (1 << (at % 8))
        writeFileSync(file, changed)
        const [problem] = await log.problems()
        if (problem === undefined) silent.push(`${path} at ${at}`)
        else expect([path, at, problem.file]).toEqual([path, at, path])
      }
      writeFileSync(file, bytes)
    }
    expect(silent).toEqual([])
    expect(await log.problems()).toEqual([])
  })

  test('may be longer in one place only: the checkpoint, by lines that others signed', async () => {
    for (const path of filesIn(log.ledger)) {
      const file = join(log.ledger, path)
      const bytes = readFileSync(file)
      for (const more of ['\n', '\0', 'x', bytes]) {
        writeFileSync(file, Buffer.concat([bytes, Buffer.from(more)]))
        expect([path, more, (await log.problems()).length]).not.toEqual([path, more, 0])
      }
      writeFileSync(file, bytes)
    }
    const checkpoint = join(log.ledger, 'checkpoint')
    const note = readFileSync(checkpoint)
    const line = `— somebody.example/else ${Buffer.alloc(68, 1).toString('base64')}\n`
    writeFileSync(checkpoint, Buffer.concat([note, Buffer.from(line)]))
    expect(await log.problems()).toEqual([])
    writeFileSync(checkpoint, note)
  })

  test('may have strangers beside them: what the checkpoint does not cover is not looked at', async () => {
    for (const path of [
      'tile/0/001',
      'tile/0/000.p/2',
      'tile/entries/000.p/3',
      'tile/7/000',
      'wal/0000000000000009.wal',
    ]) {
      const file = join(log.ledger, path)
      mkdirSync(join(file, '..'), { recursive: true })
      writeFileSync(file, 'not of this log')
      expect(await log.problems()).toEqual([])
      rmSync(file)
    }
  })
})

describe.each([257, 700])('any change of any published file of %i entries', (size) => {
  guards('LED-01')

  let place: DataDirectory
  let log: Published
  beforeAll(async () => {
    ;({ place, log } = await publishedLog(size))
  })
  afterAll(() => {
    log[Symbol.dispose]()
    place[Symbol.dispose]()
  })

  test('is found, and blamed on that file', async () => {
    const paths = filesIn(log.ledger)
    const damage = fc.record({
      path: fc.constantFrom(...paths),
      at: fc.nat(),
      how: fc.constantFrom('flip', 'cut', 'remove', 'double', 'zero', 'repeat'),
      bit: fc.nat(7),
    })
    await fc.assert(
      fc.asyncProperty(damage, async ({ path, at, how, bit }) => {
        const file = join(log.ledger, path)
        const bytes = readFileSync(file)
        const changed = damaged(bytes, how, at % bytes.length, bit)
        if (changed === undefined) rmSync(file)
        else writeFileSync(file, changed)
        const problems = await log.problems()
        writeFileSync(file, bytes)
        // the key was given: that its copy is gone from the folder, or has lost its newline, changes nothing
        const isHarmless =
          changed?.equals(bytes) === true ||
          (path === 'vkey' && (changed === undefined || changed.equals(bytes.subarray(0, -1))))
        expect(problems.length > 0).toBe(!isHarmless)
        if (how !== 'remove') expect(problems[0]?.file ?? path).toBe(path)
      }),
      { numRuns: 150 },
    )
  })
})

/** Undefined where the file is to go. */
function damaged(bytes: Buffer, how: string, at: number, bit: number): Buffer | undefined {
  const changed = Buffer.from(bytes)
  if (how === 'remove') return undefined
  if (how === 'cut') return changed.subarray(0, at)
  if (how === 'double') return Buffer.concat([changed, changed])
  if (how === 'zero') return changed.fill(0, at, Math.min(bytes.length, at + 32))
  if (how === 'repeat') bytes.copy(changed, at, 0, 32)
  if (how === 'repeat') return changed
  changed[at] = (changed[at] as number) ^ (1 << bit)
  return changed
}
