import { describe, expect, test } from 'vitest'
import { limits } from '../../../src/base/limits.ts'
import { processes } from '../../../src/effects/providers/index.ts'
import { guards } from '../../guards.ts'
import { onHost } from './a-machine.ts'

const check = processes(onHost).actions['proc.exec']?.checkParams as (params: object) => string | undefined

describe('params of a program', () => {
  guards('GATE-05', 'GATE-07')

  test.each<[string, object]>([
    ['nothing', {}],
    ['any text as an argument', { args: ['', ' ', 'a\nb', '$(x)', '-c', '\u202e', '*'] }],
    ['as many as there may be', { args: Array.from({ length: limits.execArgs }, () => '') }],
    ['a folder', { cwd: '/w/a b' }],
    ['text to read', { stdin: 'a\0b' }],
    ['bytes to read', { stdin: 'AP+A', stdinEncoding: 'base64' }],
    ['the longest time', { timeoutMs: limits.execMs }],
  ])('may be %s', (_, params) => expect(check(params)).toBeUndefined())

  test.each<[string, object, string]>([
    ['args as a text', { args: 'a b' }, '`args`'],
    ['a number among args', { args: [1] }, '`args`'],
    ['null among args', { args: [null] }, '`args`'],
    ['NUL in an argument', { args: ['a\0--evil'] }, '`args`'],
    ['a lone surrogate in an argument', { args: ['\ud800'] }, '`args`'],
    ['too many args', { args: Array.from({ length: limits.execArgs + 1 }, () => '') }, '`args`'],
    ['too long args', { args: ['x'.repeat(limits.execArgBytes / 2), 'x'.repeat(limits.execArgBytes / 2)] }, '`args`'],
    ['a relative folder', { cwd: 'w' }, '`cwd`'],
    ['a folder with another spelling', { cwd: '/w/x/../y' }, '`cwd`'],
    ['a folder with a slash at the end', { cwd: '/w/' }, '`cwd`'],
    ['a lone surrogate in stdin', { stdin: '\udc00' }, '`stdin`'],
    ['what is not base64', { stdin: 'A P+A', stdinEncoding: 'base64' }, '`stdin`'],
    ['an encoding of nothing', { stdinEncoding: 'base64' }, '`stdinEncoding`'],
    ['no time', { timeoutMs: 0 }, '`timeoutMs`'],
    ['too much time', { timeoutMs: limits.execMs + 1 }, '`timeoutMs`'],
    ['an environment', { env: { LD_PRELOAD: '/w/evil.so' } }, '`env`'],
    ['a shell', { shell: true }, '`shell`'],
  ])('may not be %s', (_, params, name) => expect(check(params)).toContain(name))
})
