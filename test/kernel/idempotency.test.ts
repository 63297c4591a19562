import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { functions } from 'kestrel-kernel/providers'
import { guards } from '../guards.ts'
import { aWorld, canary, type World } from '../world.ts'

async function countingWorld(): Promise<{ world: World; calls: () => number }> {
  let calls = 0
  const act = async (): Promise<object> => {
    calls += 1
    await new Promise((resolve) => setTimeout(resolve, 20))
    return { calls, canary }
  }
  const world = await aWorld({
    policy: { allow: [{ action: 'fn.act', resource: 'act' }] },
    kernel: { providers: [functions({ act })] },
  })
  return { world, calls: () => calls }
}

const request = { action: 'fn.act', resource: 'act', params: { amount: 5 }, idempotencyKey: 'k-1' }

describe('an idempotency key', () => {
  guards('GATE-12')

  test('gives a retry the same answer: one effect, one entry', async () => {
    const { world, calls } = await countingWorld()
    await using _world = world
    const first = await world.kernel.submit(request)
    const retry = await world.kernel.submit({ ...request, justification: 'again' })
    expect({ ...retry, durationMs: 0 }).toEqual({ ...first, durationMs: 0 })
    expect(calls()).toBe(1)
    expect(await world.attempts()).toHaveLength(1)
  })

  test('lets a retry join an attempt that still runs', async () => {
    const { world, calls } = await countingWorld()
    await using _world = world
    const [first, second] = await Promise.all([world.kernel.submit(request), world.kernel.submit(request)])
    expect(second).toEqual(first)
    expect(calls()).toBe(1)
  })

  test('refuses another request under it, and says so', async () => {
    const { world, calls } = await countingWorld()
    await using _world = world
    await world.kernel.submit(request)
    const other = await world.kernel.submit({ ...request, params: { amount: 6 } })
    expect(other).toMatchObject({ status: 'invalid', reason: { code: 'idempotency_conflict' } })
    expect(calls()).toBe(1)
  })

  test('belongs to one principal', async () => {
    const { world, calls } = await countingWorld()
    await using _world = world
    await world.as('alice').submit(request)
    await world.as('bob').submit({ ...request, params: { amount: 6 } })
    expect(calls()).toBe(2)
  })

  test.each(['kept', 'removed'])('survives a restart with the index %s', async (index) => {
    const { world, calls } = await countingWorld()
    await using _world = world
    const first = await world.kernel.submit(request)
    const refused = await world.kernel.submit({ action: 'fn.act', resource: 'other', idempotencyKey: 'k-2' })
    await world.kernel.close()
    if (index === 'removed') rmSync(join(world.dataDir, 'state.db'))
    await world.reopen()
    expect(await world.kernel.submit(request)).toEqual({ ...first, durationMs: expect.any(Number) })
    const again = await world.kernel.submit({ action: 'fn.act', resource: 'other', idempotencyKey: 'k-2' })
    expect(again).toEqual({ ...refused, durationMs: expect.any(Number) })
    expect(calls()).toBe(1)
    expect(await world.attempts()).toHaveLength(2)
  })

  test('whose answer is lost is a conflict, never a second effect', async () => {
    const { world, calls } = await countingWorld()
    await using _world = world
    await world.kernel.submit(request)
    await world.kernel.close()
    rmSync(join(world.dataDir, 'state.db'))
    rmSync(join(world.dataDir, 'vault'), { recursive: true })
    await world.reopen()
    expect(await world.kernel.submit(request)).toMatchObject({ reason: { code: 'idempotency_conflict' } })
    expect(calls()).toBe(1)
  })
})
