import {
  chmodSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from 'kestrel-kernel'
import { filesystem } from 'kestrel-kernel/providers'
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/base/limits.ts'
import { guards } from '../guards.ts'
import { aWorld, canary, type World } from '../world.ts'

const binary = Buffer.from([0, 255, 128, 13, 10, 0xc3, 0x28])

function undo(world: World, seq: number, force = false): Promise<Outcome> {
  return world.kernel.operator({ id: 'olga', roles: ['operator'] }).undo(seq, { force })
}

/** What a file is to whoever looks. Looking changes its time of access. */
function sight(world: World, path: string): { content: string; mode: number } {
  const file = join(world.workspace, path)
  return { content: readFileSync(file, 'hex'), mode: statSync(file).mode }
}

describe('a write that is undone', () => {
  guards('UNDO-02', 'UNDO-08')

  test('leaves the old file as it was: bytes, mode and times', async () => {
    await using world = await aWorld({ files: { 'a.bin': binary } })
    chmodSync(join(world.workspace, 'a.bin'), 0o751)
    const { content, mode } = sight(world, 'a.bin')
    utimesSync(join(world.workspace, 'a.bin'), 1_000_000_000.25, 1_234_567_890.123_456)
    const wrote = await world.submit('fs.write', '/workspace/a.bin', { content: 'new' })
    expect(wrote).toMatchObject({ status: 'ok', undo: { until: expect.stringMatching(/^20\d\d-.*Z$/) } })
    const undone = await undo(world, wrote.seq)
    expect(undone).toMatchObject({ status: 'ok', action: 'undo', resource: '/workspace/a.bin' })
    const { atimeMs, mtimeMs } = statSync(join(world.workspace, 'a.bin'))
    expect(atimeMs).toBe(1_000_000_000_250)
    expect(mtimeMs).toBeCloseTo(1_234_567_890_123.456, 2)
    expect(sight(world, 'a.bin')).toEqual({ content, mode })
    expect(readdirSync(world.workspace)).toEqual(['a.bin'])
    const entry = (await world.entries()).find(({ seq }) => seq === undone.seq)
    expect(entry).toMatchObject({ kind: 'action', action: 'undo', of: wrote.seq, principal: 'olga' })
    expect(entry?.decision).toMatchObject({ effect: 'permit', rules: ['allow[0]'] })
  })

  test('that was new goes, with the folders that were made for it', async () => {
    await using world = await aWorld({ files: { 'kept/x': '' } })
    const wrote = await world.submit('fs.write', '/workspace/kept/new/deep/b', { content: 'b', parents: true })
    expect(await undo(world, wrote.seq)).toMatchObject({ status: 'ok' })
    expect(new Set(readdirSync(world.workspace, { recursive: true, encoding: 'utf8' }))).toEqual(
      new Set(['kept', 'kept/x']),
    )
  })

  test('can be done again and undone again, as often as one likes', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'old' } })
    let { seq } = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    for (const content of ['old', 'new', 'old', 'new', 'old']) {
      const outcome = await undo(world, seq)
      expect(outcome).toMatchObject({ status: 'ok' })
      expect(world.read('a.txt')).toBe(content)
      seq = outcome.seq
    }
  })

  test('takes the content along that others put there, when it is forced, and gives it back', async () => {
    guards('UNDO-06')
    await using world = await aWorld({ files: { 'a.txt': 'old' } })
    const wrote = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    writeFileSync(join(world.workspace, 'a.txt'), "somebody else's")
    const refused = await undo(world, wrote.seq)
    expect(refused).toMatchObject({ status: 'denied', reason: { code: 'undo_conflict' } })
    expect(world.read('a.txt')).toBe("somebody else's")
    const forced = await undo(world, wrote.seq, true)
    expect(forced).toMatchObject({ status: 'ok' })
    expect(world.read('a.txt')).toBe('old')
    await undo(world, forced.seq)
    expect(world.read('a.txt')).toBe("somebody else's")
  })

  test.each([
    ['content', (path: string) => writeFileSync(path, 'NEW')],
    ['length', (path: string) => writeFileSync(path, 'new and more')],
  ])('is a conflict after a change of its %s', async (_, change) => {
    await using world = await aWorld({ files: { 'a.txt': 'old' } })
    const { seq } = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    change(join(world.workspace, 'a.txt'))
    expect(await undo(world, seq)).toMatchObject({ status: 'denied', reason: { code: 'undo_conflict' } })
  })
})

