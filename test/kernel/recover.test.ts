import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { canonicalBytes, canonicalJson } from '../../src/base/canonical-json.ts'
import { commitmentOf, sha256Hex } from '../../src/base/hash.ts'
import type { JsonObject } from '../../src/base/json.ts'
import { pooledRandom } from '../../src/base/random.ts'
import { findDataDirectory } from '../../src/kernel/data-directory.ts'
import { rebuild } from '../../src/kernel/rebuild.ts'
import { catchUp, recallNoted } from '../../src/kernel/recover.ts'
import { openRooms, type Rooms } from '../../src/kernel/rooms.ts'
import { openState, type State } from '../../src/kernel/state/state.ts'
import { withRooms, type Upkeep } from '../../src/kernel/upkeep.ts'
import { guards } from '../guards.ts'
import { anUncertainWorld } from './an-unknown.ts'

const keyOf = (principal: string, key: string): string => sha256Hex(canonicalJson([principal, key]))
const ask = (key: string): { action: string; resource: string; idempotencyKey: string } => ({
  action: 'test.act',
  resource: 'x',
  idempotencyKey: key,
})

describe('what the index says of an idempotency key', () => {
  guards('GATE-12')

  test('is believed where entry and vault bear it out', async () => {
    const { world, places } = await anUncertainWorld()
    await using _ = world
    const { durationMs: __, ...first } = await world.kernel.submit(ask('k'))
    await world.kernel.close()
    await withRooms(places, async (rooms) => {
      const noted = rooms.state.findKey(keyOf('local', 'k'))
      expect(noted).toMatchObject({ seq: first.seq })
      expect(await recallNoted(rooms, keyOf('local', 'k'), noted as never)).toMatchObject(first)
      expect(rooms.seal.by).toBeUndefined()
    })
  })

  test.each<[string, { seq?: number; request?: string }]>([
    ['the answer to another key', { seq: 3 }],
    ['an entry that answers no key', { seq: 0 }],
    ['an entry that is not there', { seq: 1000 }],
    ['an answer to another request', { request: '0'.repeat(64) }],
    ['an answer to nothing that was asked', { request: '' }],
  ])('seals the kernel and names the way on where it is %s', async (_, lie) => {
    const { world, places } = await anUncertainWorld()
    await using __ = world
    await world.kernel.submit(ask('k'))
    await world.kernel.submit(ask('other'))
    await world.kernel.close()
    await withRooms(places, async (rooms) => {
      const noted = rooms.state.findKey(keyOf('local', 'k'))
      const told = recallNoted(rooms, keyOf('local', 'k'), { ...(noted as NonNullable<typeof noted>), ...lie })
      await expect(told).rejects.toMatchObject({
        code: 'STATE_INVALID',
        message: expect.stringContaining('kestrel rebuild'),
      })
      expect(rooms.seal.by).toMatchObject({ code: 'STATE_INVALID' })
    })
  })
})

/** The rooms as a start finds them, before it does anything. */
function openAnew({ dataDir, keysDir, clock }: Upkeep): Promise<Rooms> {
  const { places, keys } = findDataDirectory(dataDir, keysDir)
  return openRooms(places, keys, clock, pooledRandom())
}

function keysIn(file: string): unknown[] {
  const database = new DatabaseSync(file)
  const rows = database.prepare('SELECT * FROM keys ORDER BY seq').all()
  database.close()
  return rows
}

