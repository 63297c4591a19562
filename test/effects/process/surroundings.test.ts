import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { limits } from '../../../src/base/limits.ts'
import type { ProcessesOptions } from '../../../src/effects/providers/index.ts'
import { guards } from '../../guards.ts'
import { aMachine, inJail, jailed, onHost } from './a-machine.ts'

/** What holds wherever a program runs. */
function whereverItRuns(options: ProcessesOptions, added: RegExp): void {
  test('no shell reads its arguments', async () => {
    await using machine = aMachine(options)
    const args = ['$(id)', '`id`', '; id', '&& id', '*', '~', '$HOME', 'a\nb', '"', "'", '\\', '', '-c', '>x']
    const { stdout } = await machine.result('printf', { args: ['%s\\0', ...args] })
    expect(stdout.split('\0').slice(0, -1)).toEqual(args)
  })

  test('its environment is what the operator gave, and nothing of ours', async () => {
    process.env['KESTREL_SECRET_OF_THE_PARENT'] = 'x'
    await using machine = aMachine({ ...options, env: { ONLY: 'this' } })
    await using plain = aMachine(options)
    const names = (text: string): string[] =>
      text.split('\n').filter((line) => line !== '' && !added.test(line)).map((line) => line.replace(/=.*/, '')) // prettier-ignore
    expect(names((await machine.result('env')).stdout)).toEqual(['ONLY'])
    expect(names((await plain.result('env')).stdout).sort()).toEqual(['HOME', 'LANG', 'PATH', 'TMPDIR'])
    delete process.env['KESTREL_SECRET_OF_THE_PARENT']
  })

  test('it has three files open, and what we were started with is the null device', async () => {
    await using machine = aMachine(options)
    const { stdout } = await machine.result('ls', { args: ['-l', '/proc/self/fd'] })
    const open = [...stdout.matchAll(/ (\d+) -> (.*)/g)].map(([, fd, to]) => [Number(fd), to as string] as const)
    // `ls` has the folder itself open.
    const more = open.filter(([fd, to]) => fd > 2 && !/^\/proc\/\d+\/fd$/.test(to))
    expect(more.filter(([, to]) => to !== '/dev/null')).toEqual([])
    expect(open.slice(0, 3).map(([fd]) => fd)).toEqual([0, 1, 2])
  })

  test('it reads what it is given, byte for byte, and need not', async () => {
    await using machine = aMachine(options)
    const stdin = 'x'.repeat(limits.paramsBytes - 100)
    expect(await machine.result('cat', { stdin })).toMatchObject({ exitCode: 0, stdout: stdin })
    expect(await machine.result('true', { stdin })).toMatchObject({ exitCode: 0 })
    expect(await machine.sh('exec <&-; echo closed', { stdin })).toMatchObject({ stdout: 'closed\n' })
    const bytes = await machine.result('cat', { stdin: 'AP+A', stdinEncoding: 'base64' })
    expect(bytes).toMatchObject({ stdout: 'AP+A', encoding: { stdout: 'base64' } })
    expect(await machine.result('cat')).toMatchObject({ stdout: '' })
  })

  test('it starts in a private folder, or in the folder that the request names', async () => {
    await using machine = aMachine(options)
    chmodSync(machine.path('w/folder'), 0o755)
    writeFileSync(machine.path('w/folder/a.txt'), 'a')
    expect(await machine.result('ls')).toMatchObject({ stdout: '' })
    expect(await machine.result('ls', { cwd: '/w/folder' })).toMatchObject({ stdout: 'a.txt\n' })
  })

  test.each<[string, string, object]>([
    ['outside every mount', '/etc', { refused: 'outside_mount' }],
    ['beside a mount', '/w_evil', { refused: 'outside_mount' }],
    ['through a link', '/w/out', { refused: 'outside_mount' }],
    ['through a link that stays inside', '/w/in', { refused: 'unsafe_file' }],
    ["at Kestrel's own", '/w/private', { refused: 'self_protected' }],
    ['missing', '/w/none', { error: { code: 'not_found' } }],
    ['a file', '/w/file', { error: { code: 'not_directory' } }],
  ])('it does not start %s', async (_, cwd, answer) => {
    await using machine = aMachine(options, ['w/private'])
    mkdirSync(machine.path('w/private'))
    symlinkSync(machine.path('own'), machine.path('w/out'))
    symlinkSync('folder', machine.path('w/in'))
    writeFileSync(machine.path('w/file'), '')
    expect(await machine.exec('pwd', { cwd })).toMatchObject(answer)
  })

  test('its exit code is a result, and so is the signal that ended it', async () => {
    await using machine = aMachine(options)
    expect(await machine.exec('false')).toMatchObject({ effect: 'done', result: { exitCode: 1, signal: null } })
    expect(await machine.sh('echo out; echo err >&2; exit 129')).toEqual({
      exitCode: 129,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
    })
    expect(await machine.sh('kill -SEGV $$')).toMatchObject({ exitCode: null, signal: 'SIGSEGV' })
  })
}

