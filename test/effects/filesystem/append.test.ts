import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { describe, expect, test } from 'vitest'
import { filesystemOn } from '../../../src/effects/providers/filesystem/filesystem.ts'
import { hostVolume, type Volume } from '../../../src/effects/providers/filesystem/volume.ts'
import { guards } from '../../guards.ts'
import { aHost, canary, failing, reading } from '../a-host.ts'
import { inNamespace, mayUnshare, needsNamespaces, withoutRights } from '../elsewhere.ts'

const done = (sizeBytes: number, created: boolean): object => ({ effect: 'done', result: { sizeBytes, created } })
const onVolume = (changes: Partial<Volume>): { provider: ReturnType<typeof filesystemOn> } => ({
  provider: filesystemOn({ ...hostVolume(), ...changes }),
})

describe('fs.append', () => {
  guards('GATE-02', 'GATE-13')

  test('makes a file, then adds to its end in place', async () => {
    using host = aHost()
    expect(await host.act('fs.append', '/w/log', { content: 'grüße' })).toEqual(done(7, true))
    const { ino, mode } = statSync(host.path('w/log'))
    expect(mode & 0o777).toBe(0o666 & ~process.umask())
    expect(await host.act('fs.append', '/w/log', { content: 'AP8=', encoding: 'base64' })).toEqual(done(9, false))
    expect(await host.act('fs.append', '/w/log', { content: '' })).toEqual(done(9, false))
    expect(readFileSync(host.path('w/log'))).toEqual(Buffer.concat([Buffer.from('grüße'), Buffer.from([0, 255])]))
    expect(statSync(host.path('w/log')).ino).toBe(ino)
    expect(readdirSync(host.path('w'))).toEqual(['log'])
  })

  test('many at once leave each content whole', async () => {
    using host = aHost()
    const lines = Array.from({ length: 100 }, (_, i) => `${String(i).repeat(50)}\n`)
    await Promise.all(lines.map((content) => host.act('fs.append', '/w/log', { content })))
    expect(readFileSync(host.path('w/log'), 'utf8').split('\n').toSorted()).toEqual(
      lines.join('').split('\n').toSorted(),
    )
  })

  test('makes parents only when asked', async () => {
    using host = aHost()
    expect(await host.act('fs.append', '/w/a/b/c', { content: 'x' })).toMatchObject(failing('parent_missing'))
    expect(await host.act('fs.append', '/w/a/b/c', { content: 'x', parents: true })).toEqual(done(1, true))
    expect(await host.act('fs.append', '/w/a/b/c/d', { content: 'x', parents: true })).toMatchObject(
      failing('not_directory'),
    )
  })

  test('a folder, a link, a FIFO and a file with another hard link are no target', async () => {
    using host = aHost({ 'w/d/x': '', 'outside/secret': canary, 'w/a': 'old', 'own/key': canary }, { own: ['own'] })
    symlinkSync(host.path('outside/secret'), host.path('w/link'))
    symlinkSync(host.path('outside/new'), host.path('w/dangling'))
    linkSync(host.path('outside/secret'), host.path('w/hard'))
    linkSync(host.path('own/key'), host.path('w/key'))
    execFileSync('mkfifo', [host.path('w/fifo')])
    const endings = [
      ['/w', failing('is_directory')],
      ['/w/d', failing('is_directory')],
      ['/w/link', { refused: 'outside_mount' }],
      ['/w/dangling', { refused: 'outside_mount' }],
      ['/w/fifo', { refused: 'unsafe_file' }],
      ['/w/hard', { refused: 'unsafe_file', hint: expect.stringContaining('fs.write') as string }],
      ['/w/key', { refused: 'self_protected' }],
      ['/elsewhere', { refused: 'outside_mount' }],
    ] as const
    for (const [path, ending] of endings) {
      expect(await host.foresee('fs.append', path, { content: 'x' })).toMatchObject(ending)
      expect(await host.act('fs.append', path, { content: 'x' })).toMatchObject(ending)
    }
    for (const name of ['outside/secret', 'own/key']) expect(readFileSync(host.path(name), 'utf8')).toBe(canary)
    expect(readdirSync(host.path('outside'))).toEqual(['secret'])
  })

  test.each([
    [{}, '`content` is missing'],
    [{ content: '%', encoding: 'base64' }, 'canonical base64'],
    [{ content: 'x', mode: 511 }, '`mode` is not a param'],
  ])('params %j are wrong', async (params, why) => {
    using host = aHost()
    expect(await host.act('fs.append', '/w/a', params)).toEqual({ invalid: expect.stringContaining(why) as string })
  })

  test('a dry run changes nothing', async () => {
    using host = aHost({ 'w/a': 'old' })
    expect(await host.foresee('fs.append', '/w/a', { content: 'x' })).toBeUndefined()
    expect(await host.foresee('fs.append', '/w/b', { content: 'x' })).toBeUndefined()
    expect(await host.foresee('fs.append', '/w/n/e/w', { content: 'x', parents: true })).toBeUndefined()
    expect(await host.foresee('fs.append', '/w/n/e/w', { content: 'x' })).toMatchObject(failing('parent_missing'))
    expect(readdirSync(host.path('w'))).toEqual(['a'])
    expect(await host.act('fs.read', '/w/a')).toEqual(reading('old'))
  })
})

