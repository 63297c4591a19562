import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { guards } from '../../guards.ts'
import { needs } from '../../tool.ts'
import { aBrowser, aSite, failing, listening, resultIn, type Site } from './a-web.ts'

needs('openssl', 'install openssl: apt-get install openssl')('a secure server', () => {
  guards('GATE-06')

  const folder = mkdtempSync(join(tmpdir(), 'kestrel-tls-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string): string => readFileSync(join(folder, name), 'utf8')

  beforeAll(() => {
    const names = 'subjectAltName=DNS:secure.example,IP:127.0.0.1'
    const options = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=secure.example',
    ]
    execFileSync('openssl', ['req', '-x509', ...options, '-addext', names, '-keyout', 'key.pem', '-out', 'cert.pem'], {
      cwd: folder,
      stdio: 'pipe',
    })
  })

  const resolve = (): Promise<readonly string[]> => Promise.resolve(['127.0.0.1'])

  async function aSecureSite(to?: string): Promise<Site> {
    const seen: Site['seen'] = []
    const server = createServer({ key: file('key.pem'), cert: file('cert.pem') }, (request, response) => {
      seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: '' })
      response.writeHead(to === undefined ? 200 : 302, to === undefined ? {} : { location: to }).end('safe')
    })
    server.on('tlsClientError', () => undefined)
    return { ...(await listening(server as never)), seen }
  }

  test('is trusted by the authority that the operator names, under its own name only', async () => {
    await using site = await aSecureSite()
    const { ask } = aBrowser({ ca: file('cert.pem'), resolve })
    expect(resultIn(await ask(`https://secure.example:${site.port}/`)).body).toBe('safe')
    expect(resultIn(await ask(`https://127.0.0.1:${site.port}/`)).body).toBe('safe')
    expect(await ask(`https://other.example:${site.port}/`)).toMatchObject(failing('tls_failed'))
    expect(site.seen).toHaveLength(2)
  })

  test('is not trusted without it, whatever the environment says', async () => {
    await using site = await aSecureSite()
    const before = { ...process.env }
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      const { ask } = aBrowser({ resolve })
      const answer = await ask(`https://secure.example:${site.port}/`, { method: 'POST', body: 'x' })
      expect(answer).toMatchObject(failing('tls_failed'))
      expect(answer).toMatchObject({ error: { message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT') } })
    } finally {
      process.env = before
    }
    expect(site.seen).toEqual([])
  })

  test('does not lead to one that is not', async () => {
    await using plain = await aSite()
    await using site = await aSecureSite(`${plain.origin}/next`)
    const { ask } = aBrowser({ ca: file('cert.pem'), resolve })
    expect(await ask(`https://secure.example:${site.port}/`)).toMatchObject(failing('insecure_redirect'))
    expect(plain.seen).toEqual([])
  })

  test('is none where plain HTTP is spoken', async () => {
    await using plain = await aSite()
    const { ask } = aBrowser({ ca: file('cert.pem'), resolve })
    expect(await ask(`https://secure.example:${plain.port}/`, { method: 'POST' })).toMatchObject(failing('tls_failed'))
    expect(plain.seen).toEqual([])
  })

  test('is reached from one that is not', async () => {
    await using site = await aSecureSite()
    await using plain = await aSite(
      (_, response) => void response.writeHead(301, { location: `https://secure.example:${site.port}/` }).end(),
    )
    const { ask } = aBrowser({ ca: file('cert.pem'), resolve })
    const result = resultIn(await ask(`${plain.origin}/`, { headers: { authorization: 'x' } }))
    expect(result).toMatchObject({ body: 'safe', hops: [`https://secure.example:${site.port}/`] })
    expect(site.seen[0]?.headers).not.toHaveProperty('authorization')
  })
})
