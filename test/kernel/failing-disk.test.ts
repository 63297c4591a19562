import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { functions } from 'kestrel-kernel/providers'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aWorld, type World } from '../world.ts'

/** Puts a full device in the place of every open file of the log: each further write and sync of them is an I/O error. */
function breakTheDisk(world: World, room = 'ledger'): void {
  const log = join(world.dataDir, room)
  let broken = 0
  const spare: number[] = []
  for (const fd of readdirSync('/proc/self/fd')) {
    let target = ''
    try {
      target = readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      continue
    }
    if (!target.startsWith(log)) continue
    closeSync(Number(fd))
    // Each open takes the lowest free number: those below the one that was just closed are filled first.
    let opened = openSync('/dev/full', 'r+')
    for (; opened < Number(fd); opened = openSync('/dev/full', 'r+')) spare.push(opened)
    expect(opened).toBe(Number(fd))
    broken += 1
  }
  for (const fd of spare) closeSync(fd)
  expect(broken).toBeGreaterThan(0)
}

async function worldWithEffect(
  effect: (world: World) => object | Promise<object>,
  kind: 'mutate' | 'observe',
): Promise<World> {
  const world: World = await aWorld({
    policy: { allow: [{ action: '**', resource: '**' }] },
    kernel: { providers: [functions({ act: { kind, run: () => effect(world) } })] },
  })
  return world
}

describe.runIf(process.platform === 'linux')('a log that cannot be written', () => {
  guards('GATE-11')

  test('before the effect: nothing happens, and the kernel is sealed', async () => {
    let effects = 0
    await using world = await worldWithEffect(() => ({ effects: ++effects }), 'mutate')
    breakTheDisk(world)
    expect(await world.submit('fn.act', 'act')).toMatchObject({ status: 'denied', seq: -1, reason: { code: 'sealed' } })
    expect(effects).toBe(0)
    await expect(world.submit('fn.act', 'act')).rejects.toMatchObject({ code: 'KERNEL_SEALED' })
    await expect(world.as('bob').submit({ action: 'fn.act' })).rejects.toMatchObject({ code: 'KERNEL_SEALED' })
    expect(effects).toBe(0)
  })

  test('after the effect: unknown, never failed, and a restart writes the entry', async () => {
    await using world = await worldWithEffect(() => {
      breakTheDisk(world)
      return { sent: true }
    }, 'mutate')
    const outcome = await world.submit('fn.act', 'act')
    expect(outcome).toMatchObject({ status: 'unknown', seq: -1, error: { code: 'not_recorded' } })
    expect(outcome).not.toHaveProperty('result')
    await world.kernel.close().catch(() => undefined)
    await world.reopen()
    expect(await world.attempts()).toMatchObject([
      { action: 'fn.act', outcome: { status: 'unknown', effect: 'uncertain' } },
    ])
  })

  test('for lack of a vault: nothing happens either', async () => {
    let effects = 0
    await using world = await worldWithEffect(() => ({ effects: ++effects }), 'mutate')
    await world.submit('fn.act', 'act', { a: 1 })
    breakTheDisk(world, 'vault')
    expect(await world.submit('fn.act', 'act', { a: 2 })).toMatchObject({
      status: 'denied',
      reason: { code: 'sealed' },
    })
    await expect(world.submit('fn.act', 'act')).rejects.toMatchObject({ code: 'KERNEL_SEALED' })
    expect(effects).toBe(1)
  })

  test('after an observation: no result without an entry', async () => {
    await using world = await worldWithEffect(() => {
      breakTheDisk(world)
      return { secret: 1 }
    }, 'observe')
    const outcome = await world.submit('fn.act', 'act')
    expect(outcome).toMatchObject({ status: 'denied', reason: { code: 'sealed' } })
    expect(outcome).not.toHaveProperty('result')
  })
})
