import { chmodSync } from 'node:fs'
import { filesystem, processes, type ProcessesOptions } from 'kestrel-kernel/providers'
import { describe, expect, test } from 'vitest'
import { inJail, jailed, onHost } from '../effects/process/a-machine.ts'
import { guards } from '../guards.ts'
import { aWorld, type World } from '../world.ts'
import { undo } from './a-shop.ts'

const compensate = { action: 'fs.delete', resource: '/workspace/${params.args[2]}' }

/** A world in which a program may write, as whoever it runs as. */
async function aWorldThatWrites(options: ProcessesOptions, more: object = {}): Promise<World> {
  const allow = [{ action: 'proc.exec', resource: '**', compensate, ...more }]
  const world = await aWorld({ policy: { allow }, kernel: { providers: [filesystem(), processes(options)] } })
  chmodSync(world.root, 0o755)
  chmodSync(world.workspace, 0o777)
  return world
}

/** Params of `sh` that make a file of this name and end with this code. */
function making(name: string, exitCode = 0): object {
  return { args: ['-c', 'echo made > "$0" || exit 9; exit "$1"', name, `${exitCode}`], cwd: '/workspace' }
}

async function isTakenBack(options: ProcessesOptions): Promise<void> {
  await using world = await aWorldThatWrites(options, { undo: 'required' })
  const made = await world.submit('proc.exec', 'sh', making('out.txt'))
  expect(made).toMatchObject({ status: 'ok', undo: {}, result: { exitCode: 0 } })
  const undone = await undo(world, made.seq)
  expect(undone).toMatchObject({ status: 'ok', resource: '/workspace/out.txt', undo: {} })
  expect(world.exists('out.txt')).toBe(false)
  const redone = await undo(world, undone.seq)
  expect(redone).toMatchObject({ status: 'ok' })
  expect(world.read('out.txt')).toBe('made\n')
  expect(await undo(world, redone.seq)).toMatchObject({ status: 'ok' })
  expect(world.exists('out.txt')).toBe(false)
  const entries = (await world.attempts()).map(({ action, of, outcome }) => [action, of, outcome?.status])
  const seqs = [undefined, made.seq, undone.seq, redone.seq]
  expect(entries).toEqual(seqs.map((of) => [of === undefined ? 'proc.exec' : 'undo', of, 'ok']))
}

describe('a file that a program made', () => {
  guards('UNDO-08', 'UNDO-09')

  test('goes by another action, comes back, and goes again', () => isTakenBack(onHost))

  test('of a program that failed goes by force only', async () => {
    await using world = await aWorldThatWrites(onHost)
    const { seq } = await world.submit('proc.exec', 'sh', making('out.txt', 3))
    const refused = await undo(world, seq)
    expect(refused).toMatchObject({ status: 'denied', reason: { code: 'effect_unknown' } })
    expect(refused.reason?.message).toContain('exit code 3')
    expect(await undo(world, seq, true)).toMatchObject({ status: 'ok' })
    expect(world.exists('out.txt')).toBe(false)
  })

  test.each(['../secret', '..', '.', '', 'a/b', '/etc/passwd', 'x\n', 'a\\b'])('is one name: not %j', async (name) => {
    await using world = await aWorldThatWrites(onHost, { undo: 'required' })
    const refused = await world.submit('proc.exec', 'sh', making(name))
    expect(refused).toMatchObject({ status: 'denied', reason: { code: 'undo_unavailable' } })
    expect(world.exists('out.txt')).toBe(false)
  })

  test('that is there no more is not deleted, and nothing is said to be undone', async () => {
    await using world = await aWorldThatWrites(onHost)
    const { seq } = await world.submit('proc.exec', 'sh', making('out.txt'))
    const first = await undo(world, seq)
    expect(first).toMatchObject({ status: 'ok' })
    const other = await world.submit('proc.exec', 'true', { args: ['-c', '', 'gone.txt'] })
    expect(await undo(world, other.seq)).toMatchObject({ status: 'failed', error: { code: 'not_found' } })
    expect(await undo(world, other.seq)).toMatchObject({ status: 'failed', error: { code: 'not_found' } })
  })

  test('is out of reach where a rule denies deleting it', async () => {
    await using world = await aWorldThatWrites(onHost)
    const { seq } = await world.submit('proc.exec', 'sh', making('out.txt'))
    const mounts = { '/workspace': world.workspace }
    const deny = [{ action: 'fs.delete', resource: '/workspace/*.txt' }]
    await world.reopen({ policy: { version: 1, mounts, allow: [], deny } })
    expect(await undo(world, seq)).toMatchObject({ status: 'denied', reason: { code: 'denied_by_rule' } })
    expect(world.exists('out.txt')).toBe(true)
  })
})

jailed('a file that a program made in its jail', () => {
  guards('UNDO-08')

  test('goes by another action, comes back, and goes again', () => isTakenBack({ ...inJail, mounts: 'write' }))
})

describe('a program that takes back', () => {
  guards('UNDO-05')

  test('and fails has taken nothing back that anybody knows of', async () => {
    const request = { action: 'proc.exec', resource: '/bin/sh', params: { args: ['-c', 'exit 1'] } }
    const allow = [{ action: 'proc.exec', resource: '**', compensate: request }]
    await using world = await aWorld({ policy: { allow }, kernel: { providers: [processes(onHost)] } })
    const { seq } = await world.submit('proc.exec', 'true')
    expect(await undo(world, seq)).toMatchObject({ status: 'unknown', error: { code: 'compensation_unclear' } })
    expect(await undo(world, seq)).toMatchObject({ status: 'denied', reason: { code: 'effect_unknown' } })
  })
})
