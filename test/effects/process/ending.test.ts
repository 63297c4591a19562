import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { limits } from '../../../src/base/limits.ts'
import type { ProcessesOptions } from '../../../src/effects/providers/index.ts'
import { guards } from '../../guards.ts'
import { aLongSleep, aMachine, inJail, jailed, onHost, running, until, type Machine } from './a-machine.ts'

const trees: readonly (readonly [string, (sleep: string) => string])[] = [
  ['itself', (sleep) => `exec ${sleep}`],
  ['a child', (sleep) => `${sleep}`],
  ['a child in the background', (sleep) => `${sleep} & sleep 5`],
  ['a child that ignores signals', (sleep) => `trap '' TERM INT HUP; ${sleep}`],
  ['a child in a session of its own', (sleep) => `setsid ${sleep} & sleep 5`],
  ['an orphan', (sleep) => `(${sleep} &) ; sleep 5`],
  ['a daemon', (sleep) => `(setsid sh -c '${sleep} <&- >&- 2>&- &' &) ; sleep 5`],
  ['one that has put away its environment', (sleep) => `setsid env -i sh -c '${sleep}; :' & sleep 5`],
]

function whereverItRuns(options: ProcessesOptions): void {
  test.each(trees)('when it is given up: %s', async (_, script) => {
    await using machine = aMachine(options)
    const [mark, gate] = [aLongSleep(), new AbortController()]
    const answer = machine.exec('sh', { args: ['-c', script(`sleep ${mark}`)] }, { signal: gate.signal })
    await until(() => running(mark).length > 0)
    gate.abort()
    expect(await answer).toMatchObject({ failed: { code: 'cancelled' } })
    expect(running(mark)).toEqual([])
  })

  test('past its time: all that it has started', async () => {
    await using machine = aMachine(options)
    const mark = aLongSleep()
    const script = `setsid sleep ${mark} & (sleep ${mark} &); trap '' TERM; sleep ${mark}`
    const answer = machine.exec('sh', { args: ['-c', script], timeoutMs: 300 })
    expect(await answer).toMatchObject({ failed: { code: 'timeout', retryable: false } })
    expect(running(mark)).toEqual([])
  })

  test('at its end: what it has left running', async () => {
    await using machine = aMachine(options)
    const mark = aLongSleep()
    expect(await machine.sh(`setsid sleep ${mark} & (sleep ${mark} &); echo hi`)).toMatchObject({ stdout: 'hi\n' })
    expect(running(mark)).toEqual([])
  })

  test('in the moment in which it starts', async () => {
    await using machine = aMachine(options)
    const [mark, gate] = [aLongSleep(), new AbortController()]
    const answer = machine.exec('sleep', { args: [mark] }, { signal: gate.signal })
    gate.abort()
    expect(await answer).toMatchObject({ failed: { code: 'cancelled' } })
    expect(running(mark)).toEqual([])
  })

  test('when the provider closes, after which nothing starts', async () => {
    await using machine = aMachine(options)
    const mark = aLongSleep()
    const answer = machine.exec('sleep', { args: [mark] })
    await until(() => running(mark).length > 0)
    await machine.close()
    expect(running(mark)).toEqual([])
    expect(await answer).toMatchObject({ failed: { code: 'cancelled' } })
    expect(await machine.exec('true')).toMatchObject({ effect: 'none', error: { code: 'cancelled' } })
  })

  test('a bomb of forks', async () => {
    await using machine = aMachine(options)
    const mark = aLongSleep()
    // Each generation starts the next in its background, 300 processes at most at a time.
    const bomb = `f() { [ $1 -gt 0 ] && { f $(($1 - 1)) & f $(($1 - 1)) & }; exec sleep ${mark}; }; f 7`
    const answer = machine.exec('sh', { args: ['-c', bomb], timeoutMs: 500 })
    await until(() => running(mark).length > 20)
    expect(await answer).toMatchObject({ failed: { code: 'timeout' } })
    expect(running(mark)).toEqual([])
  })
}

describe('on the host, this ends', () => {
  guards('GATE-07')
  whereverItRuns(onHost)

  test('together with the private folder', async () => {
    await using machine = aMachine(onHost)
    const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('kestrel-exec-'))
    const { stdout } = await machine.sh('mkdir -p $HOME/a/b; echo x > $TMPDIR/a/b/c; ln -s / $HOME/a/root; echo $HOME')
    expect(stdout).toContain('kestrel-exec-')
    expect(folders().filter((name) => stdout.includes(name))).toEqual([])
  })
})

jailed('in a jail, this ends', () => {
  guards('GATE-07')
  whereverItRuns(inJail)

  test('at any moment after it was begun, however far it has come', async () => {
    await using machine = aMachine(inJail)
    for (let delayMs = 0; delayMs < 25; delayMs += 0.8) {
      const [marks, gate] = [[1, 2, 3, 4].map(aLongSleep), new AbortController()]
      const answers = marks.map((mark) => machine.exec('sleep', { args: [mark] }, { signal: gate.signal }))
      await pause(delayMs)
      gate.abort()
      for (const answer of answers) expect(await answer).toMatchObject({ failed: { code: 'cancelled' } })
      expect(marks.flatMap(running)).toEqual([])
    }
  })

  test('with Kestrel itself, when that is killed', async () => {
    const mark = aLongSleep()
    const script = `
      import { processes } from './src/effects/providers/index.ts'
      const { perform, readResource } = processes(${JSON.stringify(inJail)}).actions['proc.exec']
      const call = { resource: readResource('sleep').canonical, params: { args: ['${mark}'] } }
      const protection = { coversPath: () => false, coversIdentity: () => false }
      await perform({ ...call, protection, signal: new AbortController().signal })`
    const kestrel = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })
    // The two of bubblewrap and the program.
    await until(() => running(mark).length === 3)
    kestrel.kill('SIGKILL')
    await until(() => running(mark).length === 0)
    expect(kestrel.killed).toBe(true)
  })

  test('a daemon without environment, parents or streams', async () => {
    await using machine = aMachine(inJail)
    const mark = aLongSleep()
    const daemon = `(setsid env -i sh -c 'sleep ${mark} <&- >&- 2>&- &' &) ; sleep 0.2`
    const answer = machine.sh(daemon)
    await until(() => running(mark).length > 0)
    expect(await answer).toMatchObject({ exitCode: 0 })
    expect(running(mark)).toEqual([])
  })
})

describe('as many programs as may run at once', () => {
  guards('GATE-07')

  test('run, and the next is told to come again', async () => {
    await using machine: Machine = aMachine(onHost)
    const gate = new AbortController()
    const one = (): ReturnType<Machine['exec']> => machine.exec('sleep', { args: ['1000'] }, { signal: gate.signal })
    const all = Array.from({ length: limits.execChildren }, one)
    expect(await machine.exec('true')).toMatchObject({ effect: 'none', error: { code: 'busy', retryable: true } })
    gate.abort()
    await Promise.all(all)
    expect(await machine.exec('true')).toMatchObject({ effect: 'done' })
  })
})
