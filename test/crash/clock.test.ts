import { describe, expect, test } from 'vitest'
import { functions } from 'kestrel-kernel/providers'
import { guards } from '../guards.ts'
import { aWorld } from '../world.ts'

const dayMs = 86_400_000

/** A clock that stands until it is set. */
function aClock(): { now: () => number; monotonicMs: () => number; set: (ms: number) => void } {
  let nowMs = Date.UTC(2026, 5, 15, 12)
  return { now: () => nowMs, monotonicMs: () => 0, set: (ms) => (nowMs = ms) }
}

describe('a clock that jumps', () => {
  guards('LED-02', 'GATE-09')

  test.each([
    ['an hour back', -3_600_000],
    ['ten days back', -10 * dayMs],
    ['to 1970', -Date.UTC(2026, 5, 15, 12)],
    ['ten days ahead', 10 * dayMs],
    ['thirty years ahead', 30 * 365 * dayMs],
  ])('%s leaves a log that verifies, in order of time, and every answer', async (_, jumpMs) => {
    const clock = aClock()
    await using world = await aWorld({
      policy: { allow: [{ action: 'fn.act', resource: '**' }] },
      kernel: { clock, providers: [functions({ act: (params) => ({ params }) })] },
    })
    const ask = (key: string): object => ({ action: 'fn.act', resource: 'act', params: { key }, idempotencyKey: key })
    const start = clock.now()
    const first = await world.kernel.submit(ask('first') as never)
    clock.set(start + jumpMs)
    const second = await world.kernel.submit(ask('second') as never)
    await world.reopen()
    const third = await world.kernel.submit(ask('third') as never)
    clock.set(start)
    await world.reopen()
    for (const [key, outcome] of Object.entries({ first, second, third })) {
      expect(await world.kernel.submit(ask(key) as never)).toEqual({ ...outcome, durationMs: expect.any(Number) })
    }
    const times = (await world.entries()).map(({ time }) => time)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(await world.attempts()).toHaveLength(3)
  })
})
