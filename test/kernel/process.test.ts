import { readdirSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from 'kestrel-kernel'
import { filesystem, processes, type ProcessesOptions } from 'kestrel-kernel/providers'
import { describe, expect, test } from 'vitest'
import { aLongSleep, inJail, jailed, onHost, running, until } from '../effects/process/a-machine.ts'
import { guards } from '../guards.ts'
import { aWorld, type World } from '../world.ts'

const [echo, sh] = [realpathSync('/bin/echo'), realpathSync('/bin/sh')]

/** A world in which one rule lets programs run, or nothing does. */
function aWorldOf(rule: object | undefined, options: ProcessesOptions = onHost): Promise<World> {
  const allow = rule === undefined ? [] : [{ action: 'proc.exec', ...rule }]
  return aWorld({ policy: { allow }, kernel: { providers: [filesystem(), processes(options)] } })
}

describe('a rule over a program', () => {
  guards('GATE-05', 'GATE-07')

  test('names it by its real path, however the request does', async () => {
    await using world = await aWorldOf({ resource: echo, constraint: { args: ['hi'] } })
    symlinkSync(echo, join(world.workspace, 'link'))
    for (const name of ['echo', '/bin/echo', '/usr/bin/../bin/echo', join(world.workspace, 'link')]) {
      const outcome = await world.submit('proc.exec', name, { args: ['hi'] })
      expect(outcome, name).toMatchObject({
        status: 'ok',
        resource: echo,
        result: { exitCode: 0, signal: null, stdout: 'hi\n', stderr: '' },
      })
    }
    expect(await world.attempts()).toHaveLength(4)
  })

  test.each<[string, string]>([
    ['another program', 'ls'],
    ['a shell behind a link', 'link'],
    ['one of the same name elsewhere', '/workspace/echo'],
  ])('lets no other run: %s', async (_, name) => {
    await using world = await aWorldOf({ resource: echo })
    symlinkSync(sh, join(world.workspace, 'link'))
    const outcome = await world.submit('proc.exec', name === 'link' ? join(world.workspace, 'link') : name)
    expect(outcome).toMatchObject({ status: 'denied', reason: { code: 'no_matching_rule' } })
  })

  test.each<[string, object]>([
    ['none', {}],
    ['an empty list', { args: [] }],
    ['another', { args: ['log'] }],
    ['in another case', { args: ['Status'] }],
    ['one more behind', { args: ['status', '--upload-pack=sh'] }],
    ['one more before', { args: ['-c', 'status'] }],
    ['the same twice', { args: ['status', 'status'] }],
    ['with a line break', { args: ['status\n'] }],
    ['beside standard input', { args: ['status'], stdin: 'x' }],
    ['in a folder', { args: ['status'], cwd: '/workspace' }],
  ])('with listed arguments refuses %s', async (_, params) => {
    const rule = { resource: echo, constraint: { args: ['status'] }, when: '!has(params.stdin) && !has(params.cwd)' }
    await using world = await aWorldOf(rule)
    expect(await world.submit('proc.exec', 'echo', { args: ['status'] })).toMatchObject({ status: 'ok' })
    expect(await world.submit('proc.exec', 'echo', params)).toMatchObject({ status: 'denied' })
  })

  test('with a condition on the first argument says nothing of the others', async () => {
    await using loose = await aWorldOf({ resource: echo, when: 'params.args[0] == "status"' })
    await using strict = await aWorldOf({
      resource: echo,
      when: 'size(params.args) == 1 && params.args[0] == "status"',
    })
    const more = { args: ['status', '--exec=sh'] }
    expect(await loose.submit('proc.exec', 'echo', more)).toMatchObject({ status: 'ok' })
    expect(await strict.submit('proc.exec', 'echo', more)).toMatchObject({ reason: { code: 'condition_false' } })
    expect(await strict.submit('proc.exec', 'echo', { args: ['status'] })).toMatchObject({ status: 'ok' })
    expect(await loose.submit('proc.exec', 'echo')).toMatchObject({ reason: { code: 'condition_false' } })
  })

  test.each<[string, object]>([
    ['args as a text', { args: 'status' }],
    ['NUL', { args: ['a\0b'] }],
    ['an environment', { args: [], env: { A: 'b' } }],
    ['a folder in another spelling', { cwd: '/workspace/x/..' }],
  ])('is not asked about what is malformed: %s', async (_, params) => {
    await using world = await aWorldOf({ resource: '**' })
    expect(await world.submit('proc.exec', 'echo', params)).toMatchObject({
      status: 'invalid',
      reason: { code: 'invalid_request' },
    })
  })

  test('must be there', async () => {
    await using world = await aWorldOf(undefined)
    expect(await world.submit('proc.exec', 'echo')).toMatchObject({ reason: { code: 'no_matching_rule' } })
  })
})

describe('how a program ends', () => {
  guards('GATE-07', 'GATE-09')

  test('is an outcome, and one entry each', async () => {
    await using world = await aWorldOf({ resource: '**' })
    const outcomes = [
      await world.submit('proc.exec', 'sh', { args: ['-c', 'echo no >&2; exit 7'] }),
      await world.submit('proc.exec', 'sleep', { args: ['1000'], timeoutMs: 100 }),
      await world.submit('proc.exec', 'no-such-program'),
      await world.submit('proc.exec', 'sh', { args: ['-c', 'pwd'], cwd: '/etc' }),
    ]
    expect(outcomes).toMatchObject([
      { status: 'ok', result: { exitCode: 7, signal: null, stdout: '', stderr: 'no\n' } },
      { status: 'failed', error: { code: 'timeout', retryable: false } },
      { status: 'failed', error: { code: 'not_found' } },
      { status: 'denied', reason: { code: 'outside_mount' } },
    ])
    const attempts = await world.attempts()
    expect(attempts.map(({ seq }) => seq)).toEqual(outcomes.map(({ seq }) => seq))
  })

  test('when the kernel closes is at once, with all that it has started', async () => {
    await using world = await aWorldOf({ resource: '**' })
    const mark = aLongSleep()
    const outcome = world.submit('proc.exec', 'sh', { args: ['-c', `setsid sleep ${mark} & sleep ${mark}`] })
    await until(() => running(mark).length === 2)
    await world.kernel.close()
    expect(running(mark)).toEqual([])
    expect(await outcome).toMatchObject({ status: 'unknown', error: { code: 'interrupted' } })
    expect(await world.attempts()).toHaveLength(1)
  })

  test('is foreseen by a dry run that starts nothing', async () => {
    await using world = await aWorldOf({ resource: '**' })
    const mark = join(world.workspace, 'made')
    const dry = (resource: string, params: object): Promise<Outcome> =>
      world.kernel.submit({ action: 'proc.exec', resource, params, dryRun: true } as never)
    expect(await dry('touch', { args: [mark] })).toMatchObject({ status: 'ok' })
    expect(await dry('no-such-program', {})).toMatchObject({ status: 'failed' })
    expect(readdirSync(world.workspace)).toEqual([])
  })
})

/** Under a policy that allows everything. */
async function reachesNothingOfKestrel(options: ProcessesOptions): Promise<void> {
  await using world = await aWorldOf({ resource: '**' }, options)
  const script = `
    find ${world.keysDir} ${world.dataDir} -type f -exec cat {} +
    ls -a ${world.keysDir} ${world.dataDir}
    echo forged > ${world.dataDir}/ledger/checkpoint && echo wrote
    mv ${world.keysDir} ${world.root}/elsewhere && echo moved
    cat /proc/${process.pid}/environ /proc/${process.pid}/fd/*
    kill -0 ${process.pid} && echo signalled
    true`
  const outcome = await world.submit('proc.exec', 'sh', { args: ['-c', script] })
  expect(outcome).toMatchObject({ status: 'ok', result: { exitCode: 0, stdout: '' } })
  expect(readdirSync(world.root)).not.toContain('elsewhere')
}

describe('what belongs to Kestrel', () => {
  guards('GATE-13')

  test('is out of reach of programs where there is no jail, or there are no programs', async () => {
    const options = { bubblewrap: '/nowhere/bwrap' }
    if (process.getuid?.() === 0) return await reachesNothingOfKestrel(options)
    await using world = await aWorldOf({ resource: '**' }, options)
    expect(await world.submit('proc.exec', 'true')).toMatchObject({ status: 'denied', reason: { code: 'no_jail' } })
  })
})

jailed('what belongs to Kestrel, seen from a jail', () => {
  guards('GATE-13')

  test('is out of reach', () => reachesNothingOfKestrel(inJail))
})
