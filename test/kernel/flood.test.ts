import { describe, expect, test } from 'vitest'
import { nodeFiles, type FileLayer } from '../../src/evidence/ledger/file-layer.ts'
import type { Clock } from '../../src/base/clock.ts'
import { Fifo } from '../../src/base/fifo.ts'
import { limits } from '../../src/base/limits.ts'
import { Admission } from '../../src/kernel/admission.ts'
import { guards } from '../guards.ts'
import { aFloodedWorld, denied, noted, type Room } from './a-flood.ts'

describe('a flood by one principal', () => {
  guards('GATE-16')

  test("does not put more than its share before another principal's request", async () => {
    await using world = await aFloodedWorld()
    const mallory = world.kernel.as({ id: 'mallory' })
    const flood = Array.from({ length: 10_000 }, () => mallory.submit(denied))
    const asked = await world.kernel.as({ id: 'alice' }).submit(denied)
    const outcomes = await Promise.all(flood)
    const before = outcomes.filter(({ seq }) => seq < asked.seq).length
    expect(before).toBeLessThanOrEqual(limits.attemptsPerPrincipal)
    expect(new Set(outcomes.map(({ seq }) => seq)).size).toBe(10_000)
  })

  test('keeps its order, and what was changed while it waited is not what it asked', async () => {
    await using world = await aFloodedWorld()
    const agent = world.kernel.as({ id: 'mallory' })
    const request = { ...denied }
    const answers = Array.from({ length: 2000 }, (_, index) => {
      request.resource = `/workspace/${index}/.env`
      return agent.submit(request)
    })
    request.resource = '/workspace/changed/.env'
    const outcomes = await Promise.all(answers)
    expect(outcomes.map(({ resource }) => resource)).toEqual(
      Array.from({ length: 2000 }, (_, index) => `/workspace/${index}/.env`),
    )
    const seqs = outcomes.map(({ seq }) => seq)
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
  })

  test('of dry runs ends too, though each is answered at once', async () => {
    await using world = await aFloodedWorld()
    const agent = world.kernel.as({ id: 'mallory' })
    const held = Array.from({ length: limits.attemptsPerPrincipal }, () => agent.submit(denied))
    const dry = Array.from({ length: 20_000 }, () => agent.submit({ ...denied, dryRun: true }))
    expect((await Promise.all(dry)).every(({ status }) => status === 'denied')).toBe(true)
    await Promise.all(held)
  })

  test('that no memory should hold is turned away, and the kernel goes on', async () => {
    await using world = await aFloodedWorld()
    const agent = world.kernel.as({ id: 'mallory' })
    const more = limits.waitingAttempts + limits.attemptsPerPrincipal + 10
    const answers = await Promise.allSettled(Array.from({ length: more }, () => agent.submit(denied)))
    const turnedAway = answers.filter((answer) => answer.status === 'rejected')
    expect(turnedAway).toHaveLength(10)
    expect(turnedAway[0]).toMatchObject({ reason: { code: 'KERNEL_BUSY' } })
    expect(await agent.submit(denied)).toMatchObject({ status: 'denied', reason: { code: 'denied_by_rule' } })
  })

  test('does not keep the kernel from closing, and all that began has its entry', async () => {
    const world = await aFloodedWorld()
    const agent = world.kernel.as({ id: 'mallory' })
    const answers = Array.from({ length: 3000 }, () => agent.submit(denied))
    await world.kernel.close()
    const outcomes = await Promise.all(answers)
    expect(outcomes.every(({ seq }) => seq >= 0)).toBe(true)
    await world[Symbol.asyncDispose]()
  })
})

describe('while the disk of the log runs low', () => {
  guards('GATE-16', 'LED-06')

  test('each principal begins only so many a second', async () => {
    let nowMs = 0
    const clock: Clock = { now: () => 0, monotonicMs: () => nowMs }
    const admission = new Admission(clock, () => 'low')
    const begun: string[] = []
    for (const who of ['mallory', 'alice']) {
      for (let i = 0; i < 100; i++) admission.wait(who, () => void begun.push(who))
    }
    expect(begun).toEqual([])
    nowMs = 10_000
    admission.wait('bob', () => void begun.push('bob'))
    admission.wait('mallory', () => void begun.push('mallory'))
    admission.wait('alice', () => void begun.push('alice'))
    const count = (who: string): number => begun.filter((each) => each === who).length
    expect([count('mallory'), count('alice'), count('bob')]).toEqual([
      limits.attemptsPerSecondLow,
      limits.attemptsPerSecondLow,
      0,
    ])
  })

  test('nothing begins on what is kept for what has begun, and it goes on when there is room again', async () => {
    const room: Room = { freeBytes: 10 ** 12 }
    await using world = await aFloodedWorld(room)
    const agent = world.kernel.as({ id: 'alice' })
    const held = world.hold(agent.submit(noted))
    await held.begun
    room.freeBytes = 1000
    await world.forgetSpace()
    expect(await agent.submit(denied)).toMatchObject({ status: 'denied', seq: -1, reason: { code: 'no_space' } })
    expect(await agent.submit(noted)).toMatchObject({ status: 'denied', seq: -1, reason: { code: 'no_space' } })
    expect(world.effects).toBe(1)
    const before = world.vaultBytes
    const heavy = { ...noted, params: { content: 'x'.repeat(60_000) } }
    for (let i = 0; i < 20; i++) expect(await agent.submit(heavy)).toMatchObject({ reason: { code: 'no_space' } })
    held.release()
    expect(await held.outcome).toMatchObject({ status: 'ok', seq: 2 })
    expect(world.vaultBytes).toBe(before)
    room.freeBytes = 10 ** 12
    await world.forgetSpace()
    expect(await agent.submit(denied)).toMatchObject({ seq: 3, reason: { code: 'denied_by_rule' } })
  })

  test('a file system that cannot tell is believed until a write fails', async () => {
    const silent: FileLayer = { ...nodeFiles, space: () => Promise.reject(new Error('no statfs here')) }
    await using world = await aFloodedWorld(undefined, silent)
    expect(await world.kernel.submit(denied)).toMatchObject({ seq: 2 })
  })
})

test('a queue gives back in order whatever comes between', () => {
  const queue = new Fifo<number>()
  const taken: (number | undefined)[] = []
  for (let i = 0; i < 1000; i++) {
    queue.add(i)
    if (i % 3 !== 0) taken.push(queue.take())
  }
  expect(queue.first).toBe(taken.length)
  expect(queue.size).toBe(1000 - taken.length)
  expect([...taken, ...queue.takeAll()]).toEqual(Array.from({ length: 1000 }, (_, i) => i))
  expect([queue.size, queue.take(), queue.first]).toEqual([0, undefined, undefined])
})
