import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { functions } from 'kestrel-kernel/providers'
import type { Outcome } from 'kestrel-kernel'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { rebuild } from '../../src/kernel/rebuild.ts'
import { guards } from '../guards.ts'
import { aWorld, type World } from '../world.ts'
import { fill } from './a-data-directory.ts'
import { changeBundle } from './thief.ts'

type Name = 'a' | 'b'

interface CountingWorld extends AsyncDisposable {
  readonly world: World
  ask(name: Name): Promise<Outcome>
  /** Asks both again, and holds the answers against the first ones. */
  expectFirstAnswers(): Promise<void>
  /** Nothing took effect more often than it was asked for, whatever else happened. */
  expectNoSecondEffect(): void
}

/**
 * Two requests with idempotency keys, answered and at rest in a full bundle.
 *
 * @param between what is done at rest after the first of them
 */
async function answered(between: (world: World) => void = () => undefined): Promise<CountingWorld> {
  const effects = { a: 0, b: 0 }
  const act = (name: Name): object => ({ did: name, times: ++effects[name] })
  const world = await aWorld({
    policy: { allow: [{ action: 'fn.*', resource: '**' }] },
    kernel: { providers: [functions({ a: async () => act('a'), b: async () => act('b') })] },
  })
  const ask = (name: Name): Promise<Outcome> =>
    world.kernel.submit({ action: `fn.${name}`, resource: name, params: {}, idempotencyKey: `key of ${name}` })
  const a = await ask('a')
  await world.kernel.close()
  between(world)
  await world.reopen()
  const first = { a, b: await ask('b') }
  await fill(world.kernel, 4, 300)
  await world.kernel.close()
  expect(effects).toEqual({ a: 1, b: 1 })
  const expectNoSecondEffect = (): void => expect(effects).toEqual({ a: 1, b: 1 })
  return {
    world,
    ask,
    async expectFirstAnswers() {
      for (const name of ['a', 'b'] as const) {
        const { status, result, seq } = await ask(name)
        expect({ status, result, seq }).toEqual({ status: 'ok', result: first[name].result, seq: first[name].seq })
      }
      expectNoSecondEffect()
    },
    expectNoSecondEffect,
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  }
}

const indexOf = (world: World): string => join(world.dataDir, 'state.db')

function alter(world: World, ...statements: readonly string[]): void {
  const database = new DatabaseSync(indexOf(world))
  for (const statement of statements) database.exec(statement)
  database.close()
}

function removeIndex(world: World): void {
  for (const part of ['', '-wal', '-shm']) rmSync(`${indexOf(world)}${part}`, { force: true })
}

/** The kernel does not start and says what to do; and once that was done, answers as it did at first. */
async function expectRefusedUntilRebuilt({ world, expectFirstAnswers }: CountingWorld, what: RegExp): Promise<void> {
  const starting = world.reopen()
  await expect(starting).rejects.toMatchObject({ code: 'STATE_INVALID' })
  await expect(starting).rejects.toThrow(what)
  await expect(starting).rejects.toThrow(/state\.db.*`kestrel rebuild` remakes it, or remove it/)
  await rebuild({ dataDir: world.dataDir, keysDir: world.keysDir, clock: systemClock })
  await world.reopen()
  await expectFirstAnswers()
}

const bytes = (hex: string, count: number): string => `x'${hex.repeat(count)}'`

