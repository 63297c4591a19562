import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aPlace, ended, lineFrom, linesOf } from './a-place.ts'

const read = (name: string): string => JSON.stringify({ action: 'fs.read', resource: `/workspace/${name}` })

describe('kestrel submit --batch', () => {
  guards('GATE-09')

  test('answers line by line in order, one entry each, whatever stands in a line', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const lines: readonly (readonly [string | Uint8Array, string])[] = [
      [read('a.txt'), 'ok'],
      ['not json', 'invalid'],
      [read('.env'), 'denied'],
      ['', 'invalid'],
      ['{"action":"fs.read","action":"fs.list","resource":"/workspace"}', 'invalid'],
      ['{"action":"fs.read","resource":"/workspace/a.txt","principal":"root"}', 'invalid'],
      ['{"action":"fs.read","resource":"/workspace/a.txt","roles":["admin"]}', 'invalid'],
      [Buffer.from(read('a.txt').replace('}', ',"justification":"\u00ff"}'), 'latin1'), 'invalid'],
      ['[]', 'invalid'],
      [read('absent'), 'failed'],
      [
        JSON.stringify({
          action: 'fs.write',
          resource: '/workspace/output/x',
          params: { content: 'x'.repeat(2_000_000) },
        }),
        'invalid',
      ],
      [`${read('a.txt')}\r`, 'ok'],
    ]
    const input = Buffer.concat(lines.map(([line]) => Buffer.concat([Buffer.from(line), Buffer.from('\n')])))
    const { code, stdout } = await place.run(['submit', '--batch', '-'], { input })
    const outcomes = linesOf(stdout).map((line) => JSON.parse(line) as { status: string; seq: number })
    expect(outcomes.map(({ status }) => status)).toEqual(lines.map(([, status]) => status))
    expect(outcomes.map(({ seq }) => seq)).toEqual(lines.map((_, at) => at + 2))
    expect(code).toBe(0)
    const entries = await place.jsonLines(['log', '--from', '2'])
    expect(entries.map(({ outcome }) => outcome.status)).toEqual(lines.map(([, status]) => status))
    expect(entries.every(({ principal }) => principal === 'local')).toBe(true)
  })

  test('takes a last line without a newline, and an empty source', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    place.write('one.jsonl', read('a.txt'))
    expect(await place.jsonLines(['submit', '--batch', 'one.jsonl', '--as', 'ann'])).toMatchObject([{ status: 'ok' }])
    expect((await place.jsonLines(['log', '--agent', 'ann'])).length).toBe(1)
    expect(await place.run(['submit', '--batch', '-'])).toMatchObject({ code: 0, stdout: '' })
  })

  test('prints the same object as a single submit', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const single = await place.json(['submit', 'fs.read', '/workspace/a.txt'])
    const [line] = await place.jsonLines(['submit', '--batch', '-'], { input: `${read('a.txt')}\n` })
    expect({ ...line, seq: 0, durationMs: 0 }).toEqual({ ...single.value, seq: 0, durationMs: 0 })
    expect(Object.keys(line)).toEqual(Object.keys(single.value))
  })

  test('flushes each outcome while stdin is still open', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const child = place.start(['submit', '--batch', '-'])
    child.stdin.write(`${read('a.txt')}\n`)
    expect(JSON.parse(await lineFrom(child, /"seq":2/))).toMatchObject({ status: 'ok' })
    const half = read('.env')
    child.stdin.write(half.slice(0, 10))
    child.stdin.write(`${half.slice(10)}\n`)
    expect(JSON.parse(await lineFrom(child, /"seq":3/))).toMatchObject({ status: 'denied' })
    const end = ended(child)
    child.stdin.end()
    expect((await end).code).toBe(0)
  })

  test.each([
    ['ok', 0, ['a.txt']],
    ['denied', 3, ['a.txt', '.env', 'a.txt']],
    ['failed', 5, ['.env', 'absent']],
  ])('--fail exits by the worst outcome: %s is %i', async (_, code, names) => {
    using place = aPlace({ 'a.txt': 'a' })
    const input = names.map((name) => `${read(name)}\n`).join('')
    expect((await place.run(['submit', '--batch', '-', '--fail'], { input })).code).toBe(code)
    expect((await place.run(['submit', '--batch', '-'], { input })).code).toBe(0)
  })

  test('--dry-run answers every line and writes nothing', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const write = JSON.stringify({
      action: 'fs.write',
      resource: '/workspace/output/b',
      params: { content: 'b', parents: true },
    })
    const outcomes = await place.jsonLines(['submit', '--batch', '-', '--dry-run'], { input: `${write}\nnonsense\n` })
    expect(outcomes.map(({ status }) => status)).toEqual(['ok', 'invalid'])
    expect([existsSync(place.path('.kestrel')), existsSync(place.path('workspace', 'output'))]).toEqual([false, false])
  })

  test.each([['--key', 'k'], ['--param', 'a=b'], ['--params', '{}'], ['fs.read']])(
    '%s does not go with it',
    async (...extra) => {
      using place = aPlace()
      expect((await place.json(['submit', ...extra, '--batch', '-'])).code).toBe(2)
      expect(existsSync(place.path('.kestrel'))).toBe(false)
    },
  )

  test.each(['SIGINT', 'SIGTERM'] as const)('%s leaves a log that is complete and verifies', async (signal) => {
    using place = aPlace({ 'a.txt': 'a' })
    const child = place.start(['submit', '--batch', '-'])
    child.stdin.on('error', () => undefined)
    child.stdin.write(`${read('a.txt')}\n${read('.env')}\n`)
    await lineFrom(child, /"seq":3/)
    const end = ended(child)
    child.kill(signal)
    expect((await end).code).toBe(130)
    expect(await place.json(['verify'])).toMatchObject({ code: 0, value: { ok: true, size: 4 } })
    expect(await place.run(['log'])).toMatchObject({ code: 0, stderr: '' })
  })

  test('a reader that goes away is no error, and what was answered is in the log', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const child = place.start(['submit', '--batch', '-'])
    child.stdin.on('error', () => undefined)
    child.stdin.write(`${read('a.txt')}\n`)
    await lineFrom(child, /"seq":2/)
    child.stdout.destroy()
    for (let i = 0; i < 50; i++) child.stdin.write(`${read('a.txt')}\n`)
    child.stdin.end()
    const { code, stderr } = await ended(child)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect((await place.json(['verify'])).value.ok).toBe(true)
  })

  test('a source that cannot be read is a mistake in what was typed', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const unknown = await place.json(['submit', '--batch', 'absent.jsonl'])
    expect(unknown).toMatchObject({ code: 2, value: { error: { message: expect.stringContaining('absent.jsonl') } } })
    const folder = await place.json(['submit', '--batch', 'workspace'])
    expect(folder.code).toBe(2)
  })
})

describe('a closed pipe', () => {
  test('`kestrel log | head -1` ends well', async () => {
    using place = aPlace()
    const input = Array.from({ length: 800 }, (_, i) => `${read(`none${i}`)}\n`).join('')
    await place.run(['submit', '--batch', '-'], { input })
    const bin = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
    const script = `set -o pipefail; "$1" "$2" log --json | head -1; echo "exit \${PIPESTATUS[0]}"`
    const shell = spawn('bash', ['-c', script, 'bash', process.execPath, bin], { cwd: place.root, stdio: 'pipe' })
    const { stdout, stderr } = await ended(shell)
    expect(stderr).toBe('')
    expect(linesOf(stdout)).toEqual([expect.stringContaining('"kind":"enroll"'), 'exit 0'])
  })
})
