import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeBundle, encodeBundle, entriesPath } from '../../src/evidence/ledger/index.ts'
import { guards } from '../guards.ts'
import { aPlace, copyOf, type Place } from './a-place.ts'

let original: Place

beforeAll(async () => {
  original = aPlace({ 'a.txt': 'a' })
  const requests = ['/workspace/a.txt', '/workspace/.env', '/workspace/absent']
  const input = requests.map((resource) => `${JSON.stringify({ action: 'fs.read', resource })}\n`).join('')
  await original.run(['submit', '--batch', '-'], { input })
})
afterAll(() => original[Symbol.dispose]())

/** A place with a log of five entries, its key, and a copy of its log elsewhere. */
function filled(): { place: Place; vkey: string; copy: string } {
  const place = copyOf(original)
  const copy = place.path('elsewhere', 'log')
  cpSync(place.ledger, copy, { recursive: true })
  return { place, vkey: readFileSync(join(copy, 'vkey'), 'utf8').trim(), copy }
}

function changeEntries(folder: string, change: (entries: Uint8Array[]) => void): void {
  const partials = join(folder, 'tile', 'entries', '000.p')
  const width = Number(readdirSync(partials)[0])
  const entries = [...decodeBundle(readFileSync(join(folder, entriesPath(0, width))))]
  change(entries)
  rmSync(join(partials, String(width)))
  writeFileSync(join(folder, entriesPath(0, entries.length)), encodeBundle(entries))
}

describe('kestrel verify', () => {
  guards('LED-01', 'LED-04', 'KEY-01')

  test('verifies a copied folder with only the vkey, in an empty environment', async () => {
    const { place, vkey, copy } = filled()
    using _ = place
    rmSync(place.path('.kestrel'), { recursive: true })
    rmSync(place.path('keys'), { recursive: true })
    rmSync(join(copy, 'vkey'))
    rmSync(join(copy, 'wal'), { recursive: true })
    const env = { HOME: '/nonexistent', KESTREL_KEYS_DIR: '/nonexistent', KESTREL_HEADS_DIR: place.path('heads') }
    const { code, value } = await place.json(['verify', copy, '--vkey', vkey], { env, cwd: '/' })
    expect({ code, value }).toEqual({
      code: 0,
      value: expect.objectContaining({
        ok: true,
        origin: vkey.split('+')[0],
        size: 5,
        problems: [],
        unwitnessed: true,
      }),
    })
    expect(value.root).toMatch(/^[0-9a-f]{64}$/)
    const keyFile = place.write('key.txt', `${vkey}\n`)
    expect((await place.json(['verify', copy, '--vkey', keyFile])).code).toBe(0)
  })

  test('takes a data directory too, and says when the key came from the folder itself', async () => {
    const { place } = filled()
    using _ = place
    expect((await place.json(['verify', '.kestrel'])).value).toMatchObject({ ok: true, keyFrom: 'folder' })
    const { stdout } = await place.run(['verify'])
    expect(stdout).toContain('unwitnessed')
    expect(stdout).toContain('--vkey')
  })

  test.each<[string, (entries: Uint8Array[]) => unknown]>([
    [
      'edited',
      (entries) =>
        (entries[3] = Buffer.from(
          Buffer.from(entries[3] as Uint8Array)
            .toString()
            .replace('denied', 'ok'),
          'utf8',
        )),
    ],
    ['swapped', (entries) => entries.splice(2, 2, ...entries.slice(2, 4).reverse())],
    ['dropped', (entries) => entries.splice(3, 1)],
    ['cut off', (entries) => entries.pop()],
    ['doubled', (entries) => entries.splice(3, 0, entries[3] as Uint8Array)],
  ])('an entry %s is named, and exits 6', async (_name, change) => {
    const { place, vkey, copy } = filled()
    using _ = place
    changeEntries(copy, change)
    const { code, value } = await place.json(['verify', copy, '--vkey', vkey])
    expect({ code, ok: value.ok }).toEqual({ code: 6, ok: false })
    expect(value.problems[0]).toMatchObject({ code: expect.any(String), message: expect.any(String) })
    const { stdout } = await place.run(['verify', copy, '--vkey', vkey])
    expect(stdout).toContain('not verified')
    expect(stdout).toContain(value.problems[0].code)
  })

  test('another log in its place is a foreign key', async () => {
    const { place, vkey } = filled()
    using _ = place
    await place.run(['submit', 'fs.list', '/workspace', '--data-dir', 'other'])
    const { code, value } = await place.json(['verify', 'other', '--vkey', vkey])
    expect(code).toBe(6)
    expect(value.problems.map(({ code: problem }: { code: string }) => problem)).toContain('foreign_key')
  })

  test('--since finds a log that is older than a checkpoint kept earlier', async () => {
    const { place, vkey, copy } = filled()
    using _ = place
    const older = place.write('older', readFileSync(join(copy, 'checkpoint')))
    await place.run(['submit', 'fs.list', '/workspace'])
    const newer = place.write('newer', readFileSync(join(place.ledger, 'checkpoint')))
    expect((await place.json(['verify', '--since', older, '--vkey', vkey])).code).toBe(0)
    const rolledBack = await place.json(['verify', copy, '--since', newer, '--vkey', vkey])
    expect(rolledBack.code).toBe(6)
    expect(rolledBack.value.problems[0].code).toBe('not_an_extension')
    expect((await place.json(['verify', '--since', 'absent'])).code).toBe(2)
    expect((await place.json(['verify', '--since', place.write('bad', 'x')])).code).toBe(6)
  })

  test.each(['absent', 'policy.yaml', 'workspace'])('`%s` is no log: exits 2 and says what to name', async (name) => {
    const { place } = filled()
    using _ = place
    const { code, value } = await place.json(['verify', name])
    expect({ code, error: value.error.code }).toEqual({ code: 2, error: 'LEDGER_NOT_FOUND' })
  })

  test.each(['nonsense', 'a+b+c', 'absent-file', `x+00000000+${Buffer.alloc(33, 1).toString('base64')}`])(
    'the key `%s` is refused',
    async (vkey) => {
      const { place } = filled()
      using _ = place
      expect((await place.json(['verify', '--vkey', vkey])).code).toBe(2)
    },
  )

  test('neither hangs on a pipe nor reads a device', async () => {
    const { place, copy, vkey } = filled()
    using _ = place
    rmSync(join(copy, 'checkpoint'))
    execFileSync('mkfifo', [join(copy, 'checkpoint')])
    expect((await place.json(['verify', copy, '--vkey', vkey])).code).toBe(6)
    expect((await place.json(['verify', '--since', join(copy, 'checkpoint')])).code).toBe(2)
    expect((await place.json(['verify', '--receipt', '/dev/zero', '--vkey', vkey])).code).toBe(2)
  })

  test('an unreadable folder is named with what to do', async () => {
    const { place, copy } = filled()
    using _ = place
    chmodSync(copy, 0o000)
    const asNobody = process.getuid?.() === 0 ? { uid: 65_534 } : {}
    const { code, stderr } = await place.run(['verify', copy], { cwd: '/', ...asNobody })
    chmodSync(copy, 0o700)
    expect(code).toBe(2)
    expect(stderr).toMatch(/^kestrel: [^\n]*permission denied; check its owner and mode\n$/)
  })
})

