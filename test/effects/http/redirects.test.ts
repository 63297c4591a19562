import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import type { Call, Judged } from '../../../src/effects/providers/index.ts'
import { guards } from '../../guards.ts'
import { aBrowser, aSite, failing, resultIn, type Site } from './a-web.ts'

/** A site whose paths lead on: `/301?to=…` answers so, everything else says what it is. */
function aMaze(): Promise<Site> {
  return aSite((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
    const to = searchParams.get('to')
    if (to === null) response.end(`here: ${request.method} ${pathname}`)
    else lead(response, Number(pathname.slice(1)), to)
  })
}

function lead(response: ServerResponse, status: number, to: string): void {
  response.writeHead(status, { location: to })
  response.end('elsewhere')
}

const { ask } = aBrowser()
const open: Judged = { network: 'private' }

/** A policy that remembers what it was asked. */
function aJudge(decide: (resource: string) => Judged = () => open): {
  judge: Call['judge']
  asked: [string, unknown][]
} {
  const asked: [string, unknown][] = []
  return {
    asked,
    judge: (resource, params) => {
      asked.push([resource, params])
      return decide(resource)
    },
  }
}

describe('a redirect', () => {
  guards('GATE-06')

  test.each([
    [301, 'GET', 'GET', false], [302, 'GET', 'GET', false], [303, 'GET', 'GET', false], [307, 'GET', 'GET', false], [308, 'GET', 'GET', false],
    [301, 'POST', 'GET', false], [302, 'POST', 'GET', false], [303, 'POST', 'GET', false], [307, 'POST', 'POST', true], [308, 'POST', 'POST', true],
    [303, 'PUT', 'GET', false], [302, 'PUT', 'PUT', true], [301, 'DELETE', 'DELETE', true], [303, 'HEAD', 'HEAD', false],
  ])('by %i turns a %s into a %s', async (status, method, then, hasBody) => {
    await using site = await aMaze()
    const { judge, asked } = aJudge()
    const sendsBody = method !== 'GET' && method !== 'HEAD'
    const params = { method, headers: { 'content-type': 'text/plain', 'x-tag': 'a' }, ...(sendsBody && { body: 'data' }) }
    const result = resultIn(await ask(`${site.origin}/${status}?to=/next%3Ftoken=1`, params, { judge }))
    expect(result).toMatchObject({ status: 200, hops: [`${site.origin}/next`] })
    expect(site.seen[1]).toMatchObject({ method: then, url: '/next?token=1', body: hasBody ? 'data' : '', headers: { 'x-tag': 'a' } })
    expect('content-type' in (site.seen[1]?.headers ?? {})).toBe(hasBody || !sendsBody)
    expect(asked).toEqual([[`${site.origin}/next?token=1`, expect.objectContaining({ method: then })]])
    expect(Object.keys(asked[0]?.[1] ?? {}).includes('body')).toBe(hasBody)
  }) // prettier-ignore

  test.each([300, 304, 305, 201])('is none with the status %i', async (status) => {
    await using site = await aMaze()
    expect(resultIn(await ask(`${site.origin}/${status}?to=/next`))).toMatchObject({ status })
    expect(site.seen).toHaveLength(1)
  })

  test('is none, and keeps its place, with the status 201', async () => {
    await using site = await aSite((_, response) => void response.writeHead(201, { location: '/items?id=5' }).end())
    expect(resultIn(await ask(`${site.origin}/`, { method: 'POST' })).headers).toMatchObject({
      location: '/items?id=5',
    })
  })

  test('is none without a place to go', async () => {
    await using site = await aSite((_, response) => void response.writeHead(302).end('nowhere'))
    expect(resultIn(await ask(`${site.origin}/`))).toMatchObject({ status: 302, body: 'nowhere' })
  })

  test('is followed five times', async () => {
    await using site = await aSite((request, response) => {
      const step = Number(request.url?.slice(1))
      if (step === 0) response.end('there')
      else lead(response, 302, `/${step - 1}`)
    })
    expect(resultIn(await ask(`${site.origin}/5`))).toMatchObject({ body: 'there' })
    expect(await ask(`${site.origin}/6`)).toMatchObject(failing('too_many_redirects'))
    expect(site.seen).toHaveLength(12)
  })

  test('that policy refuses is not followed, and named without its query', async () => {
    await using site = await aMaze()
    const { judge } = aJudge(() => ({ refused: 'denied_by_rule', message: 'a deny rule forbids it', hint: 'ask' }))
    const answer = await ask(`${site.origin}/302?to=/secret%3Ftoken=1`, {}, { judge })
    expect(answer).toMatchObject({
      refused: 'denied_by_rule',
      message: expect.stringContaining(`${site.origin}/secret`),
      hint: 'ask',
    })
    expect(JSON.stringify(answer)).not.toContain('token')
    expect(site.seen).toHaveLength(1)
  })

  test('is bound to the network that its own rule opens', async () => {
    await using site = await aMaze()
    const { judge } = aJudge(() => ({ network: 'public' }))
    expect(await ask(`${site.origin}/302?to=/next`, {}, { judge })).toMatchObject({ refused: 'private_address' })
    expect(site.seen).toHaveLength(1)
  })

  test.each([
    'http://user:pass@127.0.0.1/', 'file:///etc/passwd', 'javascript:alert(1)', 'ftp://127.0.0.1/', '/a b', '\\\\evil.com/', '/%2f..%2fadmin', 'http://', '//',
    `/${'a'.repeat(4100)}`, 'http://[::1/', '/%00',
  ])('to %j is none that can be followed', async (to) => {
    await using site = await aSite((_, response) => lead(response, 302, to))
    expect(await ask(`${site.origin}/`)).toMatchObject(failing('bad_response'))
    expect(site.seen).toHaveLength(1)
  }) // prettier-ignore

  test('to several places is none that can be followed', async () => {
    await using site = await aSite((_, response) => {
      response.writeHead(302, [['location', '/a'], ['location', '/b']] as never)
      response.end()
    }) // prettier-ignore
    expect(await ask(`${site.origin}/`)).toMatchObject(failing('bad_response'))
  })

  test.each(['169.254.169.254/latest/meta-data/', '[fd00:ec2::254]/', '0.0.0.0/'])(
    'to http://%s is refused',
    async (to) => {
      await using site = await aMaze()
      expect(await ask(`${site.origin}/302?to=http://${to}`)).toMatchObject({ refused: 'private_address' })
    },
  )
})

