import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { http, type HttpOptions } from 'kestrel-kernel/providers'
import { aSite } from '../effects/http/a-web.ts'
import { guards } from '../guards.ts'
import { aWorld, type World } from '../world.ts'

const secret = 'canary-c81f-secret-of-the-operator'

function aWebWorld(policy: object, options: HttpOptions = {}): Promise<World> {
  return aWorld({ policy, kernel: { providers: [http(options)] } })
}

/** Every byte below the data directory and the keys. */
function bytesBelow(...folders: string[]): Buffer {
  const files = folders.flatMap((folder) => globSync('**/*', { cwd: folder }).map((path) => join(folder, path)))
  return Buffer.concat(files.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path)))
}

describe('net.http through the gate', () => {
  guards('GATE-06', 'GATE-05')

  test('is refused private addresses unless its rule opens them', async () => {
    await using site = await aSite()
    const rule = { action: 'net.http', resource: `${site.origin}/**` }
    await using closed = await aWebWorld({ allow: [rule] })
    expect(await closed.submit('net.http', `${site.origin}/a?token=x`)).toMatchObject({
      status: 'denied',
      resource: `${site.origin}/a`,
      reason: { code: 'private_address' },
    })
    expect(site.seen).toEqual([])
    expect(await closed.attempts()).toMatchObject([{ resource: `${site.origin}/a`, outcome: { status: 'denied' } }])
    await using open = await aWebWorld({ allow: [{ ...rule, network: 'private' }] })
    expect(await open.submit('net.http', `${site.origin}/a`)).toMatchObject({
      status: 'ok',
      result: { status: 200, body: 'ok' },
    })
  })

  test('is judged by its method as it was sent', async () => {
    await using site = await aSite()
    const rule = {
      action: 'net.http',
      resource: `${site.origin}/**`,
      network: 'private',
      constraint: { method: 'GET' },
    }
    await using world = await aWebWorld({ allow: [rule] })
    const statuses: string[] = []
    for (const params of [{ method: 'GET' }, { method: 'POST' }, {}, { method: 'get' }]) {
      statuses.push((await world.submit('net.http', `${site.origin}/`, params)).status)
    }
    expect(statuses).toEqual(['ok', 'denied', 'denied', 'invalid'])
    expect(site.seen).toHaveLength(1)
  })

  test('follows a redirect only where policy lets it', async () => {
    await using site = await aSite((request, response) => {
      if (!request.url?.startsWith('/go/')) return void response.end('there')
      response.writeHead(302, { location: request.url.replace('/go', '') }).end()
    })
    await using world = await aWebWorld({
      allow: [{ action: 'net.http', resource: `${site.origin}/**`, network: 'private' }],
      deny: [{ action: 'net.http', resource: `${site.origin}/secret/**` }],
    })
    const refused = await world.submit('net.http', `${site.origin}/go/secret/key?token=x`)
    expect(refused).toMatchObject({
      status: 'denied',
      reason: { code: 'denied_by_rule', message: expect.stringContaining('/secret/key') },
    })
    expect(JSON.stringify(refused)).not.toContain('token')
    const followed = await world.submit('net.http', `${site.origin}/go/open`)
    expect(followed).toMatchObject({ status: 'ok', result: { body: 'there', hops: [`${site.origin}/open`] } })
    const posted = await world.submit('net.http', `${site.origin}/go/secret/key`, { method: 'POST' })
    expect(posted).toMatchObject({ status: 'ok', result: { status: 302, notFollowed: { code: 'denied_by_rule' } } })
    expect(site.seen.map(({ url }) => url)).toEqual(['/go/secret/key?token=x', '/go/open', '/open', '/go/secret/key'])
    expect((await world.attempts()).map(({ outcome }) => [outcome?.status, outcome?.effect])).toEqual([
      ['denied', 'none'],
      ['ok', 'done'],
      ['ok', 'done'],
    ])
  })

  test('ends as its failures say', async () => {
    await using site = await aSite((request) => request.socket.destroy())
    await using world = await aWebWorld({ allow: [{ action: 'net.http', resource: '**', network: 'private' }] })
    expect(await world.submit('net.http', `${site.origin}/`)).toMatchObject({
      status: 'failed',
      error: { code: 'connection_failed' },
    })
    expect(await world.submit('net.http', `${site.origin}/`, { method: 'POST' })).toMatchObject({ status: 'unknown' })
    expect(await world.submit('net.http', 'file:///etc/passwd')).toMatchObject({ status: 'invalid' })
    expect(await world.submit('net.http', 'https://me:hunter2@example.com/')).toMatchObject({ status: 'invalid' })
    expect(JSON.stringify(await world.entries())).not.toContain('hunter2')
  })
})

describe('a secret sent by reference', () => {
  guards('LED-09')

  test('stands in no outcome, entry, vault or key file, also when the server sends it back', async () => {
    await using site = await aSite(
      (request, response) => void response.end(`you sent ${JSON.stringify(request.headers)}`),
    )
    const resource = `${site.origin}/echo`
    const policy = { allow: [{ action: 'net.http', resource: '**', network: 'private' }] }
    await using world = await aWebWorld(policy, { secrets: { find: () => ({ value: secret, to: [site.origin] }) } })
    const params = {
      method: 'POST',
      headers: { authorization: 'Bearer {{secret:API_KEY}}' },
      body: 'k={{secret:API_KEY}}',
    }
    const request = { action: 'net.http', resource, params, idempotencyKey: 'once' }
    const first = await world.kernel.submit(request)
    expect(first).toMatchObject({
      status: 'ok',
      result: { body: expect.stringContaining('Bearer {{secret:API_KEY}}') },
    })
    expect(site.seen[0]).toMatchObject({ headers: { authorization: `Bearer ${secret}` }, body: `k=${secret}` })
    await world.reopen()
    const again = await world.kernel.submit(request)
    expect(again).toMatchObject({ status: 'ok', seq: first.seq })
    expect(site.seen).toHaveLength(1)
    const elsewhere = await world.submit('net.http', 'http://example.com/', params)
    expect(elsewhere).toMatchObject({ status: 'denied', reason: { code: 'secret_not_for_here' } })
    expect(await world.submit('net.http', `${resource}?key={{secret:API_KEY}}`)).toMatchObject({ status: 'invalid' })
    const entries = await world.entries()
    expect(JSON.stringify([first, again, elsewhere, entries])).not.toContain('canary')
    const stored = bytesBelow(world.dataDir, world.keysDir)
    expect(stored.length).toBeGreaterThan(1000)
    expect(stored.includes(secret)).toBe(false)
    expect(stored.includes(Buffer.from(secret).toString('base64').slice(0, -2))).toBe(false)
  })
})
