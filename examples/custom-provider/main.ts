import { strict as assert } from 'node:assert'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel } from 'kestrel-kernel'
import { providerContract } from 'kestrel-kernel/providers/contract'
import { thermostat } from './thermostat.ts'

// Run it: npm run build && node examples/custom-provider/main.ts
const folder = mkdtempSync(join(tmpdir(), 'kestrel-example-'))
const rooms = new Map([
  ['house/kitchen', 18],
  ['house/nursery', 21],
])
const policy = {
  version: 1,
  allow: [
    { action: 'heat.read', resource: 'house/*' },
    { action: 'heat.set', resource: 'house/*', when: 'params.celsius <= 24' },
  ],
  deny: [{ action: 'heat.set', resource: 'house/nursery' }],
}

try {
  await using kernel = await createKernel({
    policy,
    dataDir: join(folder, 'data'),
    keysDir: join(folder, 'keys'),
    providers: [thermostat(rooms)],
  })
  const agent = kernel.as({ id: 'alice', roles: [] })
  const submit = (action: string, resource: string, params = {}): ReturnType<typeof agent.submit> =>
    agent.submit({ action, resource, params })

  const table = [
    [await submit('heat.read', 'house/kitchen'), 'ok'],
    [await submit('heat.set', 'house/kitchen', { celsius: 22 }), 'ok'],
    [await submit('heat.set', 'house/kitchen', { celsius: 28 }), 'denied'],
    [await submit('heat.set', 'house/nursery', { celsius: 20 }), 'denied'],
    [await submit('heat.set', 'house/kitchen', { celsius: '20' }), 'invalid'],
    [await submit('heat.set', 'house/../kitchen', { celsius: 20 }), 'invalid'],
    [await submit('heat.read', 'house/cellar'), 'failed'],
  ] as const
  for (const [outcome, status] of table) {
    assert.equal(outcome.status, status)
    const why = outcome.error?.message ?? outcome.reason?.message ?? JSON.stringify(outcome.result)
    console.log(`${status.padEnd(8)}${outcome.action} ${outcome.resource}: ${why}`)
  }
  assert.deepEqual([...rooms.values()], [22, 21])

  const samples = {
    'heat.read': { resource: 'house/kitchen', world: () => [...rooms.values()] },
    'heat.set': { resource: 'house/kitchen', params: { celsius: 19 }, world: () => [...rooms.values()] },
  }
  const cases = providerContract(() => thermostat(rooms), samples)
  for (const { run } of cases) await run()
  console.log(`the provider keeps the contract in ${cases.length} cases`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
