import { strict as assert } from 'node:assert'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel } from 'kestrel-kernel'
import { filesystem } from 'kestrel-kernel/providers'

// Run it: npm run build && node examples/files/main.ts
const folder = mkdtempSync(join(tmpdir(), 'kestrel-example-'))
const workspace = join(folder, 'workspace')
const policy = {
  version: 1,
  mounts: { '/workspace': workspace },
  allow: [{ action: 'fs.*', resource: '/workspace/**' }],
  deny: [{ action: 'fs.*', resource: '**/.env' }],
}

try {
  mkdirSync(join(workspace, 'secrets'), { recursive: true })
  writeFileSync(join(workspace, '.env'), 'PASSWORD=hunter2\n')
  writeFileSync(join(workspace, 'secrets', '.env'), 'TOKEN=hunter3\n')
  await using kernel = await createKernel({
    policy,
    dataDir: join(folder, 'data'),
    keysDir: join(folder, 'keys'),
    providers: [filesystem()],
  })
  const agent = kernel.as({ id: 'alice' })
  const picture = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0x00]).toString('base64')

  /** Action, path, params, how it ends, and what it gives or why it does not. */
  const table = [
    ['fs.write', 'log.txt', { content: 'one\n' }, 'ok', { sizeBytes: 4, created: true }],
    ['fs.append', 'log.txt', { content: 'two\n' }, 'ok', { sizeBytes: 8, created: false }],
    ['fs.read', 'log.txt', { offset: 4 }, 'ok', { content: 'two\n', encoding: 'utf8', sizeBytes: 8 }],
    ['fs.read', 'log.txt', { limit: 4 }, 'ok', { content: 'one\n', encoding: 'utf8', sizeBytes: 8, nextOffset: 4 }],
    ['fs.mkdir', 'out/2026', {}, 'failed', 'parent_missing'],
    ['fs.mkdir', 'out/2026', { parents: true }, 'ok', { created: true }],
    ['fs.write', 'out/a.png', { content: picture, encoding: 'base64' }, 'ok', { sizeBytes: 6, created: true }],
    ['fs.read', 'out/a.png', {}, 'failed', 'not_text'],
    ['fs.read', 'out/a.png', { encoding: 'base64' }, 'ok', { content: picture, encoding: 'base64', sizeBytes: 6 }],
    ['fs.move', 'log.txt', { to: '/workspace/out/2026/log.txt' }, 'ok', { overwritten: false }],
    ['fs.move', 'out/2026/log.txt', { to: '/workspace/out/a.png' }, 'failed', 'already_exists'],
    ['fs.move', '.env', { to: '/workspace/harmless.txt' }, 'denied', 'denied_by_rule'],
    ['fs.move', 'out/a.png', { to: '/workspace/out/.env' }, 'denied', 'denied_by_rule'],
    ['fs.move', 'secrets', { to: '/workspace/out/secrets' }, 'denied', 'denied_by_rule'],
    ['fs.list', 'out/2026', {}, 'ok', { entries: [{ name: 'log.txt', type: 'file' }] }],
    ['fs.delete', 'out', {}, 'failed', 'not_empty'],
    ['fs.delete', 'secrets', { recursive: true }, 'denied', 'denied_by_rule'],
    ['fs.delete', 'out', { recursive: true }, 'ok', { deleted: 4 }],
  ] as const
  for (const [action, path, params, status, expected] of table) {
    const outcome = await agent.submit({ action, resource: `/workspace/${path}`, params })
    const { result, reason, error } = outcome
    assert.equal(outcome.status, status)
    const said = status === 'ok' ? JSON.stringify(result) : (error ?? reason)?.message
    if (status === 'ok') assert.deepEqual(JSON.parse(said ?? ''), expected)
    else assert.equal((error ?? reason)?.code, expected)
    console.log(`${status.padEnd(8)}${action} ${path}: ${said}`)
  }
  assert.deepEqual(readdirSync(workspace).sort(), ['.env', 'secrets'])
  assert.equal(readFileSync(join(workspace, '.env'), 'utf8'), 'PASSWORD=hunter2\n')
  console.log('what the policy denies stands as it was')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
