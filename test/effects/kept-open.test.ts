import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { limits } from '../../src/base/limits.ts'
import { protect } from '../../src/effects/protection.ts'
import { filesystem, type Answer, type Provider } from '../../src/effects/providers/index.ts'
import { filesystemOn } from '../../src/effects/providers/filesystem/filesystem.ts'
import { hostVolume, type Volume } from '../../src/effects/providers/filesystem/volume.ts'
import { guards } from '../guards.ts'
import { aHost, canary, failing, reading, type Host } from './a-host.ts'

const files = {
  'w/a.txt': 'mine',
  'w/dir/sub/b.txt': 'mine',
  'w/own.txt': 'mine',
  'outside/a.txt': canary,
  'outside/dir/sub/b.txt': canary,
  'own/key': canary,
}
const paths = ['/w/a.txt', '/w/dir/sub/b.txt', '/w/own.txt', '/w/dir', '/w'] as const

/** What every action but a write says of every path. */
async function everything(host: Host, provider: Provider): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  for (const path of paths) {
    for (const action of ['fs.read', 'fs.list', 'fs.stat']) {
      answers.push((await provider.actions[action]?.perform(host.call(action, path))) as Answer)
    }
  }
  return answers
}

/** The host's volume, and how many names walks have looked up in it. */
function counting(changes: Partial<Volume> = {}): Volume & { steps: number } {
  const volume = hostVolume()
  const self = {
    ...volume,
    steps: 0,
    step: (...args: Parameters<Volume['step']>) => {
      self.steps++
      return volume.step(...args)
    },
    ...changes,
  }
  return self
}

function read(host: Host, provider: Provider, path: string, changes: object = {}): unknown {
  return provider.actions['fs.read']?.perform({ ...host.call('fs.read', path), ...changes })
}

const changes: readonly (readonly [what: string, change: (path: Host['path']) => void])[] = [
  ['a file is rewritten', (path) => writeFileSync(path('w/a.txt'), 'mine, and longer')],
  ['a file is cut', (path) => truncateSync(path('w/a.txt'), 1)],
  ['a file is removed', (path) => rmSync(path('w/a.txt'))],
  ['a file is removed and made anew', (path) => (rmSync(path('w/a.txt')), writeFileSync(path('w/a.txt'), 'new'))],
  ['a file is replaced', (path) => (writeFileSync(path('n'), 'new'), renameSync(path('n'), path('w/a.txt')))],
  ['a file is renamed', (path) => renameSync(path('w/a.txt'), path('w/A.TXT'))],
  ['a file becomes a link', (path) => (rmSync(path('w/a.txt')), symlinkSync(path('outside/a.txt'), path('w/a.txt')))],
  [
    'a file is moved and a link to it left',
    (path) => {
      renameSync(path('w/dir/sub/b.txt'), path('outside/moved'))
      symlinkSync(path('outside/moved'), path('w/dir/sub/b.txt'))
    },
  ],
  [
    'a file becomes a folder',
    (path) => {
      rmSync(path('w/a.txt'))
      mkdirSync(path('w/a.txt'))
    },
  ],
  ['a folder is moved out of the mount', (path) => renameSync(path('w/dir'), path('outside/moved'))],
  [
    'a folder is moved out of the mount and a link to it left',
    (path) => {
      renameSync(path('w/dir'), path('outside/moved'))
      symlinkSync(path('outside/moved'), path('w/dir'))
    },
  ],
  [
    'a folder further in is moved within the mount and a link to it left',
    (path) => {
      renameSync(path('w/dir/sub'), path('w/sub'))
      symlinkSync('../sub', path('w/dir/sub'))
    },
  ],
  [
    'a folder is replaced by a link to another',
    (path) => {
      rmSync(path('w/dir'), { recursive: true })
      symlinkSync(path('outside/dir'), path('w/dir'))
    },
  ],
  [
    'a folder is removed and made anew',
    (path) => {
      rmSync(path('w/dir'), { recursive: true })
      mkdirSync(path('w/dir/sub'), { recursive: true })
      writeFileSync(path('w/dir/sub/b.txt'), 'new')
    },
  ],
  ['the mount is moved', (path) => renameSync(path('w'), path('gone'))],
  ['the mount is moved and made anew', (path) => (renameSync(path('w'), path('gone')), mkdirSync(path('w')))],
  [
    'the mount is removed and made anew',
    (path) => {
      rmSync(path('w'), { recursive: true })
      mkdirSync(path('w'))
      writeFileSync(path('w/a.txt'), 'new')
    },
  ],
  ['the mount becomes a link', (path) => (renameSync(path('w'), path('gone')), symlinkSync(path('own'), path('w')))],
  [
    'the mount is moved and a link to it left, with links in the new place',
    (path) => {
      mkdirSync(path('x'))
      renameSync(path('w/dir'), path('x/dir'))
      renameSync(path('w'), path('gone'))
      symlinkSync(path('x/dir'), path('gone/dir'))
      symlinkSync(path('gone'), path('w'))
    },
  ],
  ['the mount becomes a file', (path) => (renameSync(path('w'), path('gone')), writeFileSync(path('w'), ''))],
  ['a file is linked to where Kestrel keeps its own', (path) => linkSync(path('w/own.txt'), path('own/own.txt'))],
  [
    'a file is swapped for one of Kestrel’s own',
    (path) => (rmSync(path('w/own.txt')), linkSync(path('own/key'), path('w/own.txt'))),
  ],
  [
    'the mount is moved to where Kestrel keeps its own and a link to it left',
    (path) => (renameSync(path('w'), path('own/w')), symlinkSync(path('own/w'), path('w'))),
  ],
]

