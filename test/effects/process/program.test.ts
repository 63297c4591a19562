import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  realpathSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { processes } from '../../../src/effects/providers/index.ts'
import { guards } from '../../guards.ts'
import { aMachine, onHost, type Machine } from './a-machine.ts'

const real = (path: string): string => realpathSync(path)
const read = (raw: string, options: object = {}): unknown =>
  processes({ ...onHost, ...options }).actions['proc.exec']?.readResource(raw)

/** An ordinary program beside the mounts, under a name of its own. */
function put(machine: Machine, name: string, from = '/bin/echo'): string {
  mkdirSync(machine.path('bin'), { recursive: true })
  chmodSync(machine.root, 0o755)
  const path = machine.path(join('bin', name))
  copyFileSync(real(from), path)
  chmodSync(path, 0o755)
  return path
}

describe('the name of a program', () => {
  guards('GATE-02', 'GATE-07')

  test.each(['sh', '/bin/sh', '//bin/./sh', '/usr/../bin/sh', '/bin/sh/'])('%s is the real path', (raw) => {
    expect(read(raw)).toEqual({ canonical: real('/bin/sh') })
  })

  test('is looked up in the folders of the operator alone', async () => {
    await using machine = aMachine(onHost)
    const tool = put(machine, 'tool')
    expect(read('tool')).toEqual({ canonical: 'tool' })
    expect(read('tool', { path: ['/bin', machine.path('bin')] })).toEqual({ canonical: tool })
    expect(read('sh', { path: [machine.path('bin')] })).toEqual({ canonical: 'sh' })
  })

  test('a link leads to what it names, so that a rule for one program lets no other run', async () => {
    await using machine = aMachine(onHost)
    symlinkSync('/bin/sh', machine.path('w/harmless'))
    expect(read(machine.path('w/harmless'))).toEqual({ canonical: real('/bin/sh') })
  })

  test('what is no program keeps its text, wherever a link would lead', async () => {
    await using machine = aMachine(onHost)
    symlinkSync(machine.path('own/key'), machine.path('w/link'))
    for (const raw of [
      machine.path('w/link'),
      '/proc/self/exe',
      '/proc/self/cwd',
      '/dev/fd/0',
      '/nowhere',
      'nothing',
    ]) {
      expect(read(raw)).toEqual({ canonical: raw })
    }
  })

  test.each(['', '.', '..', './x', '../sh', 'bin/sh', '/../bin/sh', '/bin/s\0h', '\ud800', `/${'x'.repeat(300)}`])(
    '%j is none',
    (raw) => expect(read(raw)).toHaveProperty('problem'),
  )
})

describe('a program at the moment of effect', () => {
  guards('GATE-02', 'GATE-07', 'GATE-13')

  test.each<[string, (machine: Machine) => string, object]>([
    ['is missing', () => '/nowhere/tool', { error: { code: 'not_found' } }],
    ['is missing by name', () => 'no-such-tool', { error: { code: 'not_found' } }],
    ['is a folder', () => '/usr', { refused: 'unsafe_file' }],
    ['is a device', () => '/dev/null', { refused: 'unsafe_file' }],
    ['stands in /proc', () => '/proc/self/exe', { refused: 'name_mismatch' }],
    ['may not be executed', (m) => mode(put(m, 'tool'), 0o644), { error: { code: 'not_executable' } }],
    ['is set-uid', (m) => mode(put(m, 'tool'), 0o4755), { refused: 'unsafe_file' }],
    ['is set-gid', (m) => mode(put(m, 'tool'), 0o2755), { refused: 'unsafe_file' }],
    ['can be changed by everyone', (m) => mode(put(m, 'tool'), 0o757), { refused: 'unsafe_file' }],
    ['has no first line for a system without a shell', (m) => text(m, 'echo hi\n'), { refused: 'unsafe_file' }],
    ['is empty', (m) => text(m, ''), { refused: 'unsafe_file' }],
    ['is for another machine', (m) => text(m, `\x7fELF\x02\x02\x01${'\0'.repeat(64)}`), { refused: 'unsafe_file' }],
    ['names an interpreter that is missing', (m) => text(m, '#!/no/where\n'), { error: { code: 'not_started' } }],
    ["is Kestrel's own", (m) => own(m), { refused: 'self_protected' }],
    ["is linked to one of Kestrel's own", (m) => linked(m), { refused: 'self_protected' }],
  ])('that %s does not run', async (_, make, answer) => {
    await using machine = aMachine(onHost)
    expect(await machine.exec(make(machine))).toMatchObject(answer)
  })

  const mode = (path: string, bits: number): string => {
    chmodSync(path, bits)
    return path
  }
  const text = (machine: Machine, content: string): string => {
    const path = put(machine, 'tool')
    writeFileSync(path, Buffer.from(content, 'latin1'))
    return path
  }
  const own = (machine: Machine): string => {
    copyFileSync(real('/bin/echo'), machine.path('own/tool'))
    return mode(machine.path('own/tool'), 0o755)
  }
  const linked = (machine: Machine): string => {
    const tool = own(machine)
    linkSync(tool, `${put(machine, 'other')}-too`)
    return `${machine.path('bin/other')}-too`
  }

  test('that was swapped since policy judged its name does not run', async () => {
    await using machine = aMachine(onHost)
    const tool = put(machine, 'tool')
    renameSync(tool, `${tool}-old`)
    symlinkSync('/bin/sh', tool)
    const answer = await machine.exec('true', { args: ['-c', 'echo hi'] }, { resource: tool })
    expect(answer).toMatchObject({ refused: 'name_mismatch' })
  })

  test('that has appeared under a name which led nowhere does not run', async () => {
    await using machine = aMachine(onHost)
    expect(await machine.exec('true', {}, { resource: 'true' })).toMatchObject({ refused: 'name_mismatch' })
  })

  test('that lies where agents write runs only if the operator says so', async () => {
    await using machine = aMachine(onHost)
    await using trusting = aMachine({ ...onHost, fromMounts: true })
    for (const [at, answer] of [
      [machine, { refused: 'unsafe_file' }],
      [trusting, { effect: 'done', result: { stdout: 'hi\n' } }],
    ] as const) {
      const tool = put(at, 'tool')
      renameSync(tool, at.path('w/tool'))
      expect(await at.exec(at.path('w/tool'), { args: ['hi'] })).toMatchObject(answer)
    }
  })

  test('that is a script is run by what its first line names', async () => {
    await using machine = aMachine(onHost)
    const script = text(machine, '#!/bin/sh\necho "$0 $1"\n')
    expect(await machine.exec(script, { args: ['a b'] })).toMatchObject({ result: { stdout: `${script} a b\n` } })
  })
})
