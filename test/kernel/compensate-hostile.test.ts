import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aShop, aShopWorld, order, ordering, undo } from './a-shop.ts'

const refusedAs = (code: string): object => ({ status: 'denied', reason: { code } })

/** What a server says is the id of an order, and how an undo ends that has to name it. */
const leadingElsewhere: readonly (readonly [unknown, string])[] = [
  ['../../admin', 'compensation_invalid'],
  ['a/b', 'compensation_invalid'],
  ['..\\admin', 'compensation_invalid'],
  ['%2e%2e%2fadmin', 'compensation_invalid'],
  ['http://evil.example/', 'compensation_invalid'],
  ['//evil.example', 'compensation_invalid'],
  ['..;', 'compensation_invalid'],
  ['a\r\nx-evil: 1', 'compensation_invalid'],
  ['{{secret:API_KEY}}', 'compensation_invalid'],
  ['..', 'reference_unresolved'],
  ['.', 'reference_unresolved'],
  ['', 'reference_unresolved'],
  ['x'.repeat(10_240), 'reference_unresolved'],
  [{ id: 1 }, 'reference_unresolved'],
  [['a'], 'reference_unresolved'],
  [null, 'reference_unresolved'],
]

const namingOne: readonly (readonly [unknown, string])[] = [
  ['x?y=1', '/orders/x%3Fy=1'],
  ['x#y', '/orders/x%23y'],
  ['a@b:c', '/orders/a@b:c'],
  ['é 名', '/orders/%C3%A9%20%E5%90%8D'],
  ['...', '/orders/...'],
  ['${result.body.id}', '/orders/$%7Bresult.body.id%7D'],
  [17, '/orders/17'],
  [true, '/orders/true'],
]