describe('an undo that is refused', () => {
  guards('UNDO-04', 'UNDO-05')

  test('twice: the second is told which entry did it', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'old' } })
    const { seq } = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    const first = await undo(world, seq)
    for (const force of [false, true]) {
      const again = await undo(world, seq, force)
      expect(again).toMatchObject({ status: 'denied', reason: { code: 'already_undone' } })
      expect(again.reason?.message).toContain(`entry ${first.seq} `)
    }
    await world.reopen()
    expect(await undo(world, seq)).toMatchObject({ reason: { code: 'already_undone' } })
  })

  test('at the same time: one of them has an effect', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'old' } })
    const { seq } = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => undo(world, seq)))
    expect(outcomes.filter(({ status }) => status === 'ok')).toHaveLength(1)
    expect(outcomes.filter(({ reason }) => reason?.code === 'already_undone')).toHaveLength(7)
    expect((await world.attempts()).filter(({ action }) => action === 'undo')).toHaveLength(8)
  })

  test('of what changed nothing, or is no action', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'old' } })
    const read = await world.submit('fs.read', '/workspace/a.txt')
    const failed = await world.submit('fs.write', '/workspace/none/b', { content: '' })
    expect(failed).not.toHaveProperty('undo')
    for (const seq of [0, 1, read.seq, failed.seq]) {
      expect(await undo(world, seq)).toMatchObject({ status: 'denied', reason: { code: 'nothing_to_undo' } })
    }
    await expect(undo(world, 4711)).rejects.toMatchObject({ code: 'ENTRY_NOT_FOUND' })
    await expect(undo(world, Number.NaN)).rejects.toMatchObject({ code: 'ENTRY_NOT_FOUND' })
  })

  test('after its time: expired, and the days of images are destroyed with their keys', async () => {
    let nowMs = Date.UTC(2026, 5, 1, 12)
    const clock = { now: () => nowMs, monotonicMs: () => performance.now() }
    await using world = await aWorld({ files: { 'a.txt': 'old' }, kernel: { clock } })
    const { seq } = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    nowMs += limits.undoMs
    expect(await undo(world, seq)).toMatchObject({ status: 'ok' })
    const redone = await world.submit('fs.write', '/workspace/a.txt', { content: 'newer' })
    nowMs += limits.undoMs + 1
    expect(await undo(world, redone.seq)).toMatchObject({ status: 'denied', reason: { code: 'undo_expired' } })
    expect(world.read('a.txt')).toBe('newer')
    const images = join(world.dataDir, 'vault/+undo/internal')
    expect(readdirSync(images)).toContain('2026-06-01.key')
    nowMs += 86_400_000
    await world.submit('fs.write', '/workspace/a.txt', { content: 'newest' })
    expect(readdirSync(images).filter((name) => name < '2026-06-15')).toEqual([])
    nowMs += limits.undoMs + 2 * 86_400_000
    await world.submit('fs.list', '/workspace')
    await world.reopen()
    expect(readdirSync(images)).toEqual([])
  })

  test('keeps the image: what a deny rule forbade can be undone when the rule is gone', async () => {
    const allow = [{ action: 'fs.*', resource: '/workspace/**' }]
    await using world = await aWorld({ files: { 'a.txt': 'old' }, policy: { allow } })
    const { seq } = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    const mounts = { '/workspace': world.workspace }
    const deny = [{ action: 'fs.write', resource: '**/a.txt' }]
    await world.reopen({ policy: { version: 1, mounts, allow, deny } })
    const refused = await undo(world, seq)
    expect(refused).toMatchObject({ status: 'denied', reason: { code: 'denied_by_rule', rule: 'deny[0]' } })
    expect(world.read('a.txt')).toBe('new')
    await world.reopen({ policy: { version: 1, mounts, allow } })
    expect(await undo(world, seq)).toMatchObject({ status: 'ok' })
    expect(world.read('a.txt')).toBe('old')
  })
})

