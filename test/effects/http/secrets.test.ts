import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { secretsIn, type SecretSource } from '../../../src/effects/providers/index.ts'
import { guards } from '../../guards.ts'
import { aBrowser, aSite, callFor, failing, resultIn, type Site } from './a-web.ts'

const value = 'sk-live/51c9+canary"&<~'
const bearer = { headers: { authorization: 'Bearer {{secret:API_KEY}}' } }

/** One secret, for `to`. */
const source = (...to: string[]): SecretSource => ({ find: (name) => (name === 'API_KEY' ? { value, to } : undefined) })

/** A site that answers with what it was sent, as `spell` writes it. */
const anEcho = (spell: (secret: string) => string | Buffer): Promise<Site> =>
  aSite((request, response) => void response.end(spell((request.headers.authorization ?? '').replace('Bearer ', ''))))

describe('a secret', () => {
  guards('LED-09', 'GATE-06')

  test('is sent in place of its reference, in headers and in the body', async () => {
    await using site = await aSite()
    const { ask } = aBrowser({ secrets: source(site.origin) })
    await ask(`${site.origin}/`, { ...bearer, method: 'POST', body: 'a={{secret:API_KEY}}&b={{secret:API_KEY}}' })
    expect(site.seen[0]).toMatchObject({ headers: { authorization: `Bearer ${value}` }, body: `a=${value}&b=${value}` })
  })

  test('is not looked for in bytes, nor in what stands in for another', async () => {
    await using site = await aSite()
    const secrets = { find: () => ({ value: '{{secret:OTHER}}', to: [site.origin] }) }
    const { ask } = aBrowser({ secrets })
    const bytes = Buffer.from('{{secret:API_KEY}} {{secret:').toString('base64')
    await ask(`${site.origin}/`, { method: 'POST', body: bytes, encoding: 'base64' })
    await ask(`${site.origin}/`, { method: 'POST', body: '{{secret:API_KEY}}' })
    expect(site.seen.map(({ body }) => body)).toEqual(['{{secret:API_KEY}} {{secret:', '{{secret:OTHER}}'])
  })

  test.each<[string, SecretSource | undefined, object]>([
    ['without a source', undefined, failing('secret_unknown')],
    ['that is not there', { find: () => undefined }, failing('secret_unknown')],
    ['whose source throws', { find: () => Promise.reject(new Error(value)) }, failing('secret_unusable')],
    ['whose source throws at once', { find: () => { throw new Error(value) } }, failing('secret_unusable')],
    ['with a line break', { find: () => ({ value: `${value}\r\nx: y`, to: ['http://127.0.0.1'] }) }, failing('secret_unusable')],
    ['that is too short to hide', { find: () => ({ value: 'canary', to: ['http://127.0.0.1'] }) }, failing('secret_unusable')],
    ['that is too long', { find: () => ({ value: 'canary'.repeat(2000), to: [] }) }, failing('secret_unusable')],
    ['that is no text', { find: () => ({ value: 5, to: [] }) as never }, failing('secret_unusable')],
    ['for nowhere', source(), { refused: 'secret_not_for_here' }],
    ['for another host', source('http://example.com'), { refused: 'secret_not_for_here' }],
    ['for another port', source('http://127.0.0.1:1'), { refused: 'secret_not_for_here' }],
    ['for what is no URL', source('*', '', '127.0.0.1', 'http://127.0.0.1/?*'), { refused: 'secret_not_for_here' }],
  ])('%s sends nothing', async (_, secrets, answer) => {
    await using site = await aSite()
    const told = await aBrowser({ ...(secrets && { secrets }) }).ask(`${site.origin}/`, { ...bearer, method: 'POST' })
    expect(told).toMatchObject(answer)
    expect(JSON.stringify(told)).not.toContain('canary')
    expect(site.seen).toEqual([])
  }) // prettier-ignore

  test('may be sent below a path, segment by segment', async () => {
    await using site = await aSite()
    const { ask } = aBrowser({ secrets: source(`${site.origin}/v1`) })
    for (const path of ['/v1', '/v1/', '/v1/a?b', '/v2/../v1/a']) {
      expect(await ask(`${site.origin}${path}`, bearer), path).toMatchObject({ effect: 'done' })
    }
    for (const path of ['/', '/v1x', '/v1/../v2', '/V1', '/?/v1/']) {
      expect(await ask(`${site.origin}${path}`, bearer), path).toMatchObject({ refused: 'secret_not_for_here' })
    }
  })

  test('has no place in a query', async () => {
    await using site = await aSite()
    const { ask } = aBrowser({ secrets: source(`${site.origin}/?a`) })
    expect(await ask(`${site.origin}/`, bearer)).toMatchObject({ refused: 'secret_not_for_here' })
  })

  test('is one of at most four', async () => {
    await using site = await aSite()
    const { ask } = aBrowser({ secrets: { find: (name) => ({ value: `value-of-${name}`, to: [site.origin] }) } })
    const body = (count: number): string => Array.from({ length: count }, (_, i) => `{{secret:A${i}}}`).join()
    expect(await ask(`${site.origin}/`, { method: 'POST', body: body(4) })).toMatchObject({ effect: 'done' })
    expect(await ask(`${site.origin}/`, { method: 'POST', body: body(5) })).toMatchObject(failing('secret_unusable'))
  })

  test("of a cancelled request is not sent, and its failure is nobody's", async () => {
    const { ask } = aBrowser({ secrets: source('http://elsewhere.example') })
    const answer = await ask('http://127.0.0.1/', bearer, { signal: AbortSignal.abort() })
    expect(answer).toMatchObject(failing('cancelled'))
  })

  test('that is never found takes no longer than it may', async () => {
    const { ask } = aBrowser({ secrets: { find: () => new Promise(() => undefined) } })
    expect(await ask('http://127.0.0.1/', { ...bearer, timeoutMs: 20 })).toMatchObject(failing('timeout'))
  })

  test('is foreseen to be missing, and a private address to be closed', async () => {
    const { provider } = aBrowser({ secrets: source('http://127.0.0.1') })
    const foresee = async (url: string, params: object, network: 'public' | 'private' = 'private'): Promise<unknown> =>
      provider.actions['net.http']?.foresee?.({ ...callFor(url, params as never), network })
    expect(await foresee('http://127.0.0.1/', bearer)).toBeUndefined()
    expect(await foresee('http://127.0.0.1/', bearer, 'public')).toMatchObject({ refused: 'private_address' })
    expect(await foresee('http://example.com/', bearer)).toMatchObject({ refused: 'secret_not_for_here' })
    expect(await foresee('http://example.com/', { headers: { a: '{{secret:B}}' } })).toMatchObject(
      failing('secret_unknown'),
    )
  })
})