describe('a program on the host', () => {
  guards('GATE-07', 'GATE-02')
  whereverItRuns(onHost, /^PROC_EXEC_ID=[0-9a-f]{32}$/)

  test('starts in a folder that was judged, however fast another process swaps it for a link', async () => {
    await using machine = aMachine(onHost)
    writeFileSync(machine.path('w/folder/judged'), '')
    chmodSync(machine.path('w/folder'), 0o755)
    chmodSync(machine.path('own'), 0o755)
    symlinkSync(machine.path('own'), machine.path('w/link'))
    const swaps = `
      const { renameSync } = require('node:fs')
      process.chdir(process.argv[1])
      for (;;) for (const [from, to] of ['folder aside', 'link folder', 'folder link', 'aside folder'].map((s) => s.split(' '))) renameSync(from, to)`
    const swapper = spawn(process.execPath, ['-e', swaps, machine.path('w')], { stdio: 'ignore' })
    try {
      const seen = new Set<string>()
      for (let tries = 0; tries < 400; tries++) {
        const answer = await machine.exec('ls', { cwd: '/w/folder' })
        seen.add('effect' in answer && answer.effect === 'done' ? (answer.result as { stdout: string }).stdout : 'no')
      }
      expect(seen).toContain('judged\n')
      expect(seen).toContain('no')
      expect(seen).not.toContain('key\n')
    } finally {
      swapper.kill('SIGKILL')
      await once(swapper, 'exit')
    }
  })
})

jailed('a program in a jail', () => {
  guards('GATE-07', 'GATE-02')
  whereverItRuns(inJail, /^PWD=/)
})

/** What `readlink` says of file 200 of a program, when Kestrel was started with that number open. */
function inheritedThrough(options: ProcessesOptions): unknown {
  const script = `
    import { processes } from './src/effects/providers/index.ts'
    const { perform, readResource } = processes(${JSON.stringify(options)}).actions['proc.exec']
    const call = { resource: readResource('readlink').canonical, params: { args: ['/proc/self/fd/200'] } }
    const protection = { coversPath: () => false, coversIdentity: () => false }
    console.log(JSON.stringify(await perform({ ...call, protection, signal: new AbortController().signal })))`
  const shell = `exec 200</etc/hostname; exec "$0" --input-type=module -e "$1"`
  return JSON.parse(spawnSync('bash', ['-c', shell, process.execPath, script], { encoding: 'utf8' }).stdout)
}

describe('what Kestrel itself was started with', () => {
  guards('GATE-07')

  test('is not open in a program', () => {
    expect(inheritedThrough(onHost)).toMatchObject({ result: { stdout: '/dev/null\n' } })
  })
})

jailed('what Kestrel itself was started with, seen from a jail', () => {
  guards('GATE-07')

  test('is not open in a program', () => {
    expect(inheritedThrough(inJail)).toMatchObject({ result: { stdout: '/dev/null\n' } })
  })
})