describe('policy and undo', () => {
  guards('UNDO-01', 'UNDO-03')

  test('the permit to write is enough to take the new file away again, unless a rule denies deleting', async () => {
    const allow = [{ action: 'fs.write', resource: '/workspace/**' }]
    await using world = await aWorld({ policy: { allow } })
    const first = await world.submit('fs.write', '/workspace/a.txt', { content: 'a' })
    expect(await undo(world, first.seq)).toMatchObject({ status: 'ok' })
    expect(world.exists('a.txt')).toBe(false)
    const second = await world.submit('fs.write', '/workspace/b.txt', { content: 'b' })
    const mounts = { '/workspace': world.workspace }
    await world.reopen({ policy: { version: 1, mounts, allow, deny: [{ action: 'fs.delete', resource: '**' }] } })
    expect(await undo(world, second.seq)).toMatchObject({ status: 'denied', reason: { code: 'denied_by_rule' } })
    expect(world.exists('b.txt')).toBe(true)
  })

  test('what nobody may read is not read for an image', async () => {
    const deny = [{ action: 'fs.read', resource: '**/secret' }]
    const rule = { action: 'fs.write', resource: '/workspace/**' }
    await using world = await aWorld({ files: { secret: canary }, policy: { allow: [rule], deny } })
    const wrote = await world.submit('fs.write', '/workspace/secret', { content: 'new' })
    expect(wrote).toMatchObject({ status: 'ok' })
    expect(wrote).not.toHaveProperty('undo')
    const mounts = { '/workspace': world.workspace }
    await world.reopen({ policy: { version: 1, mounts, allow: [{ ...rule, undo: 'required' }], deny } })
    const refused = await world.submit('fs.write', '/workspace/secret', { content: 'newer' })
    expect(refused).toMatchObject({ status: 'denied', reason: { code: 'undo_unavailable', rule: 'allow[0]' } })
    expect(world.read('secret')).toBe('new')
  })

  test('a refused write reads nothing of its target', async () => {
    await using world = await aWorld({
      files: { 'a.txt': canary },
      policy: { allow: [{ action: 'fs.write', resource: '/workspace/other' }] },
    })
    const { atimeMs } = statSync(join(world.workspace, 'a.txt'))
    expect(await world.submit('fs.write', '/workspace/a.txt', { content: '' })).toMatchObject({ status: 'denied' })
    expect(statSync(join(world.workspace, 'a.txt')).atimeMs).toBe(atimeMs)
    expect(readdirSync(join(world.dataDir, 'vault/+undo'))).toEqual([])
  })

  test('`undo: off` keeps no image', async () => {
    const allow = [{ action: 'fs.write', resource: '/workspace/**', undo: 'off' }]
    await using world = await aWorld({ files: { 'a.txt': canary }, policy: { allow } })
    const wrote = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    expect(wrote).not.toHaveProperty('undo')
    expect(await undo(world, wrote.seq)).toMatchObject({ reason: { code: 'nothing_to_undo' } })
    expect(readdirSync(join(world.dataDir, 'vault/+undo'))).toEqual([])
  })

  test('`undo: required` refuses what its provider cannot take back', async () => {
    const { functions } = await import('kestrel-kernel/providers')
    let calls = 0
    const providers = [functions({ send: () => void calls++ })]
    const allow = [{ action: 'fn.send', resource: '**', undo: 'required' }]
    await using world = await aWorld({ policy: { allow }, kernel: { providers } })
    const outcome = await world.submit('fn.send', 'send')
    expect(outcome).toMatchObject({ status: 'denied', reason: { code: 'undo_unavailable' } })
    expect(calls).toBe(0)
  })
})

describe('a move that is undone', () => {
  guards('UNDO-02', 'UNDO-06')

  test('whatever the spelling of its target, gives both names back', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'a', 'b.txt': 'b' } })
    const to = '/workspace//x/.././b.txt'
    const moved = await world.submit('fs.move', '/workspace/a.txt', { to, overwrite: true })
    expect(moved).toMatchObject({ status: 'ok', undo: {} })
    expect(await undo(world, moved.seq)).toMatchObject({ status: 'ok' })
    expect([world.read('a.txt'), world.read('b.txt')]).toEqual(['a', 'b'])
  })

  test('is a conflict when the folder holds something else by now, or its old name is taken', async () => {
    await using world = await aWorld({ files: { 'from/x': 'x' } })
    const moved = await world.submit('fs.move', '/workspace/from', { to: '/workspace/to' })
    writeFileSync(join(world.workspace, 'to/theirs'), '')
    expect(await undo(world, moved.seq)).toMatchObject({ reason: { code: 'undo_conflict' } })
    rmSync(join(world.workspace, 'to/theirs'))
    writeFileSync(join(world.workspace, 'from'), 'in the way')
    expect(await undo(world, moved.seq)).toMatchObject({ reason: { code: 'undo_conflict' } })
    expect(await undo(world, moved.seq, true)).toMatchObject({ status: 'denied' })
    expect(world.read('to/x')).toBe('x')
  })

  test("takes no folder along that holds what is Kestrel's own by now", async () => {
    guards('GATE-13')
    await using world = await aWorld({ files: { 'from/x': 'x' } })
    const moved = await world.submit('fs.move', '/workspace/from', { to: '/workspace/to' })
    await world.kernel.close()
    const dataDir = join(world.workspace, 'to/data')
    renameSync(world.dataDir, dataDir)
    await world.reopen({ dataDir })
    expect(await undo(world, moved.seq, true)).toMatchObject({ reason: { code: 'self_protected' } })
    expect(world.exists('to/data/ledger/checkpoint')).toBe(true)
  })
})