describe('an index that is behind', () => {
  guards('GATE-12')

  test('is brought up to the log by its tail alone', async () => {
    const { world, places } = await anUncertainWorld(() => 'done')
    await using _ = world
    const file = join(world.dataDir, 'state.db')
    for (let i = 0; i < 500; i++) await world.kernel.submit(ask(`k${i}`))
    await world.kernel.close()
    const { treeSize } = await withRooms(places, async ({ ledger }) => ledger)
    copyFileSync(file, `${file}.old`)
    await world.reopen()
    for (let i = 500; i < 600; i++) await world.kernel.submit(ask(`k${i}`))
    await world.kernel.close()
    const before = keysIn(file)
    expect(before).toHaveLength(600)
    copyFileSync(`${file}.old`, file)
    const from: number[] = []
    const { state, ledger, vault, entries } = await openAnew(places)
    await catchUp(state, ledger, vault, (seq) => (from.push(seq), entries(seq)))
    expect({ from, treeSize: state.treeSize }).toEqual({ from: [treeSize], treeSize: ledger.treeSize })
    state.close()
    await ledger.close()
    await vault.close()
    expect(keysIn(file)).toEqual(before)
  })

  test('loses the rows of entries that the log does not have', async () => {
    const { world } = await anUncertainWorld(() => 'done')
    await using _ = world
    for (let i = 0; i < 5; i++) await world.kernel.submit(ask(`k${i}`))
    await world.kernel.close()
    const file = join(world.dataDir, 'state.db')
    const { places: found, keys } = findDataDirectory(world.dataDir, world.keysDir)
    const open = (treeSize: number): State => openState(found.state, keys.origin, treeSize, keys.walKey)
    const seqOf = (state: State, key: string): number | undefined => state.findKey(keyOf('local', key))?.seq
    // Ahead of the log it says nothing certain, and keeps nothing.
    const state = open(4)
    expect([0, 1, 2, 3, 4].map((i) => seqOf(state, `k${i}`))).toEqual(Array(5).fill(undefined))
    state.advance(3)
    state.noteKey(keyOf('local', 'k0'), 2, '')
    state.noteKey(keyOf('local', 'k2'), 4, '')
    state.close()
    const again = open(4)
    expect(again.treeSize).toBe(3)
    expect(['k0', 'k2'].map((key) => seqOf(again, key))).toEqual([2, undefined])
    again.close()
    expect(keysIn(file)).toHaveLength(1)
  })

  test('keeps none of it when it is cut in the middle', async () => {
    const { world, places } = await anUncertainWorld(() => 'done')
    await using _ = world
    for (let i = 0; i < 5; i++) await world.kernel.submit(ask(`k${i}`))
    await world.kernel.close()
    await withRooms(places, async ({ state, ledger, vault, entries }) => {
      state.advance(2)
      const torn = async function* (from: number) {
        yield* entries(from)
        throw new Error('cut')
      }
      await expect(catchUp(state, ledger, vault, torn)).rejects.toThrowError('cut')
      expect(state.treeSize).toBe(2)
      await catchUp(state, ledger, vault, entries)
      expect(state.treeSize).toBe(ledger.treeSize)
    })
  })
})

describe('a keyed request that a crash cut', () => {
  guards('GATE-09', 'GATE-12', 'RUN-14')

  test.each<[string, JsonObject | undefined]>([
    ['without params', undefined],
    ['with params', { amount: 5, to: ['ann', 'bob'] }],
  ])('is unknown to a retry too, and is not done again: %s', async (_, params) => {
    const { world, places, calls } = await anUncertainWorld(() => 'done')
    await using __ = world
    await world.kernel.close()
    await withRooms(places, async ({ ledger, vault, random }) => {
      const kept = { salt: random(16), bytes: canonicalBytes(params ?? {}) }
      vault.put('internal', kept)
      await vault.sync()
      const asked = { action: 'test.act', resource: 'x', key: keyOf('local', 'k') }
      const by = { kind: 'action', agent: 'local', principal: 'local', policy: 1 }
      const decision = { effect: 'permit', reason: 'permitted', rules: ['allow[0]'] }
      await ledger.intend({ ...asked, ...by, decision, ...(params !== undefined && { params: commitmentOf(kept) }) })
    })
    await world.reopen()
    const retry = { ...ask('k'), ...(params !== undefined && { params }) }
    const again = await world.kernel.submit(retry)
    expect(again).toMatchObject({
      status: 'unknown',
      seq: 2,
      error: { code: 'interrupted', message: expect.stringContaining('kestrel resolve') },
    })
    const other = await world.kernel.submit({ ...retry, params: { amount: 6 } })
    expect(other).toMatchObject({ status: 'invalid', reason: { code: 'idempotency_conflict' } })
    expect(calls()).toBe(0)
    await world.kernel.close()
    expect((await rebuild(places)).former.was).toBe('sound')
  })
})
