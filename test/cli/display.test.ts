import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aPlace, linesOf } from './a-place.ts'

const escape = '\u001b'
const csi = '\u009b'
const override = '\u202e'
const zeroWidth = '\u200b'
const tag = '\u{e0041}'

/** Whatever a terminal would act upon, hide or reverse; a newline ends a line of our own. */
const active = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/u

const hostile = [
  `/workspace/${escape}]0;owned\u0007${escape}[2J`,
  `/workspace/${csi}31mred`,
  `/workspace/${override}txt.exe`,
  `/workspace/a${zeroWidth}b${tag}`,
  '/workspace/two\nlines: denied',
  '/workspace/\rok      fs.read',
  `/workspace/${'x'.repeat(50)}${' '.repeat(60)}ok`,
  '/workspace/\u0440\u0430ssword',
  '/workspace/soft\u00adhyphen\u2028line',
]

function expectInert(stdout: string, stderr: string): void {
  for (const text of [stdout, stderr]) {
    for (const line of text.split('\n')) expect(line).not.toMatch(active)
  }
}

describe('text from an agent', () => {
  guards('DIS-01')

  test('in a request is visible and never active, wherever it is shown', async () => {
    using place = aPlace()
    const request = (resource: string): string =>
      `${JSON.stringify({ action: 'fs.read', resource, params: { [resource]: resource } })}\n${JSON.stringify({ action: 'fs.read', resource })}\n`
    const input = hostile.map(request).join('')
    const batch = await place.run(['submit', '--batch', '-', '--as', 'ann'], { input })
    const log = await place.run(['log'])
    const json = await place.run(['log', '--json'])
    for (const { stdout, stderr } of [batch, log, json]) expectInert(stdout, stderr)
    expect(log.stdout).toContain('\\x1b]0;owned\\x07\\x1b[2J')
    expect(json.stdout).toContain('\\u202etxt.exe')
    const entries = 2 + 2 * hostile.length
    expect([batch, log, json].map(({ stdout }) => linesOf(stdout).length)).toEqual([entries - 2, entries, entries])
    for (let seq = 3; seq < entries; seq += 2) {
      for (const { stdout, stderr, code } of [await place.run(['explain', String(seq)])]) {
        expectInert(stdout, stderr)
        expect(code).toBe(0)
      }
    }
  })

  test.each([
    ['a resource', (text) => ['submit', 'fs.read', text]],
    ['a resource on a dry run', (text) => ['submit', 'fs.read', text, '--dry-run', '--param', `${text}=x`]],
    ['a resource asked about', (text) => ['policy', 'explain', 'fs.write', text]],
    ['a resource asked about in JSON', (text) => ['policy', 'explain', 'fs.write', text, '--json']],
    ['an action', (text) => ['submit', text, '/workspace/x']],
    ['an action asked about', (text) => ['policy', 'explain', text, '/workspace/x']],
    ['a principal', (text) => ['submit', 'fs.read', '/workspace/x', '--as', text]],
    ['a command', (text) => [text]],
    ['an option', (text) => [`--${text}`]],
    ['a choice', (text) => ['log', '--status', text]],
    ['a key', (text) => ['verify', '--vkey', text]],
    ['a log', (text) => ['verify', text]],
    ['a policy file', (text) => ['policy', 'check', text]],
    ['a data directory', (text) => ['key', '--data-dir', text]],
    ['a folder to make', (text) => ['init', text.replaceAll(/\/| {60}/g, '').slice(0, 80)]],
  ] satisfies [string, (text: string) => string[]][])('as %s on the command line is visible too', async (_, args) => {
    using place = aPlace()
    const { stdout, stderr, code } = await place.run(args(hostile.join('')))
    expectInert(stdout, stderr)
    expect(code).not.toBe(1)
    expect((stdout + stderr).trim()).not.toBe('')
  })

  test('a result, a file name and a policy are shown the same way', async () => {
    using place = aPlace({ [`${escape}[31m`]: `red ${escape}[31m${override}\n${csi}2J\r\n` })
    const name = JSON.stringify(`/workspace/${escape}[31m`)
    place.write('one.jsonl', `{"action":"fs.read","resource":${name}}\n`)
    const read = await place.run(['submit', 'fs.read', `/workspace/${escape}[31m`])
    const list = await place.run(['submit', 'fs.list', '/workspace'])
    for (const { stdout, stderr } of [read, list]) expectInert(stdout, stderr)
    expect(read.stdout + list.stdout).toContain('\\x1b[31m')
    const policy = place.write(
      'p.yaml',
      `version: 1\nallow:\n  - { action: "fs.\\e[31m", resource: "${'\\u202e'}x", ${'"\\e[2J"'}: 1 }\n`,
    )
    for (const args of [
      ['policy', 'check', policy],
      ['submit', 'fs.read', '/x', '--policy', policy],
      ['doctor', '--policy', policy],
    ]) {
      const { stdout, stderr } = await place.run(args)
      expectInert(stdout, stderr)
    }
  })

  test('there is no colour where stdout is no terminal', async () => {
    using place = aPlace()
    const env = { FORCE_COLOR: '1', CLICOLOR_FORCE: '1', TERM: 'xterm-256color' }
    for (const args of [['--help'], ['doctor'], ['submit', 'fs.list', '/workspace'], ['log'], ['verify']]) {
      expect((await place.run(args, { env })).stdout).not.toContain(escape)
    }
  })
})