describe('many writes to one file at once', () => {
  guards('UNDO-02', 'UNDO-06')

  test('all take effect, and undone from the last to the first each gives back what the one before wrote', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'first' } })
    const contents = Array.from({ length: 24 }, (_, i) => `content ${i}`)
    const outcomes = await Promise.all(
      contents.map((content) => world.submit('fs.write', '/workspace/a.txt', { content })),
    )
    expect(outcomes.filter(({ status }) => status === 'ok')).toHaveLength(24)
    expect(world.read('a.txt')).toBe('content 23')
    for (const [index, { seq }] of [...outcomes.entries()].reverse()) {
      expect(await undo(world, seq)).toMatchObject({ status: 'ok' })
      expect(world.read('a.txt')).toBe(index === 0 ? 'first' : `content ${index - 1}`)
    }
  })

  test('and moves to and fro between two names never wait for each other', async () => {
    await using world = await aWorld({ files: { a: 'a', b: 'b' } })
    const move = (from: string, to: string): Promise<Outcome> =>
      world.submit('fs.move', `/workspace/${from}`, { to: `/workspace/${to}`, overwrite: true })
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? move('a', 'b') : move('b', 'a'))),
    )
    for (const { status, error } of outcomes) expect([status, error?.code].join()).toMatch(/^(ok,|failed,not_found)$/)
  })
})

describe('an undo in a hostile world', () => {
  guards('UNDO-07', 'UNDO-09', 'GATE-02')

  test('an image that was changed in the vault puts nothing back', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'old' } })
    const { seq } = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    await world.kernel.close()
    const folder = join(world.dataDir, 'vault/+undo/internal')
    const day = readdirSync(folder).find((name) => !name.endsWith('.key')) as string
    const bytes = readFileSync(join(folder, day))
    for (let at = 300; at < bytes.length; at += 60) bytes[at] = (bytes[at] as number) ^ 1
    writeFileSync(join(folder, day), bytes)
    await world.reopen()
    const outcome = await undo(world, seq)
    expect(outcome.status).not.toBe('ok')
    expect(outcome.error?.code ?? outcome.reason?.code).toMatch(/image_damaged|undo_expired/)
    expect(world.read('a.txt')).toBe('new')
  })

  test('a link, a folder or a hard link in the place of the file leads nowhere', async () => {
    for (const trap of [
      (path: string, secret: string) => symlinkSync(secret, path),
      (path: string, secret: string) => linkSync(secret, path),
    ]) {
      await using world = await aWorld({ files: { 'a.txt': 'old', '../secret': canary } })
      const { seq } = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
      rmSync(join(world.workspace, 'a.txt'))
      trap(join(world.workspace, 'a.txt'), join(world.root, 'secret'))
      expect((await undo(world, seq)).status).toBe('denied')
      await undo(world, seq, true)
      expect(readFileSync(join(world.root, 'secret'), 'utf8')).toBe(canary)
    }
  })

  test('another folder behind the same mount is not touched', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'old', '../other/a.txt': 'new' } })
    const { seq } = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    const mounts = { '/workspace': join(world.root, 'other') }
    await world.reopen({ policy: { version: 1, mounts, allow: [{ action: 'fs.*', resource: '/workspace/**' }] } })
    for (const force of [false, true]) {
      expect(await undo(world, seq, force)).toMatchObject({ status: 'denied', reason: { code: 'undo_conflict' } })
    }
    expect(readFileSync(join(world.root, 'other/a.txt'), 'utf8')).toBe('new')
  })

  test('files that came into a folder since stay there', async () => {
    await using world = await aWorld()
    const { seq } = await world.submit('fs.write', '/workspace/made/a.txt', { content: 'a', parents: true })
    writeFileSync(join(world.workspace, 'made/theirs'), 'b')
    expect(await undo(world, seq)).toMatchObject({ status: 'ok' })
    expect(readdirSync(join(world.workspace, 'made'))).toEqual(['theirs'])
  })

  test('a target swapped between image and write is not overwritten', async () => {
    const provider = filesystem()
    const write = provider.actions['fs.write'] as NonNullable<(typeof provider.actions)['fs.write']>
    let swap = (): void => undefined
    const swapping = {
      ...write,
      perform: (call: Parameters<typeof write.perform>[0]) => {
        swap()
        return write.perform(call)
      },
    }
    const providers = [{ ...provider, actions: { ...provider.actions, 'fs.write': swapping } }]
    await using world = await aWorld({ files: { 'a.txt': 'old' }, kernel: { providers } })
    swap = () => writeFileSync(join(world.workspace, 'a.txt'), 'swapped')
    const outcome = await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'conflict', retryable: true } })
    expect(world.read('a.txt')).toBe('swapped')
  })

  test('no content of an image stands in any file but the vault', async () => {
    guards('LED-09')
    await using world = await aWorld({ files: { 'a.txt': canary.repeat(40_000) } })
    await world.submit('fs.write', '/workspace/a.txt', { content: 'new' })
    await world.kernel.close()
    const files = readdirSync(world.dataDir, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
    for (const { parentPath, name } of files) {
      expect(readFileSync(join(parentPath, name)).includes(canary), name).toBe(false)
    }
  })
})