describe('a server that chooses the id', () => {
  guards('UNDO-09', 'GATE-06')

  test('leads to nothing but an order', async () => {
    await using shop = await aShop()
    await using world = await aShopWorld({ allow: [ordering(shop)] })
    for (const [id, code] of leadingElsewhere) {
      shop.nextId = id
      const { seq } = await order(world, shop)
      const asked = shop.seen.length
      for (const force of [false, true]) {
        expect(await undo(world, seq, force), JSON.stringify(id)).toMatchObject(refusedAs(code))
      }
      expect(await world.kernel.operator({ id: 'olga' }).whyNotUndo(seq)).toMatchObject({ code })
      expect(shop.seen).toHaveLength(asked)
    }
  })

  test('names one, whatever it consists of', async () => {
    await using shop = await aShop()
    shop.onDelete = (_, response) => void response.end()
    await using world = await aShopWorld({ allow: [ordering(shop)] })
    for (const [id, path] of namingOne) {
      shop.nextId = id
      const { seq } = await order(world, shop)
      expect(await undo(world, seq), JSON.stringify(id)).toMatchObject({ status: 'ok' })
      expect(shop.deleted().at(-1)).toBe(path)
    }
  })

  test('names one value of a query', async () => {
    await using shop = await aShop()
    shop.nextId = 'a&all=1#/../..'
    shop.onDelete = (_, response) => void response.end()
    const resource = `${shop.origin}/orders?id=\${result.body.id}&x=1`
    const compensate = { action: 'net.http', resource, params: { method: 'DELETE' } }
    await using world = await aShopWorld({ allow: [ordering(shop, { compensate })] })
    const { seq } = await order(world, shop)
    expect(await undo(world, seq)).toMatchObject({ status: 'ok' })
    expect(new URL(shop.deleted()[0] ?? '', shop.origin).searchParams.getAll('id')).toEqual([shop.nextId])
    expect(shop.deleted()[0]).not.toContain('&all')
  })

  test('has no members of its own in a body that is JSON', async () => {
    await using shop = await aShop()
    shop.nextId = '","admin":true,"x":"'
    const params = {
      method: 'POST',
      body: '{"sku":"${params.body.sku}","order":"no. ${result.body.id}","items":"${result.body.items}"}',
    }
    const compensate = { action: 'net.http', resource: '${resource}/cancel', params }
    await using world = await aShopWorld({ allow: [ordering(shop, { compensate })] })
    const { seq } = await order(world, shop)
    expect(await undo(world, seq)).toMatchObject({ status: 'ok' })
    const sent = shop.seen.at(-1)
    expect(sent).toMatchObject({ method: 'POST', url: '/orders/cancel' })
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      sku: 'a',
      order: `no. ${String(shop.nextId)}`,
      items: [{ sku: 'a' }],
    })
  })

  test.each([
    { nextId: '{{secret:API_KEY}}', body: '${result.body.id}' },
    { nextId: 'API_KEY', body: 'k={{secret:${result.body.id}}}' },
    { nextId: '{secret:API_KEY}}', body: 'k={${result.body.id}' },
    { nextId: '{secret:API_KEY}}', body: '{{${result.body.id}' },
    { nextId: '{{secret:API_KEY}}', body: '{"k":["${result.body}"]}' },
  ])('has no secret sent by $nextId in $body', async ({ nextId, body }) => {
    await using shop = await aShop()
    shop.nextId = nextId
    const compensate = { action: 'net.http', resource: `${shop.origin}/cancel`, params: { method: 'POST', body } }
    const options = { secrets: { find: () => ({ value: 'canary-of-the-operator', to: [shop.origin] }) } }
    await using world = await aShopWorld({ allow: [ordering(shop, { compensate })] }, options)
    const { seq, undo: kept } = await order(world, shop)
    const outcome = await undo(world, seq)
    expect(outcome).toMatchObject(refusedAs(kept === undefined ? 'nothing_to_undo' : 'reference_unresolved'))
    expect(JSON.stringify(shop.seen)).not.toContain('canary')
  })

  test('leaves a secret alone that the rule sends, and adds no header', async () => {
    await using shop = await aShop()
    shop.onDelete = (_, response) => void response.end()
    const headers = {
      authorization: 'Bearer {{secret:API_KEY}}',
      'x-order': 'no. ${result.body.id} {{secret:API_KEY}}',
    }
    const compensate = {
      action: 'net.http',
      resource: `${shop.origin}/orders/x`,
      params: { method: 'DELETE', headers },
    }
    const options = { secrets: { find: () => ({ value: 'canary-of-the-operator', to: [shop.origin] }) } }
    await using world = await aShopWorld({ allow: [ordering(shop, { compensate })] }, options)
    const first = await order(world, shop)
    expect(await undo(world, first.seq)).toMatchObject({ status: 'ok' })
    expect(shop.seen.at(-1)?.headers).toMatchObject({ 'x-order': 'no. o-1 canary-of-the-operator' })
    shop.nextId = 'a\r\nx-evil: 1'
    const second = await order(world, shop)
    expect(await undo(world, second.seq)).toMatchObject(refusedAs('compensation_invalid'))
  })

  test('sends no more than a request may hold', async () => {
    await using shop = await aShop()
    shop.nextId = 'x'.repeat(40_000)
    const params = { method: 'POST', body: 'a=${result.body.id}&b=${result.body.id}' }
    const compensate = { action: 'net.http', resource: `${shop.origin}/cancel`, params }
    await using world = await aShopWorld({ allow: [ordering(shop, { compensate })] })
    const { seq } = await order(world, shop)
    expect(await undo(world, seq)).toMatchObject(refusedAs('reference_unresolved'))
  })

  test('is not believed where what it says is no strict JSON', async () => {
    await using shop = await aShop()
    shop.nextId = 2 ** 53
    await using world = await aShopWorld({ allow: [ordering(shop)] })
    const { seq } = await order(world, shop)
    const refused = await undo(world, seq)
    expect(refused).toMatchObject(refusedAs('reference_unresolved'))
    expect(refused.reason?.message).toContain('strict JSON')
  })
})
