import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aWorld, type World } from '../world.ts'

const child = join(import.meta.dirname, 'child-that-is-cut.ts')

/** Lets another process ask, and die before or after the effect; then goes on where it was cut. */
async function cutAndReopen(world: World, cut: 'before' | 'after', request: object, isUndo = false): Promise<void> {
  await world.kernel.close()
  const args = [child, world.root, cut, JSON.stringify(request), ...(isUndo ? ['undo'] : [])]
  const { signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(signal, stderr).toBe('SIGKILL')
}

const requests: Readonly<
  Record<string, { readonly request: object; readonly after: Record<string, string | undefined> }>
> = {
  'a write over a file': {
    request: { action: 'fs.write', resource: '/workspace/a.txt', params: { content: 'new' } },
    after: { 'a.txt': 'new' },
  },
  'a write of a new file in new folders': {
    request: { action: 'fs.write', resource: '/workspace/x/y/new', params: { content: 'new', parents: true } },
    after: { 'x/y/new': 'new', 'a.txt': 'old' },
  },
  'an append': {
    request: { action: 'fs.append', resource: '/workspace/a.txt', params: { content: ' end' } },
    after: { 'a.txt': 'old end' },
  },
  'a deletion of a tree': {
    request: { action: 'fs.delete', resource: '/workspace/tree', params: { recursive: true } },
    after: { 'tree/in/deep': undefined, 'tree/b': undefined },
  },
  'a move': {
    request: { action: 'fs.move', resource: '/workspace/a.txt', params: { to: '/workspace/moved' } },
    after: { 'a.txt': undefined, moved: 'old' },
  },
  'a move over a file': {
    request: { action: 'fs.move', resource: '/workspace/a.txt', params: { to: '/workspace/tree/b', overwrite: true } },
    after: { 'a.txt': undefined, 'tree/b': 'old' },
  },
  'a new folder': {
    request: { action: 'fs.mkdir', resource: '/workspace/made' },
    after: {},
  },
}
const files = { 'a.txt': 'old', 'tree/b': 'b', 'tree/in/deep': 'deep' }

function content(world: World, path: string): string | undefined {
  return existsSync(join(world.workspace, path)) ? readFileSync(join(world.workspace, path), 'utf8') : undefined
}

describe.each(Object.entries(requests))('%s that a crash cut', (_, { request, after }) => {
  guards('RUN-14', 'GATE-09', 'LED-15')

  test('before its effect has surely not happened', async () => {
    await using world = await aWorld({ files })
    await cutAndReopen(world, 'before', request)
    await world.reopen()
    const [entry] = (await world.attempts()).slice(-1)
    expect(entry?.outcome).toEqual({ status: 'failed', effect: 'none', error: 'interrupted' })
    expect(entry).not.toHaveProperty('undo')
    for (const [path, was] of Object.entries(files)) expect(content(world, path)).toBe(was)
  })

  test('after its effect has happened, and can be undone', async () => {
    await using world = await aWorld({ files })
    await cutAndReopen(world, 'after', request)
    await world.reopen()
    for (const [path, is] of Object.entries(after)) expect(content(world, path)).toBe(is)
    const seq = (await world.attempts()).at(-1)?.seq ?? -1
    await world.reopen()
    expect(await world.kernel.operator({ id: 'olga' }).undo(seq)).toMatchObject({ status: 'ok' })
    for (const [path, was] of Object.entries(files)) expect(content(world, path)).toBe(was)
    const entries = await world.attempts()
    expect(entries.find((entry) => entry.seq === seq)?.outcome).toEqual({ status: 'ok', effect: 'done' })
  })

  test.each(['before', 'after'] as const)('in its undo, %s the effect, is told from what is there', async (cut) => {
    await using world = await aWorld({ files })
    await cutAndReopen(world, cut, request, true)
    await world.reopen()
    const [first, undo] = (await world.attempts()).slice(-2)
    expect(undo).toMatchObject({
      action: 'undo',
      of: first?.seq,
      outcome: { effect: cut === 'before' ? 'none' : 'done' },
    })
    await world.reopen()
    const again = await world.kernel.operator({ id: 'olga' }).undo(first?.seq ?? -1)
    if (cut === 'before') expect(again).toMatchObject({ status: 'ok' })
    else expect(again).toMatchObject({ status: 'denied', reason: { code: 'already_undone' } })
    for (const [path, was] of Object.entries(files)) expect(content(world, path)).toBe(was)
  })
})

describe('what a crash cut and somebody has changed since', () => {
  guards('RUN-14')

  test('is unknown, for a person to settle', async () => {
    await using world = await aWorld({ files })
    await cutAndReopen(world, 'after', { action: 'fs.write', resource: '/workspace/a.txt', params: { content: 'new' } })
    writeFileSync(join(world.workspace, 'a.txt'), 'neither')
    await world.reopen()
    const [entry] = (await world.attempts()).slice(-1)
    expect(entry?.outcome).toEqual({ status: 'unknown', effect: 'uncertain', error: 'interrupted' })
  })
})
