import { once } from 'node:events'
import { mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { parseEntry } from '../../src/evidence/ledger/index.ts'
import { aPlace, copyOf, ended, lineFrom, linesOf, type Place } from './a-place.ts'

let original: Place

function filled(): Place {
  return copyOf(original)
}

beforeAll(async () => {
  original = await fill()
})
afterAll(() => original[Symbol.dispose]())

async function fill(): Promise<Place> {
  const place = aPlace({ 'a.txt': 'a' })
  const lines = [
    { action: 'fs.read', resource: '/workspace/a.txt' },
    { action: 'fs.read', resource: '/workspace/.env' },
    { action: 'fs.list', resource: '/workspace' },
    { action: 'net.http', resource: 'https://example.com/x?secret=1' },
    { action: 'fs.read', resource: '/workspace/absent' },
  ]
  const input = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  await place.run(['submit', '--batch', '-', '--as', 'ann'], { input })
  return place
}

describe('kestrel log', () => {
  test('prints stored entries, oldest first, each with its leaf hash', async () => {
    using place = filled()
    const { stdout } = await place.run(['log', '--json'])
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(7)
    for (const [seq, line] of lines.entries()) {
      const { leafHash } = JSON.parse(line) as { leafHash: string }
      const stored = line.replace(`,"leafHash":"${leafHash}"}`, '}')
      expect(parseEntry(Buffer.from(stored)).seq).toBe(seq)
      expect(
        createHash('sha256')
          .update(Buffer.from([0]))
          .update(stored)
          .digest('hex'),
      ).toBe(leafHash)
    }
  })

  test.each([
    [
      ['--status', 'denied'],
      [3, 5],
    ],
    [['--status', 'failed'], [6]],
    [
      ['--action', 'fs.*'],
      [2, 3, 4, 6],
    ],
    [['--action', 'fs.read', '--status', 'ok'], [2]],
    [['--action', 'read'], []],
    [
      ['--agent', 'ann'],
      [2, 3, 4, 5, 6],
    ],
    [['--agent', 'nobody'], []],
    [
      ['--from', '4'],
      [4, 5, 6],
    ],
    [['--from', '99'], []],
    [
      ['--limit', '2'],
      [0, 1],
    ],
    [['--limit', '0'], []],
    [
      ['--from', '3', '--limit', '2', '--status', 'denied'],
      [3, 5],
    ],
    [
      ['--since', '1h'],
      [0, 1, 2, 3, 4, 5, 6],
    ],
    [['--since', '2999-01-01T00:00:00Z'], []],
    [
      ['--since', '2001-01-01'],
      [0, 1, 2, 3, 4, 5, 6],
    ],
  ])('%j gives %j', async (filter, seqs) => {
    const place = original
    expect((await place.jsonLines(['log', ...filter])).map(({ seq }) => seq)).toEqual(seqs)
  })

  test('gives people as many lines', async () => {
    expect((await original.run(['log', '--status', 'denied'])).stdout.split('\n')).toHaveLength(3)
  })

  test.each([
    ['--status', 'maybe'],
    ['--from', '-1'],
    ['--from', '1.5'],
    ['--limit', 'many'],
    ['--since', 'yesterday'],
    ['--since', '5y'],
  ])('%s %s is a mistake', async (...filter) => {
    using place = aPlace()
    expect(await place.json(['log', ...filter])).toMatchObject({ code: 2, value: { error: { code: 'USAGE_INVALID' } } })
  })

  test('shows no query of a URL', async () => {
    using place = filled()
    const { stdout } = await place.run(['log'])
    expect(stdout).toContain('https://example.com/x')
    expect(stdout).not.toContain('secret=1')
  })

  test('reads beside a running writer and follows what it writes', async () => {
    using place = filled()
    const writer = place.start(['submit', '--batch', '-'])
    const follower = place.start(['log', '--follow', '--json', '--from', '7'])
    let followed = ''
    follower.stdout.on('data', (part) => (followed += String(part)))
    const request = '{"action":"fs.list","resource":"/workspace"}\n'
    const first = lineFrom(follower, /"seq":7/)
    const second = lineFrom(follower, /"seq":8/)
    writer.stdin.write(request)
    expect(JSON.parse(await first)).toMatchObject({ action: 'fs.list', outcome: { status: 'ok' } })
    writer.stdin.write(request)
    await second
    const end = ended(follower)
    follower.kill('SIGINT')
    expect((await end).code).toBe(130)
    const seqs = linesOf(followed).map((line) => (JSON.parse(line) as { seq: number }).seq)
    expect(seqs).toEqual([7, 8])
    writer.stdin.end()
    await once(writer, 'close')
  })

  test('--follow ends at its limit', async () => {
    using place = filled()
    expect(await place.jsonLines(['log', '--follow', '--limit', '3'])).toHaveLength(3)
  })
})

describe('a log whose writer was killed', () => {
  guards('LED-03')

  async function killed(): Promise<Place> {
    const place = aPlace({ 'a.txt': 'a' })
    const child = place.start(['submit', '--batch', '-'])
    child.stdin.write(
      '{"action":"fs.read","resource":"/workspace/a.txt"}\n{"action":"fs.read","resource":"/workspace/b"}\n',
    )
    await lineFrom(child, /"seq":3/)
    child.kill('SIGKILL')
    await once(child, 'close')
    return place
  }

  test('is complete again when it is listed, with what was answered', async () => {
    using place = await killed()
    const entries = await place.jsonLines(['log', '--from', '2'])
    expect(entries.map(({ outcome }) => outcome.status)).toEqual(['ok', 'failed'])
    expect((await place.json(['verify'])).value).toMatchObject({ ok: true, size: 4 })
  })

  test('is shown as far as it is published where the keys are gone, and says so', async () => {
    using place = await killed()
    rmSync(place.path('keys'), { recursive: true })
    const { code, stderr } = await place.run(['log'])
    expect(code).toBe(0)
    expect(stderr).toContain('only what is published can be shown')
  })

  test('a second writer is refused while the first runs, and names it', async () => {
    using place = filled()
    const writer = place.start(['submit', '--batch', '-'])
    writer.stdin.write('{"action":"fs.list","resource":"/workspace"}\n')
    await lineFrom(writer, /"seq":7/)
    const refused = await place.json(['submit', 'fs.list', '/workspace'])
    expect(refused).toMatchObject({ code: 2, value: { error: { code: 'LEDGER_LOCKED' } } })
    expect(refused.value.error.message).toContain(`process ${writer.pid}`)
    expect((await place.json(['doctor'])).value.checks).toContainEqual(
      expect.objectContaining({ name: 'lock', message: expect.stringContaining(String(writer.pid)) }),
    )
    writer.stdin.end()
    await once(writer, 'close')
    expect((await place.json(['submit', 'fs.list', '/workspace'])).code).toBe(0)
  })
})

describe('a damaged log', () => {
  const bundle = (place: Place): string => {
    const folder = join(place.ledger, 'tile', 'entries', '000.p')
    return join(folder, readdirSync(folder)[0] as string)
  }

  test.each<[string, (place: Place) => void]>([
    ['a bundle is cut', (place) => truncateSync(bundle(place), 100)],
    ['a bundle is gone', (place) => rmSync(bundle(place))],
    ['a bundle is noise', (place) => writeFileSync(bundle(place), Buffer.alloc(3000, 0x5a))],
    [
      'a bundle is a folder',
      (place) => {
        const path = bundle(place)
        rmSync(path)
        mkdirSync(path)
      },
    ],
    [
      'an entry is no entry',
      (place) =>
        writeFileSync(bundle(place), readFileSync(bundle(place), 'latin1').replace('"kind"', '"kinx"'), 'latin1'),
    ],
    ['the checkpoint is nonsense', (place) => writeFileSync(join(place.ledger, 'checkpoint'), 'x\n')],
  ])('%s: log, explain and receipt exit 6 and say where', async (_, damage) => {
    using place = filled()
    damage(place)
    for (const args of [['log'], ['explain', '0'], ['receipt', '0'], ['verify']]) {
      const { code, stderr } = await place.run(args)
      expect({ args, code }).toEqual({ args, code: 6 })
      expect(stderr).not.toContain('    at ')
      if (args[0] !== 'verify') expect(stderr).toMatch(/^kestrel: .*(tile\/entries|entry 0|checkpoint|entry is not)/)
    }
  })

  test('a start refused for a damaged WAL exits 6, and what is published still verifies', async () => {
    using place = filled()
    const wal = join(place.ledger, 'wal')
    for (const name of readdirSync(wal)) {
      const bytes = readFileSync(join(wal, name))
      for (let at = 40; at < 4000; at += 7) bytes[at] = (bytes[at] ?? 0) ^ 0x55
      writeFileSync(join(wal, name), bytes)
    }
    const refused = await place.json(['submit', 'fs.list', '/workspace'])
    expect(refused).toMatchObject({ code: 6, value: { error: { code: expect.stringMatching(/^LEDGER_/) } } })
    expect((await place.json(['verify'])).value).toMatchObject({ ok: true, size: 7 })
    expect((await place.json(['doctor'])).code).toBe(6)
  })
})