describe('what only one server may see', () => {
  guards('GATE-06')

  const headers = { authorization: 'Bearer a', cookie: 'b=1', 'X-Key': '{{secret:KEY_ONE}}', 'x-tag': 'c' }
  const value = 'value-of-key-one'

  test('stays with it when another origin is asked, and does not come back', async () => {
    await using first = await aMaze()
    await using second = await aMaze()
    const { ask: asked } = aBrowser({ secrets: { find: () => ({ value, to: [first.origin, second.origin] }) } })
    const back = encodeURIComponent(`${second.origin}/302?to=${first.origin}/last`)
    expect(resultIn(await asked(`${first.origin}/302?to=${back}`, { headers })).hops).toEqual([
      `${second.origin}/302`,
      `${first.origin}/last`,
    ])
    expect(first.seen[0]?.headers).toMatchObject({
      authorization: 'Bearer a',
      cookie: 'b=1',
      'x-key': value,
      'x-tag': 'c',
    })
    for (const { headers: sent } of [...second.seen, ...first.seen.slice(1)]) {
      expect(Object.keys(sent)).toEqual(expect.not.arrayContaining(['authorization', 'cookie', 'x-key']))
      expect(sent).toMatchObject({ 'x-tag': 'c' })
    }
  })

  test('goes on to the same origin', async () => {
    await using site = await aMaze()
    const { ask: asked } = aBrowser({ secrets: { find: () => ({ value, to: [site.origin] }) } })
    await asked(`${site.origin}/302?to=/next`, { headers })
    expect(site.seen[1]?.headers).toMatchObject({ authorization: 'Bearer a', cookie: 'b=1', 'x-key': value })
  })

  test('holds back a body with a secret, and with it the request', async () => {
    await using first = await aMaze()
    await using second = await aMaze()
    const { ask: asked } = aBrowser({ secrets: { find: () => ({ value, to: [first.origin, second.origin] }) } })
    const params = { method: 'POST', body: 'key={{secret:KEY_ONE}}' }
    const result = resultIn(await asked(`${first.origin}/307?to=${second.origin}/`, params))
    expect(result).toMatchObject({ status: 307, notFollowed: { code: 'secret_not_for_here' } })
    expect(first.seen[0]?.body).toBe(`key=${value}`)
    expect(second.seen).toEqual([])
  })

  test('holds back a secret that is for another path of the same origin', async () => {
    await using site = await aMaze()
    const { ask: asked } = aBrowser({ secrets: { find: () => ({ value, to: [`${site.origin}/302`] }) } })
    expect(await asked(`${site.origin}/302?to=/next`, { headers })).toMatchObject({ refused: 'secret_not_for_here' })
    expect(site.seen).toHaveLength(1)
  })
})

describe('a POST that was answered by a redirect', () => {
  guards('GATE-06', 'GATE-11')

  const post = { method: 'POST', body: 'pay' }

  test('to a refused place was done: its own answer is the result', async () => {
    await using site = await aMaze()
    const { judge } = aJudge(() => ({ refused: 'no_matching_rule', message: 'no rule allows it' }))
    const result = resultIn(await ask(`${site.origin}/303?to=${site.origin}/secret%3Ftoken=1`, post, { judge }))
    expect(result).toEqual({
      status: 303,
      headers: expect.objectContaining({ location: `${site.origin}/secret` }),
      body: 'elsewhere',
      notFollowed: { code: 'no_matching_rule', message: expect.stringContaining('/secret') },
    })
    expect(JSON.stringify(result)).not.toContain('token')
  })

  test.each([
    ['http://127.0.0.1:1/', 'connection_refused'],
    ['http://169.254.169.254/', 'private_address'],
    ['ftp://x/', 'bad_response'],
  ])('to %s was done as well', async (to, code) => {
    await using site = await aMaze()
    expect(resultIn(await ask(`${site.origin}/303?to=${to}`, post))).toMatchObject({
      status: 303,
      notFollowed: { code },
    })
  })

  test('and sent again there, with half an answer, is not told by its first', async () => {
    await using half = await aSite(
      (request) => void request.socket.end('HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\nab'),
    )
    await using site = await aMaze()
    const answer = await ask(`${site.origin}/307?to=${half.origin}/`, post)
    expect(answer).toMatchObject({
      failed: { code: 'connection_failed', message: expect.stringContaining('status 201') },
    })
  })

  test('and sent again there, without an answer, is uncertain', async () => {
    await using dead = await aSite((request) => request.socket.destroy())
    await using site = await aMaze()
    const answer = await ask(`${site.origin}/307?to=${dead.origin}/`, post)
    expect(answer).toMatchObject(failing('connection_failed', 'uncertain'))
    expect(dead.seen).toMatchObject([{ method: 'POST', body: 'pay' }])
  })
})
