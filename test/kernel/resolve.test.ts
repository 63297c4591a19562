import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { rebuild } from '../../src/kernel/rebuild.ts'
import { resolveUnknown, type Resolution } from '../../src/kernel/resolve.ts'
import { withRooms } from '../../src/kernel/upkeep.ts'
import { guards } from '../guards.ts'
import { anUncertainWorld } from './an-unknown.ts'

const request = { action: 'test.act', resource: 'x', idempotencyKey: 'k' }
const done: Resolution = { as: 'done', reason: 'the bank shows the transfer', principal: { id: 'ann', roles: ['ops'] } }

describe('an unknown outcome', () => {
  guards('RUN-14')

  test.each<[Resolution['as'], object]>([
    ['done', { status: 'ok', effect: 'done' }],
    ['not_done', { status: 'failed', effect: 'none' }],
  ])('is settled as %s by an entry of its own', async (as, outcome) => {
    const { world, places } = await anUncertainWorld()
    await using _ = world
    const { seq } = await world.kernel.submit(request)
    await world.kernel.close()
    const resolved = await withRooms(places, async (rooms) => {
      const found = await resolveUnknown(rooms, seq, { ...done, as })
      const { time, reason } = JSON.parse(Buffer.from(await rooms.ledger.read(found.seq)).toString()) as never
      const { bytes } = await rooms.vault.get(reason, { class: 'internal', timeMs: time })
      expect(Buffer.from(bytes).toString()).toBe(done.reason)
      return found
    })
    expect(resolved).toEqual({ seq: seq + 1, of: seq, as })
    const entries = await world.entries()
    expect(entries[seq]).toMatchObject({ kind: 'action', outcome: { status: 'unknown', effect: 'uncertain' } })
    expect(entries[resolved.seq]).toEqual({
      v: 1,
      seq: resolved.seq,
      time: expect.any(Number),
      kind: 'resolve',
      agent: 'local',
      agentSeq: expect.any(Number),
      principal: 'ann',
      of: seq,
      reason: expect.stringMatching(/^[0-9a-f]{64}$/),
      outcome,
    })
  })

  test('is settled once, also after a restart, a rebuild, and by two at the same time', async () => {
    const { world, places } = await anUncertainWorld()
    await using _ = world
    const { seq } = await world.kernel.submit(request)
    await world.kernel.close()
    await withRooms(places, async (rooms) => {
      const both = await Promise.allSettled([resolveUnknown(rooms, seq, done), resolveUnknown(rooms, seq, done)])
      expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
      await expect(resolveUnknown(rooms, seq, { ...done, as: 'not_done' })).rejects.toMatchObject({
        code: 'RESOLUTION_INVALID',
        message: expect.stringContaining(`resolved by entry ${seq + 1}`),
      })
    })
    await rebuild(places)
    await withRooms(places, async (rooms) => {
      await expect(resolveUnknown(rooms, seq, done)).rejects.toMatchObject({ code: 'RESOLUTION_INVALID' })
    })
    expect((await world.entries()).filter(({ kind }) => kind === 'resolve')).toHaveLength(1)
  })

  test('is answered to a retry under its key as it was the first time, and not done again', async () => {
    const { world, places, calls } = await anUncertainWorld()
    await using _ = world
    const { durationMs: __, ...first } = await world.kernel.submit(request)
    await world.kernel.close()
    await withRooms(places, (rooms) => resolveUnknown(rooms, first.seq, { ...done, as: 'not_done' }))
    await world.reopen()
    expect(await world.kernel.submit(request)).toMatchObject(first)
    expect(calls()).toBe(1)
  })

  test('is not settled by what an edited index says', async () => {
    const { world, places } = await anUncertainWorld()
    await using _ = world
    const { seq } = await world.kernel.submit(request)
    await world.kernel.close()
    const index = new DatabaseSync(join(world.dataDir, 'state.db'))
    index.prepare('INSERT INTO resolves (seq, of) VALUES (1, ?)').run(seq)
    index.close()
    const attempt = withRooms(places, (rooms) => resolveUnknown(rooms, seq, done))
    await expect(attempt).rejects.toMatchObject({
      code: 'STATE_INVALID',
      message: expect.stringContaining('kestrel rebuild'),
    })
    expect((await rebuild(places)).former).toEqual({ was: 'wrong', wrongRows: 1, missingRows: 0 })
    await withRooms(places, (rooms) => resolveUnknown(rooms, seq, done))
  })
})

describe('nothing else is settled', () => {
  guards('RUN-14')

  test.each<[string, number, Partial<Resolution>, string]>([
    ['the enrolment', 0, {}, 'RESOLUTION_INVALID'],
    ['what ended well', 2, {}, 'RESOLUTION_INVALID'],
    ['what is not there', 99, {}, 'ENTRY_NOT_FOUND'],
    ['what is no number', Number.NaN, {}, 'ENTRY_NOT_FOUND'],
    ['an unknown without a reason', 3, { reason: ' ' }, 'RESOLUTION_INVALID'],
    ['an unknown with a book for a reason', 3, { reason: 'x'.repeat(4097) }, 'RESOLUTION_INVALID'],
    ['an unknown with half a character', 3, { reason: '\ud800' }, 'RESOLUTION_INVALID'],
    ['an unknown as perhaps', 3, { as: 'perhaps' as never }, 'RESOLUTION_INVALID'],
    ['an unknown by nobody', 3, { principal: { id: '' } }, 'PRINCIPAL_INVALID'],
  ])('%s', async (_, seq, more, code) => {
    const answers = ['done', 'uncertain'] as const
    let next = 0
    const { world, places } = await anUncertainWorld(() => answers[next++] ?? 'done')
    await using __ = world
    await world.submit('test.act', 'x')
    await world.submit('test.act', 'x')
    await world.kernel.close()
    const attempt = withRooms(places, (rooms) => resolveUnknown(rooms, seq, { ...done, ...more }))
    await expect(attempt).rejects.toMatchObject({ code })
    expect(await world.entries()).toHaveLength(4)
  })
})
