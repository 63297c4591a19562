import type { RequestListener } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Capacity } from '../../../src/effects/providers/http/capacity.ts'
import { readContent } from '../../../src/effects/providers/http/content.ts'
import { guards } from '../../guards.ts'
import { aBrowser, aSite, failing, listening, resultIn, type Site } from './a-web.ts'

/** A server that says what it is told to, as bytes, once it has read something. */
async function aTalker(talk: (socket: Socket) => void, isHasty = false): Promise<Omit<Site, 'seen'>> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    if (isHasty) talk(socket)
    else socket.once('data', () => talk(socket))
  })
  const place = await listening(server)
  return {
    ...place,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await place[Symbol.asyncDispose]()
    },
  }
}

const megabyte = 1_048_576
const { ask } = aBrowser()

describe('a body', () => {
  guards('GATE-06')

  test.each([
    ['gzip', gzipSync('text')],
    ['x-gzip', gzipSync('text')],
    ['GZIP', gzipSync('text')],
    ['deflate', deflateSync('text')],
    ['deflate', deflateRawSync('text')],
    ['br', brotliCompressSync('text')],
    ['zstd', zstdCompressSync('text')],
    ['identity', Buffer.from('text')],
  ])('compressed by %s comes as it was', async (encoding, bytes) => {
    await using site = await aSite((_, response) => {
      response.setHeader('content-encoding', encoding)
      response.end(bytes)
    })
    const { body, headers } = resultIn(await ask(`${site.origin}/`))
    expect(body).toBe('text')
    expect('content-encoding' in headers).toBe(encoding === 'identity')
  })

  test.each([
    ['gzip', gzipSync('text').subarray(0, 15)],
    ['gzip', Buffer.from('no gzip')],
    ['deflate', Buffer.from([0x78, 0x9c, 0xff, 0xff])],
    ['br', Buffer.from('no brotli at all')],
    ['zstd', Buffer.from('no zstd at all')],
    ['gzip, gzip', gzipSync(gzipSync('text'))],
  ])('that is no whole %s is told so', async (encoding, bytes) => {
    await using site = await aSite((_, response) => {
      response.setHeader('content-encoding', encoding)
      response.end(bytes)
    })
    expect(await ask(`${site.origin}/`)).toMatchObject(failing('bad_response'))
  })

  test.each([
    ['as it is', 'identity', () => Buffer.alloc(9 * megabyte)],
    ['by gzip', 'gzip', () => gzipSync(Buffer.alloc(256 * megabyte), { level: 9 })],
    [
      'by brotli',
      'br',
      () => brotliCompressSync(Buffer.alloc(256 * megabyte), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    ],
    ['by zstd', 'zstd', () => zstdCompressSync(Buffer.alloc(256 * megabyte))],
  ])('over the limit %s is too large, and takes no memory', async (_, encoding, bytes) => {
    const body = bytes()
    await using site = await aSite((_request, response) => {
      response.setHeader('content-encoding', encoding)
      response.end(body)
    })
    const before = process.memoryUsage().rss
    expect(await ask(`${site.origin}/`)).toMatchObject(failing('too_large'))
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * megabyte)
  })

  test('of the largest size comes whole, time after time', async () => {
    const body = Buffer.alloc(8 * megabyte, 'x')
    await using site = await aSite((_, response) => void response.end(body))
    for (let i = 0; i < 33; i++) expect(resultIn(await ask(`${site.origin}/`)).body).toHaveLength(8 * megabyte)
  })

  test('without an end is too large', async () => {
    const forever: RequestListener = (_, response) => {
      const push = (): void => {
        while (response.write(Buffer.alloc(65_536))) continue
        response.once('drain', push)
      }
      push()
    }
    await using site = await aSite(forever)
    expect(await ask(`${site.origin}/`)).toMatchObject(failing('too_large'))
  })

  test('is none in an answer to HEAD, whatever its headers say', async () => {
    await using site = await aSite((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': 9e9 })
      response.end()
    })
    expect(resultIn(await ask(`${site.origin}/`, { method: 'HEAD' }))).toMatchObject({ status: 200, body: '' })
  })
})

