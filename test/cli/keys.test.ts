import { chmodSync, cpSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aPlace, type Place } from './a-place.ts'

async function initialised(): Promise<Place> {
  const place = aPlace({ 'a.txt': 'a' })
  await place.run(['init'])
  return place
}

const request = ['submit', 'fs.read', '/workspace/a.txt']

describe('keys', () => {
  guards('KEY-01', 'KEY-02', 'KEY-04')

  test('a copied data directory signs nothing, and its log still verifies', async () => {
    using place = await initialised()
    await place.run(request)
    cpSync(place.path('.kestrel'), place.path('stolen'), { recursive: true })
    const thief = { env: { KESTREL_KEYS_DIR: place.path('thief') } }
    const refused = await place.json([...request, '--data-dir', 'stolen'], thief)
    expect(refused).toMatchObject({ code: 2, value: { error: { code: 'KEY_MISSING' } } })
    expect(refused.value.error.message).toContain('backup')
    expect((await place.json(['verify', 'stolen'], thief)).value).toMatchObject({ ok: true, size: 3 })
    expect((await place.json(['doctor', '--data-dir', 'stolen'], thief)).code).toBe(2)
    expect((await place.run(['log', '--data-dir', 'stolen'], thief)).code).toBe(0)
  })

  test.each([
    ['a key file', 0o644, (place: Place, folder: string) => place.path('keys', folder, 'log.key')],
    ['their folder', 0o755, (place: Place, folder: string) => place.path('keys', folder)],
    ['the folder above', 0o777, (place: Place) => place.path('keys')],
  ])('%s with mode %o is refused with the fix, which works', async (_, mode, pathOf) => {
    using place = await initialised()
    const path = pathOf(place, readdirSync(place.path('keys'))[0] as string)
    const before = statSync(path).mode & 0o7777
    chmodSync(path, mode)
    const { code, value } = await place.json(request)
    expect({ code, error: value.error.code }).toEqual({ code: 2, error: 'KEY_PERMISSIONS' })
    const [, fix, named] = /run: chmod (\S+) '([^']+)'/.exec(value.error.message as string) ?? []
    expect({ fix: fix !== undefined, named }).toEqual({ fix: true, named: path })
    expect((await place.json(['doctor'])).code).toBe(2)
    chmodSync(path, fix?.startsWith('g') === true ? mode & ~0o022 : Number.parseInt(fix ?? '', 8))
    expect(statSync(path).mode & 0o7777).toBeLessThanOrEqual(Math.max(before, 0o755))
    expect((await place.json(request)).code).toBe(0)
  })

  test('two data directories under one keys directory have keys of their own', async () => {
    using place = await initialised()
    await place.run([...request, '--data-dir', 'second'])
    await place.run([...request, '--data-dir', 'third'])
    const keys = await Promise.all(
      ['.kestrel', 'second', 'third'].map((name) => place.run(['key', '--data-dir', name])),
    )
    expect(new Set(keys.map(({ stdout }) => stdout)).size).toBe(3)
    expect(readdirSync(place.path('keys'))).toHaveLength(3)
  })

  test('a lost key is named, and the log still verifies', async () => {
    using place = await initialised()
    rmSync(join(place.path('keys'), readdirSync(place.path('keys'))[0] as string, 'wal.key'))
    expect((await place.json(request)).value.error).toMatchObject({
      code: 'KEY_MISSING',
      message: expect.stringContaining('wal.key'),
    })
    expect((await place.json(['verify'])).code).toBe(0)
  })

  test('by default they live in the configuration folder of the user, never in the data directory', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const env = { KESTREL_KEYS_DIR: '', XDG_CONFIG_HOME: place.path('config') }
    expect((await place.run(request, { env })).code).toBe(0)
    expect(readdirSync(place.path('config', 'kestrel', 'keys'))).toHaveLength(1)
    const all = readdirSync(place.path('.kestrel'), { recursive: true, encoding: 'utf8' })
    expect(all.filter((name) => name.endsWith('.key'))).toEqual([])
  })
})
