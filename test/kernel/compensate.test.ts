import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Outcome } from 'kestrel-kernel'
import { functions, http } from 'kestrel-kernel/providers'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { limits } from '../../src/base/limits.ts'
import { withRooms } from '../../src/kernel/upkeep.ts'
import { guards } from '../guards.ts'
import { aWorld, type World } from '../world.ts'
import { aShop, aShopWorld, order, ordering, undo } from './a-shop.ts'

/** Where `shop` is, with one rule that lets the world order there. */
async function aWorldThatOrders(shop: Awaited<ReturnType<typeof aShop>>, more: object = {}): Promise<World> {
  return aShopWorld({ allow: [ordering(shop, more)] })
}

const refusedAs = (code: string): object => ({ status: 'denied', reason: { code } })

describe('an order that is taken back by another request', () => {
  guards('UNDO-05', 'UNDO-08', 'GATE-09')

  test('is gone, and one entry says so; nobody may do that twice', async () => {
    await using shop = await aShop()
    await using world = await aWorldThatOrders(shop)
    const ordered = await order(world, shop)
    expect(ordered).toMatchObject({ status: 'ok', undo: { until: expect.stringMatching(/^20/) } })
    const undone = await undo(world, ordered.seq)
    expect(undone).toMatchObject({ status: 'ok', action: 'undo', result: { status: 204 } })
    expect(undone).not.toHaveProperty('undo')
    expect([shop.deleted(), [...shop.orders]]).toEqual([['/orders/o-1'], []])
    for (const force of [false, true])
      expect(await undo(world, ordered.seq, force)).toMatchObject(refusedAs('already_undone'))
    await world.reopen()
    expect(await undo(world, ordered.seq)).toMatchObject(refusedAs('already_undone'))
    expect(await undo(world, undone.seq)).toMatchObject(refusedAs('nothing_to_undo'))
    expect(shop.deleted()).toHaveLength(1)
    const entry = (await world.attempts()).find(({ seq }) => seq === undone.seq)
    expect(entry).toMatchObject({
      action: 'undo',
      of: ordered.seq,
      principal: 'olga',
      resource: `${shop.origin}/orders/o-1`,
    })
    expect(entry?.decision).toMatchObject({ effect: 'permit', rules: ['allow[0]'] })
    expect(entry).not.toHaveProperty('undo')
    const { params = '', time = 0 } = entry ?? {}
    const places = { dataDir: world.dataDir, keysDir: world.keysDir, clock: systemClock }
    const kept = await withRooms(places, ({ vault }) => vault.get(params, { class: 'internal', timeMs: time }))
    expect(JSON.parse(Buffer.from(kept.bytes).toString())).toEqual({
      action: 'net.http',
      resource: `${shop.origin}/orders/o-1`,
      params: { method: 'DELETE' },
    })
  })

  test('by eight people at once is deleted once', async () => {
    await using shop = await aShop()
    await using world = await aWorldThatOrders(shop)
    const { seq } = await order(world, shop)
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => undo(world, seq)))
    expect(outcomes.filter(({ status }) => status === 'ok')).toHaveLength(1)
    expect(shop.deleted()).toHaveLength(1)
  })

  test('under an idempotency key too, also by another kernel', async () => {
    await using shop = await aShop()
    await using world = await aWorldThatOrders(shop)
    const { seq } = await order(world, shop, '/orders', { idempotencyKey: 'once' })
    await world.reopen()
    expect(await undo(world, seq)).toMatchObject({ status: 'ok' })
    expect(shop.deleted()).toEqual(['/orders/o-1'])
  })

  test('is told by its times: after them it is refused', async () => {
    let nowMs = Date.UTC(2026, 5, 1, 12)
    const clock = { now: () => nowMs, monotonicMs: () => performance.now() }
    await using shop = await aShop()
    await using world = await aWorld({ policy: { allow: [ordering(shop)] }, kernel: { clock, providers: [http()] } })
    const { seq } = await order(world, shop)
    nowMs += limits.undoMs + 1
    expect(await undo(world, seq)).toMatchObject(refusedAs('undo_expired'))
    expect(shop.deleted()).toEqual([])
  })
})

