import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/base/json.ts'
import { filesystem } from '../../src/effects/providers/index.ts'
import { filesystemOn } from '../../src/effects/providers/filesystem/filesystem.ts'
import { hostVolume } from '../../src/effects/providers/filesystem/volume.ts'
import { guards } from '../guards.ts'
import { aHost, canary, entriesOf, failing, reading, type Host } from './a-host.ts'

describe('a link', () => {
  guards('GATE-02')

  function linked(): Host {
    const host = aHost({ 'w/real/a.txt': 'inside', 'outside/secret.txt': canary, 'w/.env': canary })
    const { path } = host
    symlinkSync(path('outside/secret.txt'), path('w/file-out'))
    symlinkSync('../outside/secret.txt', path('w/file-out-relative'))
    symlinkSync(path('outside'), path('w/folder-out'))
    symlinkSync(path('outside/new.txt'), path('w/dangling-out'))
    symlinkSync('/proc/self/root', path('w/proc-out'))
    symlinkSync('file-out', path('w/twice-out'))
    symlinkSync('real/a.txt', path('w/file-in'))
    symlinkSync('real', path('w/folder-in'))
    symlinkSync('.env', path('w/ok.txt'))
    symlinkSync('loop', path('w/loop'))
    return host
  }

  test.each([
    'file-out',
    'file-out-relative',
    'folder-out',
    'folder-out/secret.txt',
    'dangling-out',
    'twice-out',
    'proc-out/etc/passwd',
  ])('out of the mount (%s) is refused for every action', async (name) => {
    using host = linked()
    for (const action of ['fs.read', 'fs.list', 'fs.stat', 'fs.write']) {
      const answer = await host.act(action, `/w/${name}`, action === 'fs.write' ? { content: 'x', parents: true } : {})
      expect(answer).toMatchObject({ refused: 'outside_mount' })
      expect(JSON.stringify(answer)).not.toContain(canary)
      expect(JSON.stringify(answer)).not.toContain(host.root)
    }
    expect(readdirSync(host.path('outside'))).toEqual(['secret.txt'])
    expect(readFileSync(host.path('outside/secret.txt'), 'utf8')).toBe(canary)
  })

  test.each([
    ['file-in', 'ask for `/w/real/a.txt`'],
    ['folder-in/a.txt', 'ask for `/w/real`'],
    ['ok.txt', 'ask for `/w/.env`'],
    ['loop', 'ask for `/w/loop`'],
  ])('within the mount (%s) is not followed: policy judged another path', async (name, hint) => {
    using host = linked()
    for (const action of ['fs.read', 'fs.write']) {
      const params = action === 'fs.write' ? { content: 'x' } : {}
      expect(await host.act(action, `/w/${name}`, params)).toMatchObject({ refused: 'unsafe_file', hint })
      expect(await host.foresee(action, `/w/${name}`, params)).toMatchObject({ refused: 'unsafe_file', hint })
    }
    expect(readlinkSync(host.path('w/file-in'))).toBe('real/a.txt')
    expect(readFileSync(host.path('w/.env'), 'utf8')).toBe(canary)
  })

  test('is listed as a link', async () => {
    using host = linked()
    const entries = entriesOf(await host.act('fs.list', '/w'))
    expect(entries).toContainEqual({ name: 'folder-out', type: 'link' })
    expect(entries).toContainEqual({ name: 'real', type: 'directory' })
  })
})

describe('what is no ordinary file', () => {
  guards('GATE-02')

  test('a FIFO neither blocks nor opens, a socket and a device neither', async () => {
    using host = aHost()
    execFileSync('mkfifo', [host.path('w/fifo')])
    const server = createServer().listen(host.path('w/socket'))
    await once(server, 'listening')
    const names = ['fifo', 'socket']
    if (process.getuid?.() === 0) {
      execFileSync('mknod', [host.path('w/null'), 'c', '1', '3'])
      names.push('null')
    }
    for (const name of names) {
      for (const action of ['fs.read', 'fs.stat', 'fs.list']) {
        expect(await host.act(action, `/w/${name}`)).toMatchObject({ refused: 'unsafe_file' })
      }
      expect(await host.act('fs.write', `/w/${name}`, { content: 'x' })).toMatchObject({ refused: 'unsafe_file' })
    }
    server.close()
  })

  test.each([
    '/proc/self/environ',
    '/proc/self/fd/0',
    '/proc/1/root/etc/passwd',
    '/proc/self/cwd',
    '/sys/kernel/uevent_helper',
    '/proc',
    '/dev/zero',
  ])('without mounts, %s is refused', async (path) => {
    using host = aHost()
    for (const action of ['fs.read', 'fs.list', 'fs.stat', 'fs.write']) {
      const params = action === 'fs.write' ? { content: '' } : {}
      expect(await host.act(action, path, params, { mounts: undefined })).toMatchObject({ refused: 'unsafe_file' })
    }
  })

  test('mounting `/proc` itself opens nothing', async () => {
    using host = aHost()
    const mounts = new Map([['/w', '/proc/self']])
    expect(await host.act('fs.read', '/w/environ', {}, { mounts })).toMatchObject({ refused: 'unsafe_file' })
  })
})

