import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { functions } from 'kestrel-kernel/providers'
import type { Outcome } from 'kestrel-kernel'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aWorld, type World } from '../world.ts'

const indexOf = (world: World): string => join(world.dataDir, 'state.db')

/** A kernel that counts its effects, asked once under each of three keys and closed. */
async function asked(): Promise<
  AsyncDisposable & { readonly world: World; readonly effects: () => number; ask(key: string): Promise<Outcome> }
> {
  let effects = 0
  const world = await aWorld({
    policy: { allow: [{ action: 'fn.*', resource: '**' }] },
    kernel: { providers: [functions({ act: async () => ++effects })] },
  })
  const ask = (key: string): Promise<Outcome> =>
    world.kernel.submit({ action: 'fn.act', resource: 'act', params: {}, idempotencyKey: key })
  for (const key of ['a', 'b', 'c']) await ask(key)
  await world.kernel.close()
  expect(effects).toBe(3)
  return { world, ask, effects: () => effects, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

/** Empties the b-tree by which rows of `table` are found, and leaves the rows. */
function blind(world: World, table: string): void {
  const database = new DatabaseSync(indexOf(world))
  const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?").get(table)
  const page = database.prepare('PRAGMA page_size').get()
  database.close()
  const file = openSync(indexOf(world), 'r+')
  const at = (Number(root?.['rootpage']) - 1) * Number(page?.['page_size'])
  const kind = Buffer.alloc(1)
  readSync(file, kind, 0, 1, at)
  expect(kind[0]).toBe(10)
  writeSync(file, Buffer.from([0, 0]), 0, 2, at + 3)
  closeSync(file)
}

function alter(world: World, statement: string): void {
  const database = new DatabaseSync(indexOf(world), { defensive: false })
  database.exec(statement)
  database.close()
}

describe('an index whose rows are as they were', () => {
  guards('GATE-12', 'LED-01')

  async function expectNoSecondEffect(attack: (world: World) => void): Promise<void> {
    await using place = await asked()
    attack(place.world)
    const refusal = await place.world.reopen().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (refusal !== undefined) return expect(refusal).toMatchObject({ code: 'STATE_INVALID' })
    for (const key of ['a', 'd', 'd', 'a']) await place.ask(key)
    expect(place.effects()).toBe(4)
  }

  const trigger = 'CREATE TRIGGER t AFTER INSERT ON keys BEGIN DELETE FROM keys WHERE seq = NEW.seq; END'
  const view =
    'ALTER TABLE keys RENAME TO noted; CREATE VIEW keys AS SELECT * FROM noted; CREATE TRIGGER t INSTEAD OF INSERT ON keys BEGIN SELECT 1; END'

  test.each<[string, (world: World) => void]>([
    ['but are not found by what they settle', (world) => blind(world, 'resolves')],
    ['but lie under another name', (world) => alter(world, view)],
    ['with a table more', (world) => alter(world, 'CREATE TABLE more (x)')],
  ])('%s: no request takes effect twice', async (_what, attack) => {
    await expectNoSecondEffect(attack)
  })

  // The seal is over the rows, not over the b-tree that leads to them.
  test('but are not found by their keys: no request takes effect twice', async () => {
    await expectNoSecondEffect((world) => blind(world, 'keys'))
  })

  // Nor over what the database does with a new row.
  test('but takes no new ones: no request takes effect twice', async () => {
    await expectNoSecondEffect((world) => alter(world, trigger))
  })
})
