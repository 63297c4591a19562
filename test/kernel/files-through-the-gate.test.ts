import { readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aWorld, canary } from '../world.ts'

describe('a path under a mount', () => {
  guards('GATE-01', 'GATE-03')

  test.each([
    '/workspace/../secret',
    '/workspace//..//secret',
    '/workspace/./../secret',
    '/workspace_evil/x',
    '/workspace/%2e%2e/secret',
    '/workspace/\uff0e\uff0e/secret',
    '/workspace/..\u2215secret',
    '/workspace/..\\secret',
    '/workspace/../../../../../../../../etc/passwd',
    '/etc/passwd',
    'workspace/a.txt',
    '/workspace/a.txt\0.png',
  ])('%j reaches nothing', async (spelling) => {
    await using world = await aWorld({
      files: { '../secret': canary, '../workspace_evil/x': canary },
      policy: { allow: [{ action: '**', resource: '**' }] },
    })
    const outcome = await world.submit('fs.read', spelling)
    expect(outcome.status).not.toBe('ok')
    expect(outcome).not.toHaveProperty('result')
    expect(JSON.stringify(outcome)).not.toContain(canary)
    expect(await world.attempts()).toHaveLength(1)
  })

  test.each([
    '/workspace/a.txt',
    '/workspace//a.txt',
    '/workspace/./a.txt',
    '/workspace/x/../a.txt',
    '//workspace/a.txt',
    '/workspace/a.txt/',
  ])('%s has one canonical form, which is what policy judges and the log says', async (spelling) => {
    await using world = await aWorld({
      files: { 'a.txt': 'a' },
      policy: { allow: [{ action: 'fs.read', resource: '/workspace/a.txt' }] },
    })
    const outcome = await world.submit('fs.read', spelling)
    if (outcome.status === 'invalid') return
    expect(outcome).toMatchObject({ status: 'ok', resource: '/workspace/a.txt' })
    expect(await world.attempts()).toMatchObject([{ resource: '/workspace/a.txt' }])
  })
})

describe('links in a mounted folder', () => {
  guards('GATE-02')

  test('lead nowhere: neither a file, nor a folder, nor a dangling one on write', async () => {
    await using world = await aWorld({
      files: { '../outside/secret': canary, '.env': canary },
      policy: {
        allow: [{ action: 'fs.*', resource: '/workspace/**' }],
        deny: [{ action: 'fs.*', resource: '**/.env' }],
      },
    })
    symlinkSync(join(world.root, 'outside/secret'), join(world.workspace, 'file'))
    symlinkSync(join(world.root, 'outside'), join(world.workspace, 'folder'))
    symlinkSync(join(world.root, 'outside/new'), join(world.workspace, 'dangling'))
    symlinkSync('.env', join(world.workspace, 'harmless.txt'))
    for (const resource of ['/workspace/file', '/workspace/folder/secret', '/workspace/harmless.txt']) {
      const outcome = await world.submit('fs.read', resource)
      expect(outcome, resource).toMatchObject({ status: 'denied' })
      expect(JSON.stringify(outcome)).not.toContain(canary)
    }
    expect(await world.submit('fs.list', '/workspace/folder')).toMatchObject({
      status: 'denied',
      reason: { code: 'outside_mount' },
    })
    for (const resource of ['/workspace/file', '/workspace/folder/new', '/workspace/dangling']) {
      expect(await world.submit('fs.write', resource, { content: 'x' }), resource).toMatchObject({ status: 'denied' })
    }
    expect(readdirSync(join(world.root, 'outside'))).toEqual(['secret'])
    expect(await world.attempts()).toHaveLength(7)
  })
})

describe('rules over files', () => {
  guards('GATE-04', 'GATE-05', 'GATE-17')

  test('nothing is allowed that no rule allows', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'a' }, policy: {} })
    expect(await world.submit('fs.read', '/workspace/a.txt')).toMatchObject({
      status: 'denied',
      reason: { code: 'no_matching_rule', hint: expect.stringContaining('fs.read') },
    })
  })

  test('deny wins, also over an allow that is more exact', async () => {
    await using world = await aWorld({
      files: { '.env': canary },
      policy: {
        allow: [{ action: 'fs.read', resource: '/workspace/.env' }],
        deny: [{ action: 'fs.*', resource: '**/.env' }],
      },
    })
    expect(await world.submit('fs.read', '/workspace/.env')).toMatchObject({
      status: 'denied',
      reason: { code: 'denied_by_rule', rule: 'deny[0]' },
    })
  })

  test('a constraint holds for what was sent, not for what it would default to', async () => {
    await using world = await aWorld({
      files: { 'a.txt': 'a' },
      policy: {
        allow: [{ action: 'fs.read', resource: '/workspace/**', constraint: { encoding: 'utf8' } }],
      },
    })
    expect(await world.submit('fs.read', '/workspace/a.txt')).toMatchObject({ reason: { code: 'constraint_mismatch' } })
    expect(await world.submit('fs.read', '/workspace/a.txt', { encoding: 'utf8' })).toMatchObject({ status: 'ok' })
  })

  test.each([
    ['approval: required', { approval: 'required' }],
    ['approval: review', { approval: 'review' }],
    ['a cost', { cost: { disk: 1 } }],
  ])('what asks for %s is refused until it can be enforced', async (_, more) => {
    await using world = await aWorld({
      policy: {
        allow: [
          { action: 'fs.write', resource: '/workspace/**' },
          { action: 'fs.write', resource: '/workspace/a.txt', ...more },
        ],
      },
    })
    const outcome = await world.submit('fs.write', '/workspace/a.txt', { content: 'x' })
    expect(outcome).toMatchObject({ status: 'denied', reason: { code: 'not_enforced_yet' } })
    expect(world.exists('a.txt')).toBe(false)
  })

  test('a write, a read, a list and a stat end as their entries say', async () => {
    await using world = await aWorld({ files: { 'data.csv': 'a,b\n1,2\n' } })
    writeFileSync(join(world.workspace, 'raw.bin'), Buffer.from([0, 255, 128]))
    const outcomes = [
      await world.submit('fs.read', '/workspace/data.csv'),
      await world.submit('fs.read', '/workspace/raw.bin', { encoding: 'base64' }),
      await world.submit('fs.write', '/workspace/new.txt', { content: 'new' }),
      await world.submit('fs.list', '/workspace'),
      await world.submit('fs.stat', '/workspace/data.csv'),
      await world.submit('fs.read', '/workspace/missing'),
    ]
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'failed'])
    expect(outcomes[0]?.result).toEqual({ content: 'a,b\n1,2\n', encoding: 'utf8', sizeBytes: 8 })
    expect(outcomes[1]?.result).toEqual({ content: 'AP+A', encoding: 'base64', sizeBytes: 3 })
    expect(outcomes[5]?.error).toMatchObject({ code: 'not_found', retryable: false })
    const entries = await world.entries()
    expect(entries.map((entry) => entry.kind)).toEqual(['enroll', 'policy', ...outcomes.map(() => 'action')])
    expect(entries.slice(2).map((entry) => entry.seq)).toEqual(outcomes.map((outcome) => outcome.seq))
    expect(entries[4]).toMatchObject({
      action: 'fs.write',
      params: expect.stringMatching(/^[0-9a-f]{64}$/),
      outcome: { status: 'ok', effect: 'done', result: expect.stringMatching(/^[0-9a-f]{64}$/) },
    })
    expect(entries[2]).not.toHaveProperty('params')
    expect(entries[2]?.outcome).not.toHaveProperty('result')
  })
})