/** Swaps a file and a folder with links that lead out, as fast as it can, and says so on a line of its own. */
const swapper = `
const { renameSync, symlinkSync, mkdirSync, writeFileSync } = require('node:fs')
const [root] = process.argv.slice(1)
const w = root + '/w/'
symlinkSync(root + '/outside', w + 'dir.link'); symlinkSync(root + '/outside/secret.txt', w + 'file.link')
process.stdout.write('ready')
for (;;) for (const name of ['dir', 'file']) {
  renameSync(w + name, w + name + '.real'); renameSync(w + name + '.link', w + name)
  renameSync(w + name, w + name + '.link'); renameSync(w + name + '.real', w + name)
}
`

describe('a path swapped between look and use', () => {
  guards('GATE-02')

  test(
    'is not followed: 4,000 reads and writes against a racing process, none leads out',
    { timeout: 60_000 },
    async () => {
      using host = aHost({
        'w/dir/secret.txt': 'inside',
        'w/file': 'inside',
        'outside/secret.txt': canary,
        'outside/log': canary,
      })
      const racer = spawn(process.execPath, ['-e', swapper, host.root], { stdio: ['ignore', 'pipe', 'inherit'] })
      const seen = { done: 0, stopped: 0 }
      try {
        await once(racer.stdout, 'data')
        // On a busy machine the other process may sleep: go on until both endings were met.
        const enough = (): boolean => seen.done > 100 && seen.stopped > 100
        for (let round = 0; round < 1000 || (round < 20_000 && !enough()); round++) {
          const answers = [
            await host.act('fs.read', '/w/dir/secret.txt'),
            await host.act('fs.read', '/w/file'),
            await host.act('fs.write', '/w/dir/log', { content: 'x' }),
            await host.act('fs.list', '/w/dir'),
          ]
          for (const answer of answers) {
            expect(JSON.stringify(answer)).not.toContain(canary)
            seen['effect' in answer && answer.effect === 'done' ? 'done' : 'stopped']++
          }
        }
      } finally {
        racer.kill('SIGKILL')
        await once(racer, 'exit')
      }
      expect(readdirSync(host.path('outside')).toSorted()).toEqual(['log', 'secret.txt'])
      expect(readFileSync(host.path('outside/log'), 'utf8')).toBe(canary)
      // Both must have happened, or the race was none.
      expect(seen.done).toBeGreaterThan(100)
      expect(seen.stopped).toBeGreaterThan(100)
    },
  )

  test('a folder swapped for a link and back again turns neither a read nor a write', async () => {
    using host = aHost({ 'w/dir/secret.txt': 'inside', 'outside/secret.txt': canary })
    const volume = hostVolume()
    symlinkSync(host.path('outside'), host.path('link'))
    const swap = (away: string, into: string, as: string): void => {
      renameSync(host.path('w/dir'), host.path(away))
      renameSync(host.path(into), host.path(as))
    }
    const provider = filesystemOn({
      ...volume,
      step: (folder, name) => {
        const spot = volume.step(folder, name)
        if (name === 'dir') swap('real', 'link', 'w/dir')
        return spot
      },
      open: (spot, flags) => {
        const fd = volume.open(spot, flags)
        swap('link', 'real', 'w/dir')
        return fd
      },
    })
    const act = (action: string, params: JsonObject): unknown =>
      provider.actions[action]?.perform(host.call(action, '/w/dir/secret.txt', params))
    expect(await act('fs.read', {})).toEqual(reading('inside'))
    expect(await act('fs.write', { content: 'new' })).toMatchObject({ effect: 'done' })
    expect(readFileSync(host.path('w/dir/secret.txt'), 'utf8')).toBe('new')
    expect(readFileSync(host.path('outside/secret.txt'), 'utf8')).toBe(canary)
  })

  test('a folder moved out of the mount during a write gets nothing', async () => {
    using host = aHost({ 'w/dir/a.txt': 'old', 'outside/x': '' })
    const volume = hostVolume()
    let moved = false
    const provider = filesystemOn({
      ...volume,
      sync: async (fd) => {
        if (!moved) renameSync(host.path('w/dir'), host.path('outside/dir'))
        moved = true
        await volume.sync(fd)
      },
    })
    const { perform } = provider.actions['fs.write']!
    const answer = await perform(host.call('fs.write', '/w/dir/a.txt', { content: 'new' }))
    expect(answer).toMatchObject({ refused: 'outside_mount' })
    expect(readdirSync(host.path('outside/dir'))).toEqual(['a.txt'])
    expect(readFileSync(host.path('outside/dir/a.txt'), 'utf8')).toBe('old')
  })

  test('a file swapped for a link during a write is refused', async () => {
    using host = aHost({ 'w/a.txt': 'old', 'outside/x': canary })
    const volume = hostVolume()
    const provider = filesystemOn({
      ...volume,
      sync: async (fd) => {
        if (!existsSync(host.path('w/b.txt'))) {
          renameSync(host.path('w/a.txt'), host.path('w/b.txt'))
          symlinkSync(host.path('outside/x'), host.path('w/a.txt'))
        }
        await volume.sync(fd)
      },
    })
    const answer = await provider.actions['fs.write']!.perform(host.call('fs.write', '/w/a.txt', { content: 'new' }))
    expect(answer).toMatchObject({ refused: 'outside_mount' })
    expect(readFileSync(host.path('outside/x'), 'utf8')).toBe(canary)
    expect(readdirSync(host.path('w')).toSorted()).toEqual(['a.txt', 'b.txt'])
  })
})