describe('what was opened a moment ago', () => {
  guards('GATE-02', 'GATE-13', 'GATE-14')

  test.each(changes)('%s: the next action finds what a first one would find', async (what, change) => {
    using host = aHost(files, { own: ['own'] })
    let nowMs = 0
    const warm = filesystemOn(hostVolume(), { now: () => 0, monotonicMs: () => nowMs })
    await everything(host, warm)
    expect(await read(host, warm, '/w/dir/sub/b.txt')).toEqual(reading('mine'))
    change(host.path)
    if (what.startsWith('the mount is moved')) nowMs += limits.keptPlaceMs
    const fresh = filesystem()
    const expected = await everything(host, fresh)
    const answers = await everything(host, warm)
    await Promise.all([fresh.close?.(), warm.close?.()])
    expect(answers).toEqual(expected)
    expect(JSON.stringify(answers)).not.toContain(canary)
  })

  test.each(changes)('%s while a write waits for the disk: nothing is written elsewhere', async (_, change) => {
    using host = aHost(files, { own: ['own'] })
    let isChanged = false
    const provider = filesystemOn(
      counting({
        sync: async () => {
          if (!isChanged) change(host.path)
          isChanged = true
          return Promise.resolve()
        },
      }),
    )
    await everything(host, provider)
    await provider.actions['fs.write']?.perform(host.call('fs.write', '/w/dir/sub/b.txt', { content: 'written' }))
    await provider.close?.()
    const names = ['outside', 'own', 'gone', 'x', 'w'].filter((name) =>
      statSync(host.path(name), { throwIfNoEntry: false })?.isDirectory(),
    )
    const all = names.flatMap((name) => readdirSync(host.path(name), { recursive: true, encoding: 'utf8' }))
    expect(all.filter((name) => name.endsWith('.tmp'))).toEqual([])
    const strange = ['outside/moved/sub/b.txt', 'outside/dir/sub/b.txt', 'own/w/dir/sub/b.txt', 'x/dir/sub/b.txt']
    for (const name of strange.filter((it) => existsSync(host.path(it)))) {
      expect(readFileSync(host.path(name), 'utf8')).not.toBe('written')
    }
  })

  test('is used again without a walk, and no longer than a second', async () => {
    using host = aHost(files)
    let nowMs = 0
    const volume = counting()
    const provider = filesystemOn(volume, { now: () => 0, monotonicMs: () => nowMs })
    expect(await read(host, provider, '/w/dir/sub/b.txt')).toEqual(reading('mine'))
    const { steps } = volume
    for (nowMs = 0; nowMs < limits.keptOpenMs; nowMs += 100) {
      expect(await read(host, provider, '/w/dir/sub/b.txt')).toEqual(reading('mine'))
    }
    expect(volume.steps).toBe(steps)
    expect(await read(host, provider, '/w/dir/sub/b.txt')).toEqual(reading('mine'))
    expect(volume.steps).toBe(2 * steps)
    await provider.close?.()
  })

  test('is walked to again when its mode changes, so that the system is asked for leave', async () => {
    using host = aHost(files)
    const volume = counting()
    const provider = filesystemOn(volume)
    await read(host, provider, '/w/a.txt')
    chmodSync(host.path('w/a.txt'), 0)
    await read(host, provider, '/w/a.txt')
    expect(volume.steps).toBe(2)
    await provider.close?.()
  })

  test.each([
    ['whose volume answers from a server', { kindOf: () => 'other' as const }],
    ['that no descriptor holds', { isPinned: false }],
  ])('%s is opened anew each time', async (_, change) => {
    using host = aHost(files)
    const volume = counting(change)
    const provider = filesystemOn(volume)
    for (let round = 1; round <= 3; round++) {
      expect(await read(host, provider, '/w/a.txt')).toEqual(reading('mine'))
      expect(volume.steps).toBe(round)
    }
  })

  test('on the word of one kernel is not read on the word of another', async () => {
    using host = aHost(files)
    const provider = filesystem()
    expect(await read(host, provider, '/w/dir/sub/b.txt')).toEqual(reading('mine'))
    const protection = protect([host.path('w/dir/sub')])
    expect(await read(host, provider, '/w/dir/sub/b.txt', { protection })).toMatchObject({ refused: 'self_protected' })
    await provider.close?.()
  })

  test.each(['coversPath', 'coversIdentity'])('that is Kestrel’s own by now, as %s says, is refused', async (says) => {
    using host = aHost(files)
    const provider = filesystem()
    let isOwn = false
    const protection = { coversPath: () => false, coversIdentity: () => false, [says]: () => isOwn }
    expect(await read(host, provider, '/w/a.txt', { protection })).toEqual(reading('mine'))
    isOwn = true
    expect(await read(host, provider, '/w/a.txt', { protection })).toMatchObject({ refused: 'self_protected' })
    await provider.close?.()
  })

  test('under another mount is judged by that one: a link on its way is not followed', async () => {
    using host = aHost(files)
    symlinkSync(host.path('w/dir'), host.path('w/link'))
    const provider = filesystem()
    const mounts = new Map([['/w', host.path('w/link')]])
    expect(await read(host, provider, '/w/sub/b.txt', { mounts })).toEqual(reading('mine'))
    expect(await read(host, provider, '/w/link/sub/b.txt')).toMatchObject({ refused: 'unsafe_file' })
    expect(await read(host, provider, '/w/sub/b.txt', { mounts })).toEqual(reading('mine'))
    await provider.close?.()
  })
})