describe('what nobody knows', () => {
  guards('UNDO-06', 'GATE-07')

  test('whether it was ordered: only by force', async () => {
    await using shop = await aShop()
    const compensate = { action: 'net.http', resource: `${shop.origin}/orders/mine`, params: { method: 'DELETE' } }
    await using world = await aWorldThatOrders(shop, { compensate })
    shop.onDelete = (_, response) => void response.end()
    const { seq, status } = await order(world, shop, '/hang-up')
    expect(status).toBe('unknown')
    expect(await undo(world, seq)).toMatchObject(refusedAs('effect_unknown'))
    expect(shop.deleted()).toEqual([])
    expect(await undo(world, seq, true)).toMatchObject({ status: 'ok' })
    expect(shop.deleted()).toEqual(['/orders/mine'])
  })

  test.each([
    ['done', { status: 'ok' }],
    ['not_done', refusedAs('nothing_to_undo')],
  ] as const)('until a person says that it was %s', async (as, ending) => {
    await using shop = await aShop()
    const compensate = { action: 'net.http', resource: `${shop.origin}/orders/mine`, params: { method: 'DELETE' } }
    await using world = await aWorldThatOrders(shop, { compensate })
    shop.onDelete = (_, response) => void response.end()
    const { seq } = await order(world, shop, '/hang-up')
    await world.kernel.resolve(seq, { as, reason: 'asked the shop' })
    expect(await undo(world, seq)).toMatchObject(ending)
  })

  test.each(['/refuse', '/fail'])(
    'whether an answer that says no changed anything (%s): only by force',
    async (path) => {
      await using shop = await aShop()
      await using world = await aWorldThatOrders(shop)
      shop.onDelete = (_, response) => void response.end()
      const { seq } = await order(world, shop, path)
      expect(await undo(world, seq)).toMatchObject(refusedAs('effect_unknown'))
      expect(shop.deleted()).toEqual([])
      expect(await undo(world, seq, true)).toMatchObject({ status: 'ok' })
    },
  )

  test('whether it was taken back: nothing is sent twice unless it is forced, or said not to have been', async () => {
    await using shop = await aShop()
    await using world = await aWorldThatOrders(shop)
    shop.onDelete = (request) => request.socket.destroy()
    const { seq } = await order(world, shop)
    const cut = await undo(world, seq)
    expect(cut).toMatchObject({ status: 'unknown', action: 'undo' })
    await world.reopen()
    expect(await undo(world, seq)).toMatchObject(refusedAs('effect_unknown'))
    expect(shop.deleted()).toHaveLength(1)
    const again = await undo(world, seq, true)
    expect(again).toMatchObject({ status: 'unknown' })
    await world.kernel.resolve(cut.seq, { as: 'not_done', reason: 'it is still there' })
    expect(await undo(world, seq)).toMatchObject(refusedAs('effect_unknown'))
    await world.kernel.resolve(again.seq, { as: 'not_done', reason: 'it is still there' })
    shop.onDelete = undefined
    expect(await undo(world, seq)).toMatchObject({ status: 'ok' })
    expect([...shop.orders]).toEqual([])
  })

  test('until a person says that it was taken back', async () => {
    await using shop = await aShop()
    await using world = await aWorldThatOrders(shop)
    shop.onDelete = (request) => request.socket.destroy()
    const { seq } = await order(world, shop)
    const cut = await undo(world, seq)
    await world.kernel.resolve(cut.seq, { as: 'done', reason: 'it is gone' })
    for (const force of [false, true]) expect(await undo(world, seq, force)).toMatchObject(refusedAs('already_undone'))
    expect(shop.deleted()).toHaveLength(1)
  })

  test.each<[number, object]>([
    [404, { status: 'failed', error: { code: 'compensation_refused' } }],
    [307, { status: 'failed', error: { code: 'compensation_refused' } }],
    [503, { status: 'unknown', error: { code: 'compensation_unclear' } }],
  ])('an answer of %i takes nothing back', async (status, ending) => {
    await using shop = await aShop()
    await using world = await aWorldThatOrders(shop)
    shop.onDelete = (_, response) => void response.writeHead(status, { location: '/admin' }).end()
    const { seq } = await order(world, shop)
    expect(await undo(world, seq)).toMatchObject(ending)
    // Where a redirect leads needs a rule of its own.
    expect(shop.deleted()).toEqual(['/orders/o-1'])
    shop.onDelete = undefined
    expect(await undo(world, seq, true)).toMatchObject({ status: 'ok' })
    expect([...shop.orders]).toEqual([])
  })
})

describe('an index that lies of who settled it', () => {
  guards('LED-01')

  test('is found out: nothing is sent, and the kernel still closes', async () => {
    await using shop = await aShop()
    await using world = await aWorldThatOrders(shop)
    const { seq } = await order(world, shop, '/hang-up')
    const database = new DatabaseSync(join(world.dataDir, 'state.db'))
    database.prepare('INSERT INTO resolves (seq, of) VALUES (0, ?)').run(seq)
    database.close()
    await expect(undo(world, seq)).rejects.toMatchObject({ code: 'STATE_INVALID' })
    expect(shop.deleted()).toEqual([])
    await world.kernel.close()
  })
})

