import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aPlace, copyOf, type Place } from './a-place.ts'

let original: Place
let vkey = ''

beforeAll(async () => {
  original = aPlace({ 'a.txt': 'a' })
  await original.run(['submit', 'fs.list', '/workspace'])
  vkey = readFileSync(`${original.ledger}/vkey`, 'utf8').trim()
})
afterAll(() => original[Symbol.dispose]())

/** A place with a log of three entries, and a copy of its log elsewhere. */
function filled(): { place: Place; copy: string } {
  const place = copyOf(original)
  const copy = place.path('elsewhere', 'log')
  cpSync(place.ledger, copy, { recursive: true })
  return { place, copy }
}

describe('what kestrel verify remembers', () => {
  guards('LED-01')

  test('knows a log that was put back; and can be told to forget', async () => {
    const { place, copy } = filled()
    using _ = place
    await place.run(['submit', 'fs.list', '/workspace'])
    const first = await place.json(['verify', '--vkey', vkey])
    expect(first).toMatchObject({ code: 0, value: { ok: true, memory: { known: false } } })
    const { file } = first.value.memory
    expect(file.startsWith(place.path('home', '.config', 'kestrel', 'heads'))).toBe(true)
    expect(await place.run(['verify', '--vkey', vkey])).toMatchObject({ code: 0, stderr: '' })
    const back = await place.json(['verify', copy, '--vkey', vkey])
    expect(back).toMatchObject({
      code: 6,
      value: { problems: [{ code: 'rolled_back' }], memory: { file, known: true } },
    })
    const told = await place.run(['verify', copy, '--vkey', vkey])
    expect(told.stderr).toContain(file)
    expect(told.stderr).toContain('--no-memory')
    expect((await place.json(['verify', copy, '--no-memory'])).code).toBe(0)
    expect((await place.json(['verify', copy, '--heads-dir', place.path('elsewhere', 'heads')])).code).toBe(0)
    expect((await place.json(['verify', copy], { env: { KESTREL_HEADS_DIR: place.path('heads') } })).code).toBe(0)
    rmSync(file)
    expect((await place.json(['verify', copy])).code).toBe(0)
  })

  test('damaged or out of reach is a warning that names the file, and nothing else', async () => {
    const { place } = filled()
    using _ = place
    const { file } = (await place.json(['verify'])).value.memory
    writeFileSync(file, 'junk')
    const damaged = await place.json(['verify'])
    expect(damaged).toMatchObject({ code: 0, value: { ok: true, memory: { warning: expect.any(String) } } })
    expect((await place.run(['verify'])).stderr).toContain(file)
    expect(readFileSync(file, 'utf8')).toBe('junk')
    const { code, stdout, stderr } = await place.run(['verify', '--heads-dir', place.write('not-a-folder', 'x')])
    expect(code).toBe(0)
    expect(stdout).toContain('verified')
    expect(stderr).toContain('not-a-folder')
  })

  test('by several at once is that of one', async () => {
    const { place } = filled()
    using _ = place
    const all = await Promise.all(Array.from({ length: 3 }, () => place.json(['verify'])))
    expect(all.map(({ code, value }) => [code, value.memory.warning])).toEqual(
      Array.from({ length: 3 }, () => [0, undefined]),
    )
    expect((await place.json(['verify'])).value.remembered).toEqual({ size: 3 })
  })
})