describe('a server', () => {
  guards('GATE-06')

  const http = 'HTTP/1.1 200 OK\r\n'
  test.each<[string, string, (socket: Socket) => void]>([
    ['speaks another protocol', 'bad_response', (socket) => socket.end('220 smtp ready\r\n')],
    ['says two lengths', 'bad_response', (socket) => socket.end(`${http}content-length: 1\r\ncontent-length: 2\r\n\r\nab`)],
    ['says a length and chunks', 'bad_response', (socket) => socket.end(`${http}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`)],
    ['breaks off in its headers', 'connection_failed', (socket) => socket.end(http)],
    ['breaks off in its body', 'connection_failed', (socket) => socket.end(`${http}content-length: 9\r\n\r\nab`)],
    ['resets the connection', 'connection_failed', (socket) => socket.resetAndDestroy()],
    ['says nothing and hangs up', 'connection_failed', (socket) => socket.end()],
    ['sends headers without end', 'too_large', (socket) => socket.end(`${http}${`x: ${'y'.repeat(99)}\r\n`.repeat(1000)}`)],
    ['never answers', 'timeout', () => undefined],
    ['never ends its body', 'timeout', (socket) => socket.write(`${http}content-length: 9\r\n\r\nab`)],
    ['drips', 'timeout', (socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 20)
      socket.on('close', () => clearInterval(timer))
    }],
  ])('that %s ends as %s', async (_, code, talk) => {
    await using site = await aTalker(talk)
    const timeoutMs = code === 'timeout' ? 300 : 5000
    expect(await ask(`${site.origin}/`, { timeoutMs })).toMatchObject(failing(code))
  }) // prettier-ignore

  test('that hangs up at once is asked only once', async () => {
    let connections = 0
    await using site = await aTalker((socket) => {
      connections++
      socket.destroy()
    }, true)
    expect(await ask(`${site.origin}/`)).toMatchObject(failing('connection_failed'))
    expect(connections).toBe(1)
  })

  test('that is not there is told so', async () => {
    const site = await aSite()
    await site[Symbol.asyncDispose]()
    expect(await ask(`${site.origin}/`, { method: 'POST' })).toMatchObject(failing('connection_refused'))
  })

  test.each([
    ['has no address', () => Promise.resolve([])],
    ['does not resolve', () => Promise.reject(Object.assign(new Error('queryA canary'), { code: 'ENOTFOUND' }))],
    ['has a thousand addresses', () => Promise.resolve(Array.from({ length: 1000 }, () => '127.0.0.1'))],
  ])('whose name %s is not found', async (_, resolve) => {
    const answer = await aBrowser({ resolve }).ask('http://a.example/', { method: 'POST' })
    expect(answer).toMatchObject(failing('not_found'))
    expect(JSON.stringify(answer)).not.toContain('canary')
  })

  test('whose name is never resolved takes no longer than it may', async () => {
    const { ask: wait } = aBrowser({ resolve: () => new Promise(() => undefined) })
    expect(await wait('http://a.example/', { timeoutMs: 20 })).toMatchObject(failing('timeout'))
  })

  test('gets no proxy of the environment', async () => {
    await using proxy = await aSite()
    await using site = await aSite((_, response) => void response.end('direct'))
    const before = { ...process.env }
    Object.assign(process.env, {
      http_proxy: proxy.origin,
      HTTP_PROXY: proxy.origin,
      ALL_PROXY: proxy.origin,
      NODE_USE_ENV_PROXY: '1',
    })
    try {
      expect(resultIn(await ask(`${site.origin}/`)).body).toBe('direct')
    } finally {
      process.env = before
    }
    expect(proxy.seen).toEqual([])
  })

  test('remembers no one: neither cookies nor a connection are kept', async () => {
    const ports = new Set<number | undefined>()
    await using site = await aSite((request, response) => {
      ports.add(request.socket.remotePort)
      response.setHeader('set-cookie', 'id=1; Path=/')
      response.end()
    })
    await ask(`${site.origin}/`)
    await ask(`${site.origin}/`)
    expect(ports.size).toBe(2)
    expect(site.seen[1]?.headers).not.toHaveProperty('cookie')
  })
})

