import { describe, expect, test } from 'vitest'
import { Capacity } from '../../../src/effects/providers/http/capacity.ts'
import { connectorFor } from '../../../src/effects/providers/http/connection.ts'
import type { Ground } from '../../../src/effects/providers/http/ground.ts'
import { parseUrl, type WebUrl } from '../../../src/effects/providers/http/url.ts'
import { guards } from '../../guards.ts'
import { aSite } from './a-web.ts'

const ground: Ground = {
  resolve: () => Promise.reject(new Error('nobody asks')),
  secrets: undefined,
  ownPorts: new Set(),
  capacity: new Capacity(),
  trust: () => {
    throw new Error('nobody asks')
  },
  closing: () => new AbortController().signal,
}

type Connected = { readonly error: unknown; readonly hasSocket: boolean }

describe('a connection', () => {
  guards('GATE-06')

  async function aConnector(
    url: string,
    addresses: readonly string[],
    network: 'public' | 'private',
  ): Promise<() => Promise<Connected>> {
    const opened = parseUrl(url) as WebUrl
    const { signal } = new AbortController()
    const isOpen: boolean[] = []
    const connect = connectorFor(
      { url: opened, network, addresses, signal },
      { ...ground, trust: () => undefined as never },
      () => isOpen.push(true),
    )
    return () =>
      new Promise((resolve) => {
        connect({ hostname: opened.host, host: opened.host, protocol: 'http:', port: '' }, (error, socket) => {
          socket?.destroy()
          resolve({ error, hasSocket: isOpen.length > 0 })
        })
      })
  }

  test('is made once: what was sent is never sent again over another', async () => {
    await using site = await aSite()
    const connect = await aConnector(site.origin, ['127.0.0.1'], 'private')
    expect(await connect()).toMatchObject({ error: null })
    expect(await connect()).toMatchObject({ error: { code: 'connection_failed' } })
  })

  test('that has come to a private address is ended before a byte is sent', async () => {
    await using site = await aSite()
    const connect = await aConnector(site.origin, ['127.0.0.1'], 'public')
    expect(await connect()).toEqual({
      error: expect.objectContaining({ refused: 'private_address' }),
      hasSocket: false,
    })
  })

  test('that has come to another address than was judged is ended too', async () => {
    await using site = await aSite()
    const connect = await aConnector(site.origin, ['127.0.0.2'], 'private')
    expect(await connect()).toEqual({
      error: expect.objectContaining({ refused: 'private_address' }),
      hasSocket: false,
    })
  })
})
