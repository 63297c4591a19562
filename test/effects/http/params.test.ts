import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/base/json.ts'
import { guards } from '../../guards.ts'
import { aBrowser, aSite, resultIn } from './a-web.ts'

const { provider } = aBrowser()
const check = (params: object): string | undefined => provider.actions['net.http']?.checkParams?.(params as JsonObject)
const header = (name: string, value: unknown = 'x'): object => ({ headers: { [name]: value } })

describe('params of net.http', () => {
  guards('GATE-05', 'GATE-06')

  test.each([
    {},
    { method: 'GET' },
    { method: 'OPTIONS', body: 'x' },
    { method: 'POST', body: '' },
    { method: 'PUT', body: 'AP+A', encoding: 'base64' },
    { method: 'POST', body: 'a {{secret:KEY}} b' },
    { timeoutMs: 1 },
    { headers: {} },
    header('X-Tag', 'a b\tc'),
    header('authorization', 'Bearer {{secret:KEY}}'),
  ])('%j fit', (params) => {
    expect(check(params)).toBeUndefined()
  })

  test.each<object>([
    { method: 'get' }, { method: 'CONNECT' }, { method: 'TRACE' }, { method: 'GET ' }, { method: 'GET\r\nX: y' }, { method: '' }, { method: null },
    { method: 'GET', body: 'x' }, { body: 'x' }, { method: 'HEAD', body: '' }, { method: 'POST', body: 1 }, { method: 'POST', encoding: 'utf8' },
    { method: 'POST', body: 'x y', encoding: 'base64' }, { method: 'POST', body: 'QQ', encoding: 'base64' }, { method: 'POST', body: 'x', encoding: 'hex' },
    { method: 'POST', body: '{{secret:key}}' }, { method: 'POST', body: '{{secret:' }, { timeoutMs: 0 }, { timeoutMs: 120_001 }, { timeoutMs: 1.5 },
    { timeoutMs: '5' }, { url: 'x' }, { redirect: 'follow' }, { headers: null }, { headers: [] }, { headers: 'a: b' }, { headers: [['a', 'b']] },
    header('a', 1), header('a', null), header('a', ['b']), header('a b'), header('a:'), header(''), header('a\r\nb'), header('ä'), header('a', 'b\r\nc: d'),
    header('a', 'b\nc'), header('a', 'b\0'), header('a', '\u007f'), header('a', 'é'), header('a', '\u010a'), header('a', ' b'), header('a', 'b '),
    header('Host'), header('host'), header('Content-Length', '1'), header('transfer-encoding', 'chunked'), header('Connection', 'close'), header('upgrade', 'h2c'),
    header('TE'), header('Trailer'), header('Proxy-Authorization'), header('proxy-anything'), header('Expect', '100-continue'), header('keep-alive'),
    header('HTTP2-Settings'), header('X-HTTP-Method-Override', 'DELETE'), header('x-method-override'), header('a', '{{secret:key}}'), header('a', '{{secret:}}'),
    { headers: { accept: 'a', Accept: 'b' } }, { headers: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`a${i}`, 'x'])) }, header('a', 'x'.repeat(16_384)),
  ])('%j do not', (params) => {
    expect(check(params)).toMatch(/^.{10}/)
  }) // prettier-ignore

  test('are told without their values', () => {
    for (const params of [header('a', 'canary\n'), { method: 'canary' }, { headers: { 'canary\u0000': 'x' } }]) {
      expect(check(params)).not.toContain('canary')
    }
  })

  test('go over the wire as they are', async () => {
    await using site = await aSite()
    const { ask } = aBrowser()
    const body = 'x'.repeat(60_000)
    await ask(`${site.origin}/a?b=%26`, { method: 'PATCH', body, headers: { 'X-Tag': 'a b', __proto__x: 'y' } })
    await ask(`${site.origin}/`, { method: 'PUT', body: 'AP8=', encoding: 'base64' })
    await ask(`${site.origin}/`, { headers: { range: 'bytes=0-1' } })
    expect(site.seen[0]).toMatchObject({ method: 'PATCH', url: '/a?b=%26', body })
    expect(site.seen[0]?.headers).toMatchObject({
      'x-tag': 'a b',
      host: `127.0.0.1:${site.port}`,
      'content-length': '60000',
    })
    expect(site.seen[1]?.headers['content-length']).toBe('2')
    expect(site.seen[2]?.headers).toMatchObject({ 'accept-encoding': 'identity', connection: 'close' })
  })
})

describe('the result', () => {
  guards('GATE-06')

  test('is status, headers and body, also of an error', async () => {
    await using site = await aSite((_, response) => {
      response.writeHead(404, [
        ['X-One', '1'],
        ['x-one', '2'],
        ['Set-Cookie', 'a=1, b'],
        ['set-cookie', 'c=2'],
      ] as never)
      response.end('nö')
    })
    const result = resultIn(await aBrowser().ask(`${site.origin}/`))
    expect(result).toMatchObject({
      status: 404,
      body: 'nö',
      headers: { 'x-one': '1, 2', 'set-cookie': ['a=1, b', 'c=2'] },
    })
    expect(Object.keys(result)).toEqual(['status', 'headers', 'body'])
  })

  test('holds bytes that are no text as base64', async () => {
    await using site = await aSite((_, response) => void response.end(Buffer.from([0, 255])))
    expect(resultIn(await aBrowser().ask(`${site.origin}/`))).toMatchObject({ body: 'AP8=', encoding: 'base64' })
  })

  test('survives headers that are names of JavaScript', async () => {
    await using site = await aSite((_, response) => {
      response.writeHead(200, [
        ['__proto__', 'a'],
        ['__proto__', 'b'],
        ['constructor', 'c'],
      ] as never)
      response.end()
    })
    const { headers } = resultIn(await aBrowser().ask(`${site.origin}/`))
    expect(Object.getOwnPropertyDescriptor(headers, '__proto__')?.value).toBe('a, b')
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype)
  })
})
