import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel } from 'kestrel-kernel'
import { http } from 'kestrel-kernel/providers'

// Run it: npm run build && node examples/web-requests/main.ts
const folder = mkdtempSync(join(tmpdir(), 'kestrel-example-'))
const key = 'sk-live-4b1d0f'

// A server of the house: it wants a key, tells what it was sent, and sends some callers elsewhere.
const server = createServer((request, response) => {
  if (request.url === '/old/report') response.writeHead(302, { location: '/api/report' }).end()
  else if (request.url === '/old/salaries') response.writeHead(302, { location: '/api/salaries' }).end()
  else response.end(`${request.method} ${request.url} with ${request.headers.authorization ?? 'no key'}`)
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const house = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const policy = {
  version: 1,
  allow: [
    { action: 'net.http', resource: `${house}/api/**`, network: 'private' },
    { action: 'net.http', resource: `${house}/old/**`, network: 'private', constraint: { method: 'GET' } },
    // The same machine by its name, but nobody said that it may be a private address.
    { action: 'net.http', resource: 'http://localhost:*/**' },
  ],
  deny: [{ action: 'net.http', resource: '**/salaries' }],
}

try {
  await using kernel = await createKernel({
    policy,
    dataDir: join(folder, 'data'),
    keysDir: join(folder, 'keys'),
    providers: [
      http({ secrets: { find: (name) => (name === 'HOUSE_KEY' ? { value: key, to: [house] } : undefined) } }),
    ],
  })
  const agent = kernel.as({ id: 'alice', roles: [] })
  const ask = (resource: string, params = {}): ReturnType<typeof agent.submit> =>
    agent.submit({ action: 'net.http', resource, params })
  const withKey = { headers: { authorization: 'Bearer {{secret:HOUSE_KEY}}' } }

  const table = [
    [await ask(`${house}/api/report`, withKey), 'ok'],
    [await ask(`${house}/api/orders`, { method: 'POST', body: '{"item":"tea"}' }), 'ok'],
    [await ask(`${house}/old/report`, { method: 'GET' }), 'ok'],
    [await ask(`${house}/old/report`, { method: 'DELETE' }), 'denied'],
    [await ask(`${house}/old/salaries`, { method: 'GET' }), 'denied'],
    [await ask(house.replace('127.0.0.1', 'localhost')), 'denied'],
    [await ask(`${house}@evil.example/api/report`), 'invalid'],
  ] as const
  for (const [outcome, status] of table) {
    assert.equal(outcome.status, status, JSON.stringify(outcome))
    const why = outcome.status === 'ok' ? (outcome.result as { body: string }).body : outcome.reason?.message
    console.log(`${status.padEnd(8)}${why}`)
  }
  const told = JSON.stringify(table)
  assert.equal(told.includes(key), false)
  assert.ok(told.includes('Bearer {{secret:HOUSE_KEY}}'))
  console.log('the server got the key; the agent and the log never saw it')
} finally {
  server.close()
  rmSync(folder, { recursive: true, force: true })
}
