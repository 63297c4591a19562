import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { rebuild } from '../../src/kernel/rebuild.ts'
import { resolveUnknown } from '../../src/kernel/resolve.ts'
import { withRooms, type Upkeep } from '../../src/kernel/upkeep.ts'
import type { World } from '../world.ts'
import { anUncertainWorld } from './an-unknown.ts'

/** A closed world with keyed answers of three kinds, two resolutions, and entries without anything. */
async function aHistory(): Promise<{ world: World; places: Upkeep; file: string; calls(): number }> {
  let call = 0
  const { world, places, calls } = await anUncertainWorld(() => (call++ % 2 === 0 ? 'done' : 'uncertain'))
  for (let i = 0; i < 6; i++) await world.kernel.submit({ action: 'test.act', resource: 'x', idempotencyKey: `k${i}` })
  for (let i = 0; i < 3; i++) await world.as('bob').submit({ action: 'fn.look', resource: 'look' })
  await world.kernel.submit({ action: 'fn.look', resource: 'forbidden', idempotencyKey: 'refused' })
  await world.kernel.close()
  await withRooms(places, async (rooms) => {
    await resolveUnknown(rooms, 3, { as: 'done', reason: 'seen' })
    await resolveUnknown(rooms, 7, { as: 'not_done', reason: 'seen not' })
  })
  return { world, places, calls, file: join(world.dataDir, 'state.db') }
}

function rowsOf(file: string): unknown {
  const database = new DatabaseSync(file)
  try {
    return ['about', 'keys', 'resolves'].map((table) => database.prepare(`SELECT * FROM ${table} ORDER BY 1`).all())
  } finally {
    database.close()
  }
}

function edit(file: string, sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}

describe('a rebuilt index', () => {
  test('has the rows of the one that it takes the place of', async () => {
    const { world, places, file } = await aHistory()
    await using _ = world
    const before = rowsOf(file)
    const rebuilt = await rebuild(places)
    expect(rebuilt).toMatchObject({ keys: 7, resolves: 2, withoutAnswer: 0, former: { was: 'sound' } })
    expect(rowsOf(file)).toEqual(before)
    expect(readdirSync(world.dataDir).filter((name) => name.startsWith('state.db'))).toEqual(['state.db'])
  })

  const damages: [string, (file: string, world: World) => void, object][] = [
    ['is missing', (file) => rmSync(file), { was: 'missing' }],
    ['is noise', (file) => writeFileSync(file, Buffer.alloc(9000, 0x5a)), { was: 'unreadable' }],
    ['is empty', (file) => writeFileSync(file, ''), { was: 'unreadable' }],
    ['is of a newer version', (file) => edit(file, 'PRAGMA user_version = 99'), { was: 'of another version' }],
    ['is of another log', (file) => edit(file, "UPDATE about SET origin = 'x'"), { was: 'of another log' }],
    ['is from the future', (file) => edit(file, 'UPDATE about SET tree_size = 1000000'), { was: 'sound' }],
    ['has lost rows', (file) => edit(file, 'DELETE FROM keys'), { was: 'wrong', wrongRows: 0, missingRows: 7 }],
    [
      'has a row too many',
      (file) => edit(file, "INSERT INTO keys VALUES (0, x'00', x'00')"),
      { was: 'wrong', wrongRows: 1, missingRows: 0 },
    ],
    [
      'has rows that lie',
      (file) => edit(file, 'UPDATE keys SET request = key; UPDATE resolves SET of = of + 1'),
      { was: 'wrong', wrongRows: 9, missingRows: 9 },
    ],
    [
      'has notes of another one beside it',
      (file) => {
        const database = new DatabaseSync(file)
        database.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; UPDATE keys SET request = key')
        cpSync(`${file}-wal`, `${file}-kept`)
        database.close()
        rmSync(file)
        renameSync(`${file}-kept`, `${file}-wal`)
      },
      { was: 'missing' },
    ],
  ]

  test.each(damages)('is right where the old one %s', async (_, damage, former) => {
    const { world, places, file, calls } = await aHistory()
    await using __ = world
    const before = rowsOf(file)
    damage(file, world)
    expect((await rebuild(places)).former).toMatchObject(former)
    expect(rowsOf(file)).toEqual(before)
    const done = calls()
    await world.reopen()
    for (let i = 0; i < 6; i++) {
      const again = await world.kernel.submit({ action: 'test.act', resource: 'x', idempotencyKey: `k${i}` })
      expect(again).toMatchObject({ seq: 2 + i, status: i % 2 === 0 ? 'ok' : 'unknown' })
    }
    expect(calls()).toBe(done)
  })

  test('that a crash left unfinished is thrown away', async () => {
    const { world, places, file } = await aHistory()
    await using _ = world
    const before = rowsOf(file)
    cpSync(file, `${file}.new`)
    edit(`${file}.new`, 'DELETE FROM keys')
    await withRooms(places, async () => undefined)
    expect(existsSync(`${file}.new`)).toBe(false)
    expect(rowsOf(file)).toEqual(before)
    cpSync(file, `${file}.new`)
    expect((await rebuild(places)).former.was).toBe('sound')
    expect(rowsOf(file)).toEqual(before)
  })

  test('knows what was asked only as far as the vault still does', async () => {
    const { world, places, calls } = await aHistory()
    await using _ = world
    rmSync(join(world.dataDir, 'vault'), { recursive: true })
    expect(await rebuild(places)).toMatchObject({ keys: 7, withoutAnswer: 7, former: { was: 'wrong', wrongRows: 7 } })
    const done = calls()
    await world.reopen()
    const again = await world.kernel.submit({ action: 'test.act', resource: 'x', idempotencyKey: 'k0' })
    expect(again).toMatchObject({ status: 'invalid', reason: { code: 'idempotency_conflict' } })
    expect(calls()).toBe(done)
  })

  test('waits until no other process holds the data directory', async () => {
    const { world, places, file } = await aHistory()
    await using _ = world
    await world.reopen()
    const before = rowsOf(file)
    await expect(rebuild(places)).rejects.toMatchObject({ code: 'LEDGER_LOCKED' })
    expect(rowsOf(file)).toEqual(before)
  })

  test('leaves the old one as it is where the entries do not lead to the checkpoint', async () => {
    const { world, places, file } = await aHistory()
    await using _ = world
    await world.reopen()
    const looks = Array.from({ length: 300 }, () => world.kernel.submit({ action: 'fn.look', resource: 'look' }))
    await Promise.all(looks)
    await world.kernel.close()
    const before = rowsOf(file)
    const bundle = join(world.dataDir, 'ledger', 'tile', 'entries', '000')
    const text = readFileSync(bundle, 'latin1')
    writeFileSync(bundle, text.replace('"principal":"bob"', '"principal":"eve"'), 'latin1')
    await expect(rebuild(places)).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
    expect(rowsOf(file)).toEqual(before)
    expect(existsSync(`${file}.new`)).toBe(false)
  })

  test('leaves the old one as it is where the log cannot be read', async () => {
    const { world, places, file } = await aHistory()
    await using _ = world
    const before = rowsOf(file)
    const bundles = join(world.dataDir, 'ledger', 'tile', 'entries', '000.p')
    for (const name of readdirSync(bundles)) writeFileSync(join(bundles, name), 'x')
    await expect(rebuild(places)).rejects.toMatchObject({
      code: expect.stringMatching(/^(TILE_INVALID|LEDGER_CORRUPT)$/),
    })
    expect(rowsOf(file)).toEqual(before)
    expect(existsSync(`${file}.new`)).toBe(false)
  })
})