describe('an index at rest', () => {
  guards('LED-01', 'GATE-12')

  test('that nobody touched answers as before', async () => {
    await using place = await answered()
    await place.world.reopen()
    await place.expectFirstAnswers()
  })

  test.each<[string, (world: World) => void]>([
    ['removed', removeIndex],
    ['of an older version, emptied', (world) => alter(world, 'DELETE FROM keys', 'PRAGMA user_version = 2')],
  ])('%s: is made again, and nothing is forgotten', async (_what, attack) => {
    await using place = await answered()
    attack(place.world)
    await place.world.reopen()
    await place.expectFirstAnswers()
  })

  test.each<[string, ...string[]]>([
    ['said to reflect less of the log', 'UPDATE about SET tree_size = 0'],
    ['said to reflect more of the log', 'UPDATE about SET tree_size = tree_size + 1'],
    ['said to reflect more than the log has', 'UPDATE about SET tree_size = 1000000'],
    ['emptied and said to reflect nothing', 'DELETE FROM keys', 'UPDATE about SET tree_size = 0'],
    ['from which a row was taken', 'DELETE FROM keys WHERE seq = (SELECT min(seq) FROM keys)'],
    ['from which all rows were taken', 'DELETE FROM keys'],
    ['in which an answer leads to another entry', 'UPDATE keys SET seq = 200 WHERE seq = (SELECT min(seq) FROM keys)'],
    [
      'in which two answers were swapped',
      'CREATE TEMP TABLE swapped AS SELECT (SELECT min(seq) + max(seq) FROM keys) - seq AS seq, key, request FROM keys',
      'DELETE FROM keys',
      'INSERT INTO keys (seq, key, request) SELECT seq, key, request FROM swapped',
    ],
    ['in which a request was changed', `UPDATE keys SET request = ${bytes('00', 32)}`],
    ['in which an answer was planted', `INSERT INTO keys VALUES (200, ${bytes('00', 32)}, ${bytes('00', 32)})`],
    ['in which a settlement was planted', 'INSERT INTO resolves (seq, of) VALUES (200, 2)'],
    ['with another seal', `UPDATE about SET tag = ${bytes('00', 32)}`],
    ['without a seal', "UPDATE about SET tag = x''"],
  ])('%s: the kernel does not start until it is remade', async (_what, ...statements) => {
    await using place = await answered()
    alter(place.world, ...statements)
    await expectRefusedUntilRebuilt(place, /does not hold what Kestrel noted in it/)
  })

  test.each([
    ['named after another log', "UPDATE about SET origin = 'kestrel.local/0123456789abcdef'", /belongs to another log/],
    ['that says nothing of itself', 'DELETE FROM about', /does not say what it reflects/],
    ['of a version to come', 'PRAGMA user_version = 9999', /is of a newer version/],
    ['without its tables', 'DROP TABLE keys', /is damaged/],
  ])('%s: the kernel does not start until it is remade', async (_what, statement, told) => {
    await using place = await answered()
    alter(place.world, statement)
    await expectRefusedUntilRebuilt(place, told)
  })

  test('of another log, named after this one: the kernel does not start until it is remade', async () => {
    await using place = await answered()
    await using other = await answered()
    const [row] = rowsOf(place.world, 'SELECT origin FROM about')
    alter(other.world, `UPDATE about SET origin = '${String(row?.['origin'])}'`)
    copyFileSync(indexOf(other.world), indexOf(place.world))
    await expectRefusedUntilRebuilt(place, /does not hold what Kestrel noted in it/)
  })
})

function rowsOf(world: World, query: string): Record<string, unknown>[] {
  const database = new DatabaseSync(indexOf(world))
  const rows = database.prepare(query).all()
  database.close()
  return rows
}

describe('an older index in the place of the last one', () => {
  guards('LED-01', 'GATE-12')

  const keep = (world: World): void => copyFileSync(indexOf(world), `${indexOf(world)}.old`)
  const putBack = (world: World): void => {
    removeIndex(world)
    copyFileSync(`${indexOf(world)}.old`, indexOf(world))
  }

  test('is brought up to the log: what was answered since is answered so again', async () => {
    await using place = await answered(keep)
    putBack(place.world)
    expect(rowsOf(place.world, 'SELECT seq FROM keys')).toHaveLength(1)
    await place.world.reopen()
    await place.expectFirstAnswers()
  })

  test('that says it is the last one is refused', async () => {
    await using place = await answered(keep)
    const [row] = rowsOf(place.world, 'SELECT tree_size FROM about')
    putBack(place.world)
    alter(place.world, `UPDATE about SET tree_size = ${String(row?.['tree_size'])}`)
    await expectRefusedUntilRebuilt(place, /does not hold what Kestrel noted in it/)
  })

  test('under the seal of the last one is refused', async () => {
    await using place = await answered(keep)
    const [row] = rowsOf(place.world, 'SELECT tree_size, hex(tag) AS tag FROM about')
    putBack(place.world)
    alter(place.world, `UPDATE about SET tree_size = ${String(row?.['tree_size'])}, tag = x'${String(row?.['tag'])}'`)
    await expectRefusedUntilRebuilt(place, /does not hold what Kestrel noted in it/)
  })
})

describe('the entries behind an index, changed in a finished bundle', () => {
  guards('LED-01', 'GATE-12')

  const without = (pattern: RegExp, text: string) => (entries: Uint8Array[]) =>
    entries.map((entry) => Buffer.from(Buffer.from(entry).toString('latin1').replace(pattern, text), 'latin1'))

  test('an entry that lost its key does not let a new index forget it', async () => {
    await using place = await answered()
    const { world } = place
    changeBundle(join(world.dataDir, 'ledger'), 0, without(/"key":"[0-9a-f]{64}",/, ''))
    removeIndex(world)
    await expect(world.reopen()).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
    place.expectNoSecondEffect()
  })

  test('an entry that was made another answer is not given as one', async () => {
    await using place = await answered()
    const { world, ask } = place
    changeBundle(
      join(world.dataDir, 'ledger'),
      0,
      without(/"result":"[0-9a-f]{64}","status":"ok"/, '"status":"denied"'),
    )
    await world.reopen()
    await expect(ask('a')).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
    place.expectNoSecondEffect()
  })
})