describe('a receipt', () => {
  test('verifies offline with the vkey alone', async () => {
    const { place, vkey } = filled()
    using _ = place
    expect(await place.json(['receipt', '3', '--out', 'r'])).toMatchObject({ code: 0, value: { seq: 3 } })
    const bytes = readFileSync(place.path('r'), 'utf8')
    expect((await place.run(['receipt', '3'])).stdout).toBe(bytes)
    expect((await place.json(['receipt', '3'])).value).toEqual({ seq: 3, receipt: bytes })
    rmSync(place.path('.kestrel'), { recursive: true })
    rmSync(place.path('keys'), { recursive: true })
    const verified = await place.json(['verify', '--receipt', 'r', '--vkey', vkey])
    expect(verified).toMatchObject({
      code: 0,
      value: { ok: true, size: 5, entry: { seq: 3, outcome: { status: 'denied' } } },
    })
    expect((await place.run(['verify', '--receipt', 'r', '--vkey', vkey])).stdout).toContain('/workspace/.env')
  })

  test('with any byte changed, or for another log, exits 6', async () => {
    const { place, vkey } = filled()
    using _ = place
    await place.run(['receipt', '3', '--out', 'r'])
    const bytes = readFileSync(place.path('r'))
    const step = Math.ceil(bytes.length / 12)
    for (let at = 5; at < bytes.length; at += step) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      const bad = place.write('bad', changed)
      const { code, value } = await place.json(['verify', '--receipt', bad, '--vkey', vkey])
      expect({ at, code, ok: value.ok }).toEqual({ at, code: 6, ok: false })
    }
    mkdirSync(place.path('empty'))
    expect((await place.json(['verify', '--receipt', place.write('none', ''), '--vkey', vkey])).code).toBe(6)
    await place.run(['submit', 'fs.list', '/workspace', '--data-dir', 'other'])
    const other = (await place.run(['key', '--data-dir', 'other'])).stdout.trim()
    expect((await place.json(['verify', '--receipt', 'r', '--vkey', other])).code).toBe(6)
    expect((await place.json(['verify', '--receipt', 'r'])).code).toBe(2)
    expect((await place.json(['verify', '--receipt', 'absent', '--vkey', vkey])).code).toBe(2)
  })

  test('under a cosigned checkpoint shows who has seen it, and a missing witness exits 6', async () => {
    const { place, vkey } = filled()
    using _ = place
    const key = ['--key', 'w.key']
    const witness = (await place.run(['witness', 'key', ...key, '--new', 'witness.example/w1'])).stdout.trim()
    const verifying = ['verify', '--receipt', 'r', '--vkey', vkey]
    await place.run(['receipt', '3', '--out', 'r'])
    const unseen = await place.json([...verifying, '--witness', witness])
    expect(unseen).toMatchObject({ code: 6, value: { ok: false, problems: [{ code: 'cosignature_missing' }] } })
    const { stdout: line } = await place.run(['witness', 'cosign', '.kestrel', '--state', 's', ...key, '--log', vkey])
    appendFileSync(join(place.ledger, 'checkpoint'), line)
    await place.run(['receipt', '3', '--out', 'r'])
    const seen = await place.json([...verifying, '--witness', place.write('w.vkey', `${witness}\n`)])
    expect(seen).toMatchObject({ code: 0, value: { unwitnessed: false, witnessed: [{ name: 'witness.example/w1' }] } })
    expect((await place.run(verifying)).stdout).toContain('not checked')
    const text = readFileSync(place.path('r'), 'utf8')
    const at = text.length - 20
    place.write('r', text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1))
    const bad = await place.json([...verifying, '--witness', witness])
    expect(bad).toMatchObject({ code: 6, value: { problems: [{ code: 'cosignature_invalid' }] } })
    for (const wrong of [vkey, 'absent']) expect((await place.json(['verify', '--witness', wrong])).code).toBe(2)
  })
})
