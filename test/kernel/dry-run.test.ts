import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aWorld } from '../world.ts'

describe('a dry run', () => {
  guards('TOK-12')

  const files = { 'a.txt': 'a', '.env': 'x', 'dir/b.txt': 'b' }
  const policy = {
    allow: [
      { action: 'fs.*', resource: '/workspace/**' },
      { action: 'fs.read', resource: '/elsewhere/**' },
    ],
    deny: [{ action: 'fs.*', resource: '**/.env' }],
  }

  test.each<[string, string, object?]>([
    ['fs.read', '/workspace/a.txt'],
    ['fs.read', '/workspace/.env'],
    ['fs.read', '/workspace/missing.txt'],
    ['fs.read', '/workspace/dir'],
    ['fs.read', '/elsewhere/a.txt'],
    ['fs.read', '/workspace/a.txt', { colour: 1 }],
    ['fs.write', '/workspace/new.txt', { content: 'n' }],
    ['fs.write', '/workspace/no/such/folder.txt', { content: 'n' }],
    ['fs.write', '/workspace/dir', { content: 'n' }],
    ['fs.list', '/workspace'],
    ['fs.list', '/workspace/a.txt'],
    ['fs.stat', '/nowhere'],
    ['db.drop', 'users'],
    ['not an action', 'users'],
  ])('of %s %s predicts the outcome and changes nothing', async (action, resource, params) => {
    await using world = await aWorld({ files, policy })
    const request = { action, resource, ...(params && { params: params as never }) }
    const predicted = await world.kernel.submit({ ...request, dryRun: true })
    expect(readdirSync(world.workspace).sort()).toEqual(['.env', 'a.txt', 'dir'])
    const real = await world.kernel.submit(request)
    const { status, seq, reason } = real
    expect(predicted).toMatchObject({ status, seq, ...(reason && { reason }) })
    expect(predicted.error?.code).toBe(real.error?.code)
    expect(predicted).not.toHaveProperty('result')
    expect(await world.attempts()).toHaveLength(1)
  })
})