describe('an append that fails', () => {
  test('because it was cancelled changes nothing', async () => {
    using host = aHost({ 'w/a': 'old' })
    const signal = AbortSignal.abort()
    for (const path of ['/w/a', '/w/b', '/w/c/d']) {
      const params = { content: 'x', parents: true }
      expect(await host.act('fs.append', path, params, { signal })).toMatchObject(failing('cancelled'))
    }
    expect(readdirSync(host.path('w'))).toEqual(['a'])
    expect(readFileSync(host.path('w/a'), 'utf8')).toBe('old')
  })

  test.each(['/w/a', '/w/new', '/w/d/new'])('because the disk does not confirm it (%s) is uncertain', async (path) => {
    const sync = (): Promise<void> => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
    using host = aHost({ 'w/a': 'old' }, onVolume({ sync }))
    const answer = await host.act('fs.append', path, { content: 'x', parents: true })
    expect(answer).toMatchObject({ effect: 'uncertain', error: { code: 'io_error' } })
    expect(existsSync(host.path(path.slice(1)))).toBe(true)
  })

  test('because another process was faster says so', async () => {
    const { step } = hostVolume()
    using host = aHost(
      {},
      onVolume({
        step: (folder, name) => {
          try {
            return step(folder, name)
          } finally {
            appendFileSync(`${folder.at}/${name}`, 'theirs')
          }
        },
      }),
    )
    const answer = await host.act('fs.append', '/w/a', { content: 'x' })
    expect(answer).toMatchObject({ effect: 'none', error: { code: 'conflict', retryable: true } })
    expect(readFileSync(host.path('w/a'), 'utf8')).toBe('theirs')
  })

  test('because a link was swapped in leaves what it leads to alone', async () => {
    const { open } = hostVolume()
    using host = aHost(
      { 'w/a': 'old', 'outside/secret': canary },
      onVolume({
        open: (spot, flags) => {
          if (!existsSync(host.path('w/b'))) linkSync(host.path('w/a'), host.path('w/b'))
          return open(spot, flags)
        },
      }),
    )
    expect(await host.act('fs.append', '/w/a', { content: 'x' })).toMatchObject({ refused: 'unsafe_file' })
    expect(readFileSync(host.path('w/a'), 'utf8')).toBe('old')
  })

  test('because the volume is full leaves what was there', (context) => {
    context.skip(!mayUnshare(), needsNamespaces)
    using host = aHost()
    const answers = inNamespace({
      folder: host.path('w'),
      before: [['mount', '-t', 'tmpfs', '-o', 'size=16k', 'none', host.path('w')]],
      acts: [
        ['fs.append', '/w/a', { content: 'old' }],
        ['fs.append', '/w/a', { content: 'x'.repeat(40_000) }],
        ['fs.append', '/w/b', { content: 'x'.repeat(40_000) }],
        ['fs.append', '/w/c/d', { content: 'x'.repeat(40_000), parents: true }],
        ['fs.read', '/w/a'],
        ['fs.list', '/w'],
      ],
    })
    const full = { effect: 'none', error: { code: 'no_space', retryable: true } }
    expect(answers).toMatchObject([
      done(3, true),
      full,
      full,
      full,
      reading('old'),
      { result: { entries: [{ name: 'a', type: 'file' }] } },
    ])
  })

  test('because the user has no rights says so', () => {
    using host = aHost({ 'w/fixed': 'old', 'w/closed/a': 'x' })
    chmodSync(host.root, 0o755)
    chmodSync(host.path('w'), 0o777)
    chmodSync(host.path('w/fixed'), 0o444)
    chmodSync(host.path('w/closed'), 0o555)
    const answers = withoutRights({
      folder: host.path('w'),
      acts: [
        ['fs.append', '/w/fixed', { content: 'new' }],
        ['fs.append', '/w/closed/b', { content: 'new' }],
        ['fs.append', '/w/new', { content: 'new' }],
      ],
    })
    chmodSync(host.path('w/closed'), 0o755)
    const denied = failing('permission_denied')
    expect(answers).toMatchObject([denied, denied, done(3, true)])
    expect(readFileSync(host.path('w/fixed'), 'utf8')).toBe('old')
  })
})