describe('what is told of the effect', () => {
  guards('GATE-11')

  const hangUp = (socket: Socket): unknown => socket.destroy()
  const halfway = (socket: Socket): unknown => socket.end('HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\nab')

  test.each([['GET'], ['HEAD'], ['OPTIONS']])('a %s that fails did nothing', async (method) => {
    await using site = await aTalker(hangUp)
    expect(await ask(`${site.origin}/`, { method })).toMatchObject(failing('connection_failed'))
  })

  test.each([['POST'], ['PUT'], ['PATCH'], ['DELETE']])(
    'a %s that was sent and not answered is uncertain',
    async (method) => {
      await using site = await aTalker(hangUp)
      const answer = await ask(`${site.origin}/`, { method })
      expect(answer).toMatchObject({ ...failing('connection_failed', 'uncertain'), error: { retryable: false } })
      await using silent = await aTalker(() => undefined)
      expect(await ask(`${silent.origin}/`, { method, timeoutMs: 100 })).toMatchObject(failing('timeout', 'uncertain'))
    },
  )

  test('a POST whose answer breaks off was answered', async () => {
    await using site = await aTalker(halfway)
    expect(await ask(`${site.origin}/`, { method: 'POST' })).toMatchObject({
      failed: { code: 'connection_failed', message: expect.stringContaining('status 201'), retryable: false },
    })
  })

  test('a POST that is cancelled before it is sent did nothing', async () => {
    await using site = await aSite()
    const answer = await ask(`${site.origin}/`, { method: 'POST' }, { signal: AbortSignal.abort() })
    expect(answer).toMatchObject(failing('cancelled'))
    expect(site.seen).toEqual([])
  })

  test('a POST that is cancelled while it is answered is uncertain', async () => {
    const controller = new AbortController()
    await using site = await aTalker(() => controller.abort())
    const answer = await ask(`${site.origin}/`, { method: 'POST' }, { signal: controller.signal })
    expect(answer).toMatchObject(failing('cancelled', 'uncertain'))
  })

  test('what is under way ends when the provider closes', async () => {
    const { ask: asked, provider } = aBrowser()
    await using site = await aTalker(() => void provider.close?.())
    expect(await asked(`${site.origin}/`)).toMatchObject(failing('cancelled'))
    await using other = await aSite()
    expect(await asked(`${other.origin}/`)).toMatchObject({ effect: 'done' })
  })
})

describe('what requests share', () => {
  guards('GATE-06')

  test('is given in turn, and passed on by whoever gives up', async () => {
    const capacity = new Capacity(1)
    const { signal } = new AbortController()
    const gate = Promise.withResolvers<void>()
    const order: string[] = []
    const work = (name: string, until?: Promise<void>) => async (): Promise<void> => {
      order.push(name)
      await until
    }
    const impatient = new AbortController()
    const all = [
      capacity.inTurn(signal, work('first', gate.promise)),
      capacity.inTurn(impatient.signal, work('impatient')).catch(() => order.push('gave up')),
      capacity.inTurn(signal, work('second')),
      capacity.inTurn(signal, () => Promise.reject(new Error('x'))).catch(() => order.push('failed')),
      capacity.inTurn(signal, work('last')),
    ]
    await Promise.resolve()
    impatient.abort()
    await Promise.resolve()
    gate.resolve()
    await Promise.all(all)
    expect(order).toEqual(['first', 'gave up', 'second', 'failed', 'last'])
  })

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    'is not lost where a turn and a cancellation meet, %i steps apart',
    async (steps) => {
      const capacity = new Capacity(1)
      const { signal } = new AbortController()
      const gate = Promise.withResolvers<void>()
      const impatient = new AbortController()
      const first = capacity.inTurn(signal, () => gate.promise)
      const given = capacity.inTurn(impatient.signal, () => Promise.resolve()).catch(() => undefined)
      gate.resolve()
      for (let i = 0; i < steps; i++) await Promise.resolve()
      impatient.abort()
      await Promise.all([first, given])
      expect(await capacity.inTurn(signal, () => Promise.resolve('next'))).toBe('next')
    },
  )

  test('is memory and lookups too, which are refused and not waited for', async () => {
    const capacity = new Capacity()
    expect(() => capacity.hold(300 * megabyte)).toThrow(expect.objectContaining({ code: 'busy' }) as Error)
    capacity.hold(200 * megabyte)
    expect(() => capacity.hold(100 * megabyte)).toThrow(expect.objectContaining({ code: 'busy' }) as Error)
    capacity.hold(56 * megabyte)
    const more = Readable.from([Buffer.alloc(megabyte)])
    const reading = readContent(more, undefined, capacity, new AbortController().signal)
    await expect(reading).rejects.toMatchObject({ code: 'busy' })
    capacity.release(56 * megabyte)
    capacity.release(200 * megabyte)
    capacity.hold(100 * megabyte)
    const never = new Promise<string>(() => undefined)
    for (let i = 0; i < 128; i++) {
      await expect(capacity.lookUp(AbortSignal.abort(new Error('late')), () => never)).rejects.toThrow('late')
    }
    await expect(capacity.lookUp(new AbortController().signal, () => never)).rejects.toMatchObject({ code: 'busy' })
  })
})