describe('a secret that comes back', () => {
  guards('LED-09')

  const base64 = (text: string): string => Buffer.from(text).toString('base64')

  test.each<[string, (secret: string) => string | Buffer]>([
    ['as it is', (secret) => `<${secret}>${secret}`],
    ['in JSON', (secret) => JSON.stringify({ secret })],
    ['in JSON with escaped slashes', (secret) => JSON.stringify({ secret }).replaceAll('/', '\\/')],
    ['in a URL', (secret) => `?a=${encodeURIComponent(secret)}`],
    ['in a form', (secret) => new URLSearchParams({ secret }).toString().replaceAll('%7E', '~')],
    ['in HTML', (secret) => secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')],
    ['as base64', base64],
    ['as base64 of more', (secret) => [`a:${secret}`, `ab:${secret}:c`, `abc:${secret}:de`].map(base64).join(' ')],
    ['as base64url', (secret) => Buffer.from(`user:${secret}`).toString('base64url')],
    [
      'as hexadecimal',
      (secret) => `${Buffer.from(secret).toString('hex')} ${Buffer.from(secret).toString('hex').toUpperCase()}`,
    ],
    ['among bytes', (secret) => Buffer.concat([Buffer.from([0, 255, 254]), Buffer.from(secret), Buffer.from([128])])],
  ])('%s is a reference again', async (_, spell) => {
    await using site = await anEcho(spell)
    const { ask } = aBrowser({ secrets: source(site.origin) })
    const result = resultIn(await ask(`${site.origin}/`, bearer))
    const body = result['encoding'] === 'base64' ? Buffer.from(result.body, 'base64').toString('latin1') : result.body
    expect(body).toContain('{{secret:API_KEY}}')
    for (const spelled of [value, base64(value), spell(value).toString(), 'canary', base64(value).slice(4, 16)]) {
      expect(body).not.toContain(spelled)
    }
  })

  test('as user and password is hidden whole and in its parts', async () => {
    const pair = 'agent:hunter2-canary'
    await using site = await aSite((request, response) => {
      const given = (request.headers.authorization ?? '').replace('Basic ', '')
      const decoded = Buffer.from(given, 'base64').toString()
      response.end(`${given} ${decoded} ${decoded.split(':')[1] ?? ''}`)
    })
    const { ask } = aBrowser({ secrets: { find: () => ({ value: base64(pair), to: [site.origin] }) } })
    const { body } = resultIn(await ask(`${site.origin}/`, { headers: { authorization: 'Basic {{secret:LOGIN}}' } }))
    expect(body).toBe('{{secret:LOGIN}} {{secret:LOGIN}} {{secret:LOGIN}}')
  })

  test.each<[string, RequestListener]>([
    [
      'in a header',
      (_, response) => void response.writeHead(200, { 'x-echo': `a ${value} b`, 'set-cookie': value }).end(),
    ],
    [
      'in the name of a header',
      (_, response) => void response.writeHead(200, { [`x-${Buffer.from(value).toString('hex')}`]: '1' }).end(),
    ],
    ['compressed', (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(value))],
    ['with an error', (_, response) => void response.writeHead(500).end(`bad key ${value}`)],
  ])('%s is hidden', async (_, respond) => {
    await using site = await aSite(respond)
    const { ask } = aBrowser({ secrets: source(site.origin) })
    const told = JSON.stringify(await ask(`${site.origin}/`, bearer))
    for (const spelled of [value, JSON.stringify(value).slice(1, -1), 'canary', Buffer.from(value).toString('hex')]) {
      expect(told).not.toContain(spelled)
    }
  })

  test.each(['/?key=', 'https://elsewhere.example/'])('in a redirect to %s is not followed', async (to) => {
    await using site = await aSite(
      (_, response) => void response.writeHead(302, { location: to + encodeURIComponent(value) }).end(),
    )
    const { ask } = aBrowser({ secrets: source(site.origin) })
    const told = await ask(`${site.origin}/`, bearer)
    expect(told).toMatchObject({ refused: 'secret_not_for_here' })
    expect(JSON.stringify(told)).not.toContain('canary')
    const posted = await ask(`${site.origin}/`, { ...bearer, method: 'POST' })
    expect(posted).toMatchObject({ effect: 'done', result: { notFollowed: { code: 'secret_not_for_here' } } })
    expect(JSON.stringify(posted)).not.toContain('canary')
    expect(site.seen).toHaveLength(2)
  })

  test('a million times is too large, and not a gigabyte of references', async () => {
    const short = 'eightlet'
    await using site = await aSite((_, response) => void response.end(short.repeat(1_000_000)))
    const { ask } = aBrowser({ secrets: { find: () => ({ value: short, to: [site.origin] }) } })
    expect(await ask(`${site.origin}/`, bearer)).toMatchObject(failing('too_large'))
  })
})

describe('a folder of secrets', () => {
  guards('KEY-02')

  const folder = mkdtempSync(join(tmpdir(), 'kestrel-secrets-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const put = (name: string, text: string, mode = 0o600): void => {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), mode)
  }
  const secrets = secretsIn(folder)
  const find = async (name: string): Promise<unknown> => secrets.find(name)

  test('gives the first line, and where it may go', async () => {
    put('KEY', 'the-value\nsecond line\n')
    put('KEY.to', '# where\nhttps://a.example\r\n\n  https://b.example/v1 \n')
    expect(await find('KEY')).toEqual({ value: 'the-value', to: ['https://a.example', 'https://b.example/v1'] })
    put('KEY', 'changed-value')
    expect(await find('KEY')).toMatchObject({ value: 'changed-value' })
  })

  test('gives nothing of what is not there or not named as a secret', async () => {
    put('lower', 'the-value')
    for (const name of ['MISSING', 'lower', '../KEY', 'KEY.to', 'KEY/', '', '__proto__', 'A'.repeat(65)]) {
      expect(await find(name), name).toBeUndefined()
    }
  })

  test('lets a secret without places go nowhere', async () => {
    put('LONELY', 'the-value')
    expect(await find('LONELY')).toEqual({ value: 'the-value', to: [] })
  })

  test.each<[string, () => void]>([
    ['is readable by others', () => put('BAD', 'x', 0o644)],
    ['is writable by its group', () => put('BAD', 'x', 0o620)],
    ['is too large', () => put('BAD', 'x'.repeat(8193))],
    ['is a folder', () => mkdirSync(join(folder, 'BAD'))],
    ['is a link', () => symlinkSync('KEY', join(folder, 'BAD'))],
    ['has places that others can change', () => (put('BAD', 'x'), put('BAD.to', 'https://a.example', 0o666))],
  ])('refuses a file that %s', async (_, make) => {
    rmSync(join(folder, 'BAD'), { recursive: true, force: true })
    rmSync(join(folder, 'BAD.to'), { force: true })
    make()
    expect(() => secrets.find('BAD')).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^KEY_/) as string }) as Error,
    )
    const told = await aBrowser({ secrets }).ask('http://127.0.0.1/', { headers: { a: '{{secret:BAD}}' } })
    expect(told).toMatchObject(failing('secret_unusable'))
    expect(JSON.stringify(told)).not.toContain(folder)
  })

  test('must be named from the root', () => {
    expect(() => secretsIn('secrets')).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }) as Error)
  })
})
