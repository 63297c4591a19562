import { strict as assert } from 'node:assert'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel } from 'kestrel-kernel'
import { aMailServer } from './a-mail-server.ts'
import { keepsContract } from './keeps-contract.ts'
import { mail } from './mail.ts'

// Run it: npm run build && node examples/mail-outbox/main.ts
const folder = mkdtempSync(join(tmpdir(), 'kestrel-example-'))
const outbox = join(folder, 'outbox')
const policy = {
  version: 1,
  allow: [
    { action: 'mail.*', resource: '*@example.com' },
    { action: 'mail.send', resource: '*@xn--mller-kva.example' },
  ],
  deny: [{ action: 'mail.send', resource: 'everyone@example.com' }],
}

try {
  await using server = await aMailServer()
  const provider = mail({
    folder: outbox,
    server: { host: '127.0.0.1', port: server.port },
    from: 'agent@example.com',
  })
  await using kernel = await createKernel({
    policy,
    dataDir: join(folder, 'data'),
    keysDir: join(folder, 'keys'),
    providers: [provider],
  })
  const agent = kernel.as({ id: 'alice' })
  const write = (to: string, more = {}, options = {}): ReturnType<typeof agent.submit> =>
    agent.submit(
      { action: 'mail.send', resource: to, params: { subject: 'Tea?', text: 'At five.\n.\nYours', ...more } },
      options,
    )

  const heard: number[] = []
  const sent = await write('bob@Example.COM', {}, { onProgress: ({ done }: { done: number }) => heard.push(done) })
  assert.equal(sent.status, 'ok', JSON.stringify(sent))
  assert.equal(sent.resource, 'bob@example.com')
  assert.equal(heard.at(-1), 5)
  const [taken] = server.taken
  assert.match(taken?.message ?? '', /^From: <agent@example\.com>\r\nTo: <bob@example\.com>\r\nSubject: Tea\?\r\n/)
  assert.equal(Buffer.from(taken?.message.split('\r\n\r\n')[1] ?? '', 'base64').toString(), 'At five.\n.\nYours')
  console.log(`ok      ${sent.resource}: sent, and told how far it was`)

  const eve = 'eve@evil.example'
  const table = [
    [await write('carla@MÜLLER.example', { subject: 'Grüße' }), 'ok', undefined],
    [await write(eve), 'denied', 'no_matching_rule'],
    [await write('Everyone@EXAMPLE.com'), 'denied', 'denied_by_rule'],
    [await write('bob@example.com', { subject: `Tea?\r\nBcc: ${eve}` }), 'invalid', 'invalid_request'],
    [await write(`bob@example.com>\r\nRCPT TO:<${eve}`), 'invalid', 'invalid_request'],
    [await write(`Bob <bob@example.com>`), 'invalid', 'invalid_request'],
    [await write(`bob@example.com, ${eve}`), 'invalid', 'invalid_request'],
    [await write(`bob@evil.example%40example.com`), 'invalid', 'invalid_request'],
  ] as const
  for (const [{ status, reason, error, resource }, expected, code] of table) {
    assert.deepEqual([status, (reason ?? error)?.code], [expected, code])
    console.log(`${status.padEnd(8)}${JSON.stringify(resource)}: ${(reason ?? error)?.message ?? 'sent'}`)
  }
  assert.deepEqual(
    server.taken.map(({ to }) => to),
    ['bob@example.com', 'carla@xn--mller-kva.example'],
  )

  server.manner = 'knows nobody'
  const refused = await write('nobody@example.com')
  assert.deepEqual([refused.status, refused.error?.code], ['failed', 'refused'])
  console.log(`failed  ${refused.error?.message}`)

  server.manner = 'hangs up after the dot'
  const unknown = await write('bob@example.com')
  assert.deepEqual([unknown.status, unknown.error?.code], ['unknown', 'no_reply'])
  assert.equal(readdirSync(join(outbox, 'uncertain')).length, 1)
  const settled = await kernel.resolve(unknown.seq, { as: 'done', reason: 'Bob says that he has it' })
  console.log(`unknown ${unknown.error?.message}; entry ${settled.seq} says what a person found out`)

  server.manner = 'says nothing'
  const controller = new AbortController()
  const cancelling = write('bob@example.com', {}, { signal: controller.signal })
  setTimeout(() => controller.abort(), 50)
  const cancelled = await cancelling
  assert.deepEqual([cancelled.status, cancelled.error?.code], ['failed', 'cancelled'])
  console.log(`failed  ${cancelled.error?.message}`)

  server.manner = 'takes mail'
  const before = server.taken.length
  const later = await write('bob@example.com', { delayMs: 60_000 })
  const { id } = later.result as { id: string }
  const unsend = (to: string): ReturnType<typeof agent.submit> =>
    agent.submit({ action: 'mail.unsend', resource: to, params: { id } })
  assert.equal((await unsend('carla@example.com')).error?.code, 'not_found')
  assert.equal((await unsend('bob@example.com')).status, 'ok')
  assert.equal((await unsend('bob@example.com')).error?.code, 'too_late')
  assert.equal(server.taken.length, before)
  console.log('ok      a message that waited in the outbox was taken out of it')
  const soon = (await write('bob@example.com', { delayMs: 1 })).result as { id: string }
  const status = async (): Promise<unknown> =>
    (await agent.submit({ action: 'mail.status', resource: 'bob@example.com', params: { id: soon.id } })).result
  while (JSON.stringify(await status()) !== '{"state":"sent"}') await new Promise((resolve) => setTimeout(resolve, 10))
  assert.equal(server.taken.length, before + 1)
  console.log('ok      another one was sent when its time had come')
  console.log(`the provider keeps the contract in ${await keepsContract(folder, server)} cases`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