describe('a process that dies', () => {
  guards('RUN-14', 'GATE-09')

  async function dieAt(
    world: World,
    shop: Awaited<ReturnType<typeof aShop>>,
    policy: object,
    undone?: number,
  ): Promise<void> {
    const request = { action: 'net.http', resource: `${shop.origin}/hang-up`, params: { method: 'POST' } }
    await world.kernel.close()
    const args = [
      join(import.meta.dirname, 'child-that-orders.ts'),
      world.root,
      JSON.stringify(policy),
      JSON.stringify(request),
    ]
    const child = spawn(process.execPath, undone === undefined ? args : [...args, `${undone}`], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    shop.onDelete = () => void child.kill('SIGKILL')
    shop.onHangUp = () => void child.kill('SIGKILL')
    expect((await ended)[1]).toBe('SIGKILL')
    shop.onDelete = undefined
  }

  test('while it orders leaves it unknown, and in reach of an undo that is forced', async () => {
    await using shop = await aShop()
    const compensate = { action: 'net.http', resource: `${shop.origin}/orders/mine`, params: { method: 'DELETE' } }
    const policy = { version: 1, allow: [ordering(shop, { compensate })] }
    await using world = await aWorld({ policy, kernel: { providers: [http()] } })
    await dieAt(world, shop, policy)
    shop.onDelete = (_, response) => void response.end()
    await world.reopen()
    const seq = (await world.attempts()).at(-1)?.seq ?? -1
    await world.reopen()
    expect(await undo(world, seq)).toMatchObject(refusedAs('effect_unknown'))
    expect(await undo(world, seq, true)).toMatchObject({ status: 'ok' })
    expect((await world.attempts()).find((entry) => entry.seq === seq)?.outcome).toEqual({
      status: 'unknown',
      effect: 'uncertain',
      error: 'interrupted',
    })
  })

  test('while it takes it back leaves that unknown, for a person to settle', async () => {
    await using shop = await aShop()
    const policy = { version: 1, allow: [ordering(shop)] }
    await using world = await aWorld({ policy, kernel: { providers: [http()] } })
    const { seq } = await order(world, shop)
    await dieAt(world, shop, policy, seq)
    await world.reopen()
    expect(await undo(world, seq)).toMatchObject(refusedAs('effect_unknown'))
    const cut = (await world.attempts()).filter(({ action }) => action === 'undo')[0]
    expect(cut).toMatchObject({ of: seq, outcome: { status: 'unknown', error: 'interrupted' } })
    expect(shop.deleted()).toHaveLength(1)
  })
})

describe('policy and another request', () => {
  guards('UNDO-03', 'UNDO-04')

  const twoRules = (shop: { origin: string }): object[] => [
    ordering(shop as never),
    ordering(shop as never, {
      compensate: { action: 'net.http', resource: `${shop.origin}/other`, params: { method: 'DELETE' } },
    }),
  ]

  test.each([0, 1])('two rules that name different ones keep none, in either order (%i)', async (first) => {
    await using shop = await aShop()
    const rules = twoRules(shop)
    const allow = first === 0 ? rules : rules.toReversed()
    await using world = await aShopWorld({ allow })
    const ordered = await order(world, shop)
    expect(ordered).toMatchObject({ status: 'ok' })
    expect(ordered).not.toHaveProperty('undo')
    expect(await undo(world, ordered.seq)).toMatchObject(refusedAs('nothing_to_undo'))
    const strict = [...allow, { action: 'net.http', resource: `${shop.origin}/**`, undo: 'required' }]
    await world.reopen({ policy: { version: 1, allow: strict } })
    const refused = await order(world, shop)
    expect(refused).toMatchObject(refusedAs('undo_unavailable'))
    expect(refused.reason?.message).toContain('different requests')
    expect(shop.orders.size).toBe(1)
  })

  test('two rules that name the same one keep it', async () => {
    await using shop = await aShop()
    const required = ordering(shop, { undo: 'required' })
    await using world = await aShopWorld({ allow: [ordering(shop), required, { action: '*', resource: '**' }] })
    const { seq } = await order(world, shop)
    expect(await undo(world, seq)).toMatchObject({ status: 'ok' })
  })

  test.each<[string, object]>([
    ['no provider', { action: 'mail.recall', resource: 'x' }],
    ['a param that was not sent', { action: 'net.http', resource: 'https://a.example/${params.id}' }],
    ['a param that is no name', { action: 'net.http', resource: 'https://a.example/${params.headers}' }],
    ['a URL that is none', { action: 'net.http', resource: 'ftp://a.example/x' }],
    [
      'params that its provider refuses',
      { action: 'net.http', resource: 'https://a.example/', params: { verb: 'DELETE' } },
    ],
  ])('`undo: required` refuses before anything happens: %s', async (_, compensate) => {
    await using shop = await aShop()
    await using world = await aWorldThatOrders(shop, { undo: 'required', compensate })
    const outcome = await order(world, shop, '/orders', { params: { method: 'POST', headers: { a: 'b' } } })
    expect(outcome).toMatchObject({ ...refusedAs('undo_unavailable'), reason: { rule: 'allow[0]' } })
    expect(shop.seen).toEqual([])
  })

  test('`undo: off` keeps none', async () => {
    await using shop = await aShop()
    await using world = await aWorldThatOrders(shop, { undo: 'off' })
    const { seq } = await order(world, shop)
    expect(await undo(world, seq)).toMatchObject(refusedAs('nothing_to_undo'))
    expect(readdirSync(join(world.dataDir, 'vault/+undo'))).toEqual([])
  })

  test('a deny rule over what would be sent forbids it, and keeps it for later', async () => {
    await using shop = await aShop()
    await using world = await aWorldThatOrders(shop)
    const { seq } = await order(world, shop)
    const deny = [{ action: 'net.http', resource: `${shop.origin}/orders/*`, constraint: { method: 'DELETE' } }]
    await world.reopen({ policy: { version: 1, allow: [ordering(shop)], deny } })
    expect(await undo(world, seq, true)).toMatchObject({ ...refusedAs('denied_by_rule'), reason: { rule: 'deny[0]' } })
    expect(shop.deleted()).toEqual([])
    // What is not allowed by now is still what the rule of the first request permits.
    const other = [{ action: 'net.http', resource: `${shop.origin}/orders`, constraint: { method: 'POST' } }]
    await world.reopen({ policy: { version: 1, allow: [], deny: other } })
    expect(await undo(world, seq)).toMatchObject({ status: 'ok' })
  })

  test('reaches private addresses only where the rule opened them', async () => {
    await using shop = await aShop()
    const compensate = { action: 'net.http', resource: `${shop.origin}/orders/x`, params: { method: 'DELETE' } }
    const rule = { action: 'fn.note', resource: '**', compensate }
    const providers = [functions({ note: () => 1 }), http()]
    for (const network of [undefined, 'private']) {
      await using world = await aWorld({
        policy: { allow: [{ ...rule, ...(network && { network }) }] },
        kernel: { providers },
      })
      const { seq } = await world.submit('fn.note', 'note')
      shop.onDelete = (_, response) => void response.end()
      expect(await undo(world, seq)).toMatchObject(
        network === undefined ? refusedAs('private_address') : { status: 'ok' },
      )
    }
    expect(shop.deleted()).toHaveLength(1)
  })

  test('without the provider, by a kernel that has it no more', async () => {
    await using shop = await aShop()
    await using world = await aWorldThatOrders(shop)
    const { seq } = await order(world, shop)
    await world.reopen({ providers: [] })
    expect(await undo(world, seq, true)).toMatchObject(refusedAs('compensation_invalid'))
  })
})

describe('a result that is no longer what it was', () => {
  guards('UNDO-07')

  /** The files of the vault's day, which is over: the kernel writes to another one. */
  async function afterADay(spoil: (file: string) => void): Promise<Outcome> {
    let nowMs = Date.UTC(2026, 5, 1, 12)
    const clock = { now: () => nowMs, monotonicMs: () => performance.now() }
    await using shop = await aShop()
    await using world = await aWorld({ policy: { allow: [ordering(shop)] }, kernel: { clock, providers: [http()] } })
    const { seq } = await order(world, shop)
    await world.kernel.close()
    const folder = join(world.dataDir, 'vault/internal')
    for (const name of readdirSync(folder)) spoil(join(folder, name))
    nowMs += 86_400_000
    await world.reopen()
    const outcome = await undo(world, seq, true)
    expect(shop.deleted()).toEqual([])
    return outcome
  }

  test('because it is gone, takes nothing back', async () => {
    const outcome = await afterADay((file) => rmSync(file))
    expect(outcome).toMatchObject(refusedAs('result_not_kept'))
    expect(outcome.reason?.message).toContain('not kept any more')
  })

  test('because it was changed, takes nothing back', async () => {
    const outcome = await afterADay((file) => {
      if (file.endsWith('.key')) return
      const bytes = readFileSync(file)
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
      writeFileSync(file, bytes)
    })
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'result_damaged' } })
  })
})
