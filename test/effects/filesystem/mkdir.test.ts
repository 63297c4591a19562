import { chmodSync, mkdirSync, readdirSync, renameSync, statSync, symlinkSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { filesystemOn } from '../../../src/effects/providers/filesystem/filesystem.ts'
import { hostVolume } from '../../../src/effects/providers/filesystem/volume.ts'
import { guards } from '../../guards.ts'
import { aHost, failing } from '../a-host.ts'
import { withoutRights } from '../elsewhere.ts'

const made = { effect: 'done', result: { created: true } }
const there = { effect: 'done', result: { created: false } }

describe('fs.mkdir', () => {
  guards('GATE-02', 'GATE-13')

  test('makes a folder once', async () => {
    using host = aHost()
    expect(await host.act('fs.mkdir', '/w/d')).toEqual(made)
    expect(statSync(host.path('w/d')).mode & 0o777).toBe(0o777 & ~process.umask())
    expect(await host.act('fs.mkdir', '/w/d')).toMatchObject(failing('already_exists'))
    expect(await host.act('fs.mkdir', '/w/d', { parents: true })).toEqual(there)
    expect(await host.act('fs.mkdir', '/w', { parents: true })).toEqual(there)
    expect(await host.act('fs.mkdir', '/w')).toMatchObject(failing('already_exists'))
  })

  test('makes parents only when asked', async () => {
    using host = aHost()
    expect(await host.act('fs.mkdir', '/w/a/b/c')).toMatchObject(failing('parent_missing'))
    expect(readdirSync(host.path('w'))).toEqual([])
    expect(await host.act('fs.mkdir', '/w/a/b/c', { parents: true })).toEqual(made)
    expect(readdirSync(host.path('w/a/b'))).toEqual(['c'])
  })

  test('refuses what it may not make, in a dry run too', async () => {
    using host = aHost({ 'w/file': '', 'outside/x': '' }, { own: ['w/.kestrel'] })
    symlinkSync(host.path('outside'), host.path('w/link'))
    symlinkSync(host.path('outside/new'), host.path('w/dangling'))
    const endings = [
      ['/w/file', failing('already_exists')],
      ['/w/file/d', failing('not_directory')],
      ['/w/link/d', { refused: 'outside_mount' }],
      ['/w/dangling', { refused: 'outside_mount' }],
      ['/w/.kestrel', { refused: 'self_protected' }],
      ['/w/.kestrel/ledger/x', { refused: 'self_protected' }],
      ['/elsewhere', { refused: 'outside_mount' }],
    ] as const
    for (const [path, ending] of endings) {
      for (const params of [{}, { parents: true }]) {
        const isMissing = path === '/w/.kestrel/ledger/x' && params.parents !== true
        if (isMissing) continue
        expect(await host.foresee('fs.mkdir', path, params)).toMatchObject(ending)
        expect(await host.act('fs.mkdir', path, params)).toMatchObject(ending)
      }
    }
    expect(readdirSync(host.path('w')).toSorted()).toEqual(['dangling', 'file', 'link'])
    expect(readdirSync(host.path('outside'))).toEqual(['x'])
    expect(await host.act('fs.mkdir', '/w/a', { mode: 511 })).toHaveProperty('invalid')
  })

  test('a dry run makes nothing', async () => {
    using host = aHost()
    expect(await host.foresee('fs.mkdir', '/w/d')).toBeUndefined()
    expect(await host.foresee('fs.mkdir', '/w/a/b', { parents: true })).toBeUndefined()
    expect(await host.foresee('fs.mkdir', '/w/a/b')).toMatchObject(failing('parent_missing'))
    expect(readdirSync(host.path('w'))).toEqual([])
  })

  test('cancelled, it leaves nothing behind', async () => {
    using host = aHost()
    for (const path of ['/w/d', '/w/a/b/c']) {
      const answer = await host.act('fs.mkdir', path, { parents: true }, { signal: AbortSignal.abort() })
      expect(answer).toMatchObject(failing('cancelled'))
    }
    expect(readdirSync(host.path('w'))).toEqual([])
  })

  test('is uncertain when the disk does not confirm it', async () => {
    const sync = (): Promise<void> => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
    using host = aHost({}, { provider: filesystemOn({ ...hostVolume(), sync }) })
    expect(await host.act('fs.mkdir', '/w/d')).toMatchObject({ effect: 'uncertain', error: { code: 'io_error' } })
  })

  test('takes a folder that another process made meanwhile only where that is as good', async () => {
    const volume = hostVolume()
    const step: typeof volume.step = (folder, name) => {
      try {
        return volume.step(folder, name)
      } catch (error) {
        mkdirSync(`${folder.at}/${name}`)
        throw error
      }
    }
    using host = aHost({}, { provider: filesystemOn({ ...volume, step }) })
    expect(await host.act('fs.mkdir', '/w/d')).toMatchObject(failing('already_exists'))
    expect(await host.act('fs.mkdir', '/w/e', { parents: true })).toEqual(there)
    expect(readdirSync(host.path('w')).toSorted()).toEqual(['d', 'e'])
  })

  test('makes nothing in a folder that was moved out of the mount', async () => {
    const volume = hostVolume()
    const step: typeof volume.step = (folder, name) => {
      const spot = volume.step(folder, name)
      if (name === 'dir') renameSync(host.path('w/dir'), host.path('outside/dir'))
      return spot
    }
    using host = aHost({ 'outside/x': '' }, { provider: filesystemOn({ ...volume, step }) })
    for (const path of ['/w/dir/d', '/w/dir/a/b']) {
      mkdirSync(host.path('w/dir'))
      expect(await host.act('fs.mkdir', path, { parents: true })).toMatchObject({ refused: 'outside_mount' })
      expect(readdirSync(host.path('outside/dir'))).toEqual([])
      renameSync(host.path('outside/dir'), host.path(`outside/${path.length}`))
    }
  })

  test('on a volume that drops dots at the end, a name that would lose one is refused', async () => {
    const volume = hostVolume()
    const trimmed = (name: string): string => name.replace(/\.+$/, '').toLowerCase()
    const at = (folder: { readonly at: string }, name: string): string =>
      readdirSync(folder.at).find((other) => trimmed(other) === trimmed(name)) ?? name
    using host = aHost(
      {},
      {
        provider: filesystemOn({
          ...volume,
          step: (folder, name) => volume.step(folder, at(folder, name)),
          look: (folder, name) => volume.look(folder, at(folder, name)),
          entries: function* (folder) {
            for (const entry of volume.entries(folder)) yield Object.assign(entry, { name: trimmed(entry.name) })
          },
        }),
      },
    )
    expect(await host.act('fs.mkdir', '/w/2024.')).toMatchObject({ refused: 'name_mismatch' })
    expect(await host.act('fs.append', '/w/2025.', { content: 'x' })).toMatchObject({ refused: 'name_mismatch' })
    expect(readdirSync(host.path('w'))).toEqual([])
  })

  test('without rights says so', () => {
    using host = aHost({ 'w/closed/x': '' })
    chmodSync(host.root, 0o755)
    chmodSync(host.path('w'), 0o777)
    chmodSync(host.path('w/closed'), 0o555)
    const answers = withoutRights({
      folder: host.path('w'),
      acts: [
        ['fs.mkdir', '/w/closed/d'],
        ['fs.mkdir', '/w/closed/d/e', { parents: true }],
        ['fs.mkdir', '/w/open/d', { parents: true }],
      ],
    })
    chmodSync(host.path('w/closed'), 0o755)
    expect(answers).toMatchObject([failing('permission_denied'), failing('permission_denied'), made])
  })

  test('names of 255 bytes and paths of 4,096 fit, longer ones are invalid', async () => {
    using host = aHost()
    const long = 'ä'.repeat(127) + 'x'
    expect(await host.act('fs.mkdir', `/w/${long}`)).toEqual(made)
    expect(await host.act('fs.mkdir', `/w/${long}y`)).toHaveProperty('invalid')
    const deep = `/w${`/${long}`.repeat(15)}`
    const whole = `${deep}/${'x'.repeat(4096 - Buffer.byteLength(deep) - 1)}`
    expect(Buffer.byteLength(whole)).toBe(4096)
    expect(await host.act('fs.mkdir', whole, { parents: true })).toEqual(made)
    expect(await host.act('fs.append', `${deep}/a`, { content: 'x' })).toMatchObject({ effect: 'done' })
    expect(await host.act('fs.mkdir', `${whole}y`)).toHaveProperty('invalid')
    expect(await host.act('fs.delete', `/w/${long}`, { recursive: true })).toEqual({
      effect: 'done',
      result: { deleted: 17 },
    })
  })
})