describe('a path swapped while an open file is judged', () => {
  guards('GATE-02')

  test('is not read where the file has left the mount, whatever the name shows meanwhile', async () => {
    using host = aHost({ 'w/dir/b.txt': 'mine' })
    mkdirSync(host.path('outside'))
    let isRacing = false
    const volume = counting({
      // The name leads through a link to the file that left, just while it is looked at.
      facts: (path) => {
        if (!isRacing) return hostVolume().facts(path)
        renameSync(host.path('w/dir'), host.path('w/other'))
        symlinkSync(host.path('outside'), host.path('w/dir'))
        const facts = hostVolume().facts(path)
        rmSync(host.path('w/dir'))
        renameSync(host.path('w/other'), host.path('w/dir'))
        return facts
      },
    })
    const provider = filesystemOn(volume)
    expect(await read(host, provider, '/w/dir/b.txt')).toEqual(reading('mine'))
    linkSync(host.path('w/dir/b.txt'), host.path('keep'))
    rmSync(host.path('keep'))
    expect(await read(host, provider, '/w/dir/b.txt')).toEqual(reading('mine'))
    renameSync(host.path('w/dir/b.txt'), host.path('outside/b.txt'))
    // A move within the grain of the clock leaves no trace in the facts.
    const { facts } = volume
    const before = facts(host.path('outside/b.txt'))
    isRacing = true
    expect(before).toBeDefined()
    expect(await read(host, provider, '/w/dir/b.txt')).toMatchObject(failing('not_found'))
    await provider.close?.()
  })
})

describe('open files', () => {
  afterEach(() => vi.useRealTimers())
  const count = (): number => readdirSync('/proc/self/fd').length

  test('are few, and let go by themselves', async () => {
    const before = count()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    using host = aHost(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`w/f${i}`, 'x'])))
    const provider = filesystem()
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 300; i++) await read(host, provider, `/w/f${i}`)
    }
    expect(count() - before).toBeLessThanOrEqual(limits.keptFiles + 1)
    expect(count() - before).toBeGreaterThan(100)
    vi.advanceTimersByTime(2 * limits.keptOpenMs)
    expect(count()).toBe(before)
    expect(await read(host, provider, '/w/f1')).toEqual(reading('x'))
    await provider.close?.()
    expect(count()).toBe(before)
    expect(await read(host, provider, '/w/f1')).toEqual(reading('x'))
    await provider.close?.()
  })

  test('a write that still waits keeps its mount open when the provider closes', async () => {
    using host = aHost()
    const synced = Promise.withResolvers<void>()
    const provider = filesystemOn(counting({ sync: () => synced.promise }))
    const pending = provider.actions['fs.write']?.perform(
      host.call('fs.write', '/w/a/b', { content: 'x', parents: true }),
    )
    await provider.close?.()
    for (let i = 0; i < 20; i++) await host.act('fs.read', '/w')
    synced.resolve()
    expect(await pending).toMatchObject({ effect: 'done' })
    expect(await host.act('fs.read', '/w/a/b')).toEqual(reading('x'))
  })
})
