import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Outcome } from 'kestrel-kernel'
import { http, type HttpOptions } from 'kestrel-kernel/providers'
import { aSite, type Site } from '../effects/http/a-web.ts'
import { aWorld, type World } from '../world.ts'

/** A server that takes orders and deletes them. What it is told to do otherwise it does. */
export interface Shop extends Site {
  readonly orders: Set<string>
  /** What it says the id of a new order is. */
  nextId: unknown
  /** Answers a DELETE instead. */
  onDelete: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  /** What happens at `/hang-up`. Default: the connection ends. */
  onHangUp: ((request: IncomingMessage) => void) | undefined
  /** What was deleted, in the order of the requests, as the paths that were sent. */
  deleted(): string[]
}

export async function aShop(): Promise<Shop> {
  const orders = new Set<string>()
  const site = await aSite((request, response) => {
    const path = request.url ?? ''
    if (request.method === 'DELETE') {
      if (shop.onDelete !== undefined) return shop.onDelete(request, response)
      response.writeHead(orders.delete(path.slice('/orders/'.length)) ? 204 : 404).end()
      return
    }
    if (path === '/refuse') return void response.writeHead(409).end('{"id":"theirs"}')
    if (path === '/fail') return void response.writeHead(500).end('{"id":"perhaps"}')
    if (path === '/hang-up') {
      return shop.onHangUp === undefined ? void request.socket.destroy() : shop.onHangUp(request)
    }
    orders.add(String(shop.nextId))
    response.writeHead(201).end(JSON.stringify({ id: shop.nextId, items: [{ sku: 'a' }] }))
  })
  const shop: Shop = {
    ...site,
    orders,
    nextId: 'o-1',
    onDelete: undefined,
    onHangUp: undefined,
    deleted: () => site.seen.filter(({ method }) => method === 'DELETE').map(({ url }) => url),
  }
  return shop
}

/** What allows to order, and says how that is taken back. */
export function ordering(shop: Site, more: object = {}): object {
  return {
    action: 'net.http',
    resource: `${shop.origin}/*`,
    constraint: { method: 'POST' },
    network: 'private',
    compensate: {
      action: 'net.http',
      resource: `${shop.origin}/orders/\${result.body.id}`,
      params: { method: 'DELETE' },
    },
    ...more,
  }
}

export function aShopWorld(policy: object, options: HttpOptions = {}): Promise<World> {
  return aWorld({ policy, kernel: { providers: [http(options)] } })
}

export function order(world: World, shop: Site, path = '/orders', more: object = {}): Promise<Outcome> {
  return world.kernel.submit({
    action: 'net.http',
    resource: `${shop.origin}${path}`,
    params: { method: 'POST', body: '{"sku":"a"}' },
    ...more,
  })
}

export function undo(world: World, seq: number, force = false): Promise<Outcome> {
  return world.kernel.operator({ id: 'olga', roles: ['operator'] }).undo(seq, { force })
}