describe('descriptors', () => {
  test('are all closed once the provider is, however an action ends', async () => {
    const provider = filesystem()
    using host = aHost(
      { 'w/a.txt': 'x', 'w/deep/er/b.txt': 'x', 'w/big': Buffer.alloc(1_000_000), 'own/key': 'k' },
      { own: ['own'], provider },
    )
    symlinkSync('a.txt', host.path('w/link'))
    linkSync(host.path('own/key'), host.path('w/hard'))
    mkdirSync(host.path('w/empty'))
    const aborted = AbortSignal.abort()
    const params: Readonly<Record<string, JsonObject>> = {
      'fs.write': { content: 'y', encoding: 'utf8' },
      'fs.append': { content: 'y' },
      'fs.move': { to: '/w/moved' },
      'fs.delete': { recursive: true },
    }
    const count = (): number => readdirSync('/proc/self/fd').length
    const everything = async (): Promise<void> => {
      const paths = [
        '/w',
        '/w/a.txt',
        '/w/deep/er/b.txt',
        '/w/deep',
        '/w/big',
        '/w/link',
        '/w/hard',
        '/w/none',
        '/w/a.txt/x',
        '/w/none/x',
        '/x',
      ]
      for (const path of paths) {
        for (const [action, definition] of Object.entries(provider.actions)) {
          host.put({ 'w/a.txt': 'x', 'w/deep/er/b.txt': 'x' })
          if (!existsSync(host.path('w/big'))) host.put({ 'w/big': Buffer.alloc(1_000_000) })
          const call = host.call(action, path, params[action])
          await definition.perform(call)
          await definition.perform({ ...call, signal: aborted })
          await definition.foresee?.(call)
        }
      }
      expect(
        await host.act('fs.write', '/w/empty/1/2/3', { content: '', parents: true }, { signal: aborted }),
      ).toMatchObject(failing('cancelled'))
    }
    await everything()
    await provider.close?.()
    const before = count()
    for (let round = 0; round < 3; round++) await everything()
    expect(count()).toBeLessThan(before + 32)
    await provider.close?.()
    // Providers of tests before this one may let go of theirs meanwhile.
    expect(count()).toBeLessThanOrEqual(before)
  })

  test('a path of a thousand folders does not hold a thousand of them', async () => {
    using host = aHost()
    const deep = `/w/${'d/'.repeat(1000)}`
    expect(await host.act('fs.write', `${deep}a.txt`, { content: 'x', parents: true })).toMatchObject({
      effect: 'done',
    })
    let most = 0
    const volume = hostVolume()
    const step: typeof volume.step = (folder, name) => {
      most = Math.max(most, Number(folder.at.split('/').at(-1)))
      return volume.step(folder, name)
    }
    const provider = filesystemOn({ ...volume, step })
    expect(await provider.actions['fs.read']!.perform(host.call('fs.read', `${deep}a.txt`))).toMatchObject({
      effect: 'done',
    })
    expect(most).toBeLessThan(200)
  })
})
