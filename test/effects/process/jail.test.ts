import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { protect } from '../../../src/effects/protection.ts'
import { describeJail, processes } from '../../../src/effects/providers/index.ts'
import { guards } from '../../guards.ts'
import { aMachine, canary, inJail, jailed, onHost } from './a-machine.ts'

jailed('a program in a jail', () => {
  guards('GATE-07', 'GATE-13')

  test('sees the system, the mounts under the names that agents know, and nothing else', async () => {
    await using machine = aMachine(inJail)
    const { stdout } = await machine.result('ls', { args: ['/'] })
    const top = stdout.split('\n').filter((name) => name !== '' && !/^s?bin$|^lib/.test(name))
    expect(top).toEqual(['dev', 'etc', 'proc', 'tmp', 'usr', 'w'])
    const secrets = `cat ${machine.path('own/key')} /etc/shadow /root/.bashrc; ls ${machine.root} /home /root /run /sys`
    expect(await machine.sh(secrets)).toMatchObject({ stdout: '' })
  })

  test("finds Kestrel's own hidden in a mount, by name and through links", async () => {
    await using machine = aMachine(inJail, ['w/.kestrel', 'w/policy.yaml', 'w/folder/keys/key'])
    mkdirSync(machine.path('w/.kestrel'))
    mkdirSync(machine.path('w/folder/keys'))
    for (const name of ['w/.kestrel/log', 'w/policy.yaml', 'w/folder/keys/key'])
      writeFileSync(machine.path(name), canary)
    symlinkSync('.kestrel/log', machine.path('w/link'))
    writeFileSync(machine.path('w/other'), 'seen')
    const { stdout } = await machine.sh('cat /w/other; find /w -type f -exec cat {} +; cat /w/link /w/policy.yaml /w/folder/keys/key; ls -A /w/.kestrel') // prettier-ignore
    expect(stdout).toContain('seen')
    expect(stdout).not.toContain(canary)
    expect(stdout).not.toContain('log')
  })

  test('writes to mounts where the operator says so, but not where something of Kestrel lies', async () => {
    const script = 'echo new > /w/new; mv /w/folder /w/moved; cat /w/folder/policy.yaml; true'
    await using reading = aMachine(inJail)
    await using writing = aMachine({ ...inJail, mounts: 'write' })
    await using holding = aMachine({ ...inJail, mounts: 'write' }, ['w/folder/policy.yaml'])
    writeFileSync(holding.path('w/folder/policy.yaml'), canary)
    for (const machine of [reading, writing, holding]) await machine.sh(script)
    const written = [reading, writing, holding].map((machine) => existsSync(machine.path('w/new')))
    expect(written).toEqual([false, true, false])
    expect(readFileSync(holding.path('w/folder/policy.yaml'), 'utf8')).toBe(canary)
  })

  test('sees no mounts where the operator says so, or where the kernel does not tell what is its own', async () => {
    await using machine = aMachine({ ...inJail, mounts: 'none' })
    expect(await machine.result('ls', { args: ['/w'] })).toMatchObject({ stdout: '', exitCode: 2 })
    expect(await machine.exec('ls', { cwd: '/w' })).toMatchObject({ error: { code: 'mount_missing' } })
    await using untold = aMachine(inJail)
    const { coversPath, coversIdentity } = protect([])
    const protection = { coversPath, coversIdentity }
    expect(await untold.result('ls', { args: ['/w'] }, { protection })).toMatchObject({ exitCode: 2 })
    expect(await untold.exec('ls', { cwd: '/w' }, { protection })).toMatchObject({ error: { code: 'mount_missing' } })
  })

  test('sees no mount that is Kestrel, and no folder of the host where nothing is mounted', async () => {
    await using machine = aMachine(inJail, ['w'])
    expect(await machine.exec('true')).toMatchObject({ refused: 'self_protected' })
    expect(await machine.exec('ls', { cwd: '/etc' }, { mounts: undefined })).toMatchObject({ refused: 'outside_mount' })
  })

  test('shows the folder that was judged, or does not start, whatever takes its name meanwhile', async () => {
    await using machine = aMachine(inJail)
    writeFileSync(machine.path('w/judged'), '')
    for (let waits = 0; waits < 20; waits++) {
      const answer = machine.exec('ls', { args: ['/w'] })
      // Bubblewrap opens the descriptor by its path and compares: at some moments it gives up.
      await pause(waits / 4)
      renameSync(machine.path('w'), machine.path('moved'))
      symlinkSync(machine.path('own'), machine.path('w'))
      const { result, error } = (await answer) as { result?: { stdout: string }; error?: { code: string } }
      expect(error?.code ?? result?.stdout).toMatch(/^(?:not_started|folder\njudged\n)$/)
      rmSync(machine.path('w'))
      renameSync(machine.path('moved'), machine.path('w'))
    }
  })

  test('reaches no network, neither the machine it runs on', async () => {
    await using machine = aMachine(inJail)
    const server = createServer((socket) => socket.end(canary)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && cat <&3; cat /proc/net/dev`
    const { stdout } = await machine.result('bash', { args: ['-c', script] })
    server.close()
    expect(stdout).not.toContain(canary)
    expect(stdout.split('\n').filter((line) => line.includes(':') && !/^\s*lo:/.test(line))).toEqual([])
  })

  test('knows no process but its own, and cannot signal, read or trace the one that started it', async () => {
    await using machine = aMachine(inJail)
    const { stdout } = await machine.sh(
      `kill -0 ${process.pid} && echo signalled; cat /proc/${process.pid}/environ /proc/${process.pid}/mem; ls /proc/1/root/; ls -d /proc/[0-9]*`, // prettier-ignore
    )
    expect(stdout).not.toContain('signalled')
    expect(stdout).not.toMatch(/home|root/)
    expect(stdout.match(/^\/proc\/\d+$/gm)?.length).toBeLessThanOrEqual(3)
  })

  test('has no rights, and makes itself none', async () => {
    await using machine = aMachine(inJail)
    const { stdout } = await machine.sh(
      'grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status; unshare -Ur true && echo nested; mount -t tmpfs none /tmp && echo mounted; umount /w && echo unmounted; mount -o remount,rw /usr && echo remounted; : > /usr/x && echo wrote; : > /x && echo wrote; : > /dev/x && echo wrote', // prettier-ignore
    )
    const facts = stdout.trim().split(/\s+/)
    expect(facts).toEqual(['CapEff:', '0'.repeat(16), 'CapBnd:', '0'.repeat(16), 'NoNewPrivs:', '1'])
  })

  test('does not start when bubblewrap was removed since, or makes no jail any more', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kestrel-bwrap-'))
    const bubblewrap = join(folder, 'bwrap')
    copyFileSync(inJail.bubblewrap as string, bubblewrap)
    await using machine = aMachine({ ...inJail, bubblewrap })
    expect(await machine.exec('true')).toMatchObject({ effect: 'done' })
    rmSync(folder, { recursive: true })
    expect(await machine.exec('true')).toMatchObject({ effect: 'none', error: { code: 'not_started' } })
    mkdirSync(folder)
    writeFileSync(bubblewrap, '#!/bin/sh\necho no >&2\nexit 1\n', { mode: 0o755 })
    expect(await machine.exec('true')).toMatchObject({ effect: 'none', error: { code: 'not_started' } })
    expect(() => processes({ jail: 'always', bubblewrap })).toThrow('makes no jail here')
    rmSync(folder, { recursive: true })
  })

  test('is what the entry will call so', () => {
    expect(processes(inJail).actions['proc.exec']?.tier).toBe('jail')
    expect(describeJail(inJail)).toMatchObject({ tier: 'jail' })
  })
})

const isRoot = process.getuid?.() === 0
const noJail = { bubblewrap: '/nowhere/bwrap' }

describe('where there is no jail', () => {
  guards('GATE-13')

  test('a provider that must have one cannot be made', () => {
    expect(() => processes({ ...noJail, jail: 'always' })).toThrow(
      expect.objectContaining({ code: 'PROVIDER_INVALID', message: expect.stringContaining('install') }),
    )
  })

  test('programs run as another user, or not at all', async () => {
    const facts = describeJail(noJail)
    expect(facts.tier).toBe(isRoot ? 'host' : 'none')
    await using machine = aMachine(noJail)
    const answer = await machine.exec('cat', { args: [machine.path('own/key')] })
    expect(JSON.stringify(answer)).not.toContain(canary)
    expect(answer).toMatchObject(isRoot ? { effect: 'done', result: { exitCode: 1 } } : { refused: 'no_jail' })
  })

  test("as Kestrel's own user they do not run", async () => {
    const own = { uid: process.getuid?.() as number, gid: process.getgid?.() as number }
    await using machine = aMachine({ ...noJail, user: own })
    expect(await machine.exec('true')).toMatchObject({
      refused: 'no_jail',
      hint: expect.stringContaining('bubblewrap'),
    })
    expect(describeJail({ ...noJail, user: own }).tier).toBe('none')
  })

  test('they do when the operator bears it, and that is said', async () => {
    const own = { uid: process.getuid?.() as number, gid: process.getgid?.() as number }
    const options = { ...onHost, user: own }
    await using machine = aMachine(options)
    expect(await machine.exec('true')).toMatchObject({ effect: 'done' })
    expect(processes(options).actions['proc.exec']?.tier).toBe('host')
    expect(describeJail(options).why).toContain('within reach of its keys')
  })

  test('another user can neither signal us nor read our environment', async () => {
    if (!isRoot) return expect(describeJail(noJail).tier).toBe('none')
    await using machine = aMachine(noJail)
    const { stdout, exitCode } = await machine.sh(`id -u; cat /proc/${process.pid}/environ; kill -0 ${process.pid}`)
    return expect([stdout, exitCode]).toEqual(['65534\n', 1])
  })

  test.each<[string, object]>([
    ['a relative folder to look in', { path: ['bin'] }],
    ['two folders in one', { path: ['/bin:/w'] }],
    ['a relative bubblewrap', { bubblewrap: 'bwrap' }],
    ['a name with `=`', { env: { 'A=B': '' } }],
    ['NUL in a value', { env: { A: 'a\0b' } }],
    ['another word for the jail', { jail: 'maybe' }],
    ['another word for mounts', { mounts: 'rw' }],
    ['a user without a group', { user: { uid: 1 } }],
  ])('options do not have %s', (_, options) => {
    expect(() => processes({ ...onHost, ...options })).toThrow(expect.objectContaining({ code: 'PROVIDER_INVALID' }))
  })
})
