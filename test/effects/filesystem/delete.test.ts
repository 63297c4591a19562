import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { limits } from '../../../src/base/limits.ts'
import type { Call, Provider } from '../../../src/effects/providers/index.ts'
import { filesystemOn } from '../../../src/effects/providers/filesystem/filesystem.ts'
import { hostVolume, type Volume } from '../../../src/effects/providers/filesystem/volume.ts'
import { guards } from '../../guards.ts'
import { aHost, canary, failing, type Host } from '../a-host.ts'
import { inNamespace, mayUnshare, needsNamespaces, withoutRights } from '../elsewhere.ts'

const deleted = (count: number): object => ({ effect: 'done', result: { deleted: count } })
const recursive = { recursive: true }
const on = (changes: Partial<Volume>): Provider => filesystemOn({ ...hostVolume(), ...changes })
const everything = (host: Host, folder = ''): string[] =>
  readdirSync(host.path(folder), { withFileTypes: true })
    .flatMap((entry) => {
      const name = join(folder, entry.name)
      return entry.isDirectory() ? [name, ...everything(host, name)] : [name]
    })
    .toSorted()

/** A policy that denies what ends with one of `names`. */
const denying =
  (...names: readonly string[]): Call['judge'] =>
  (resource) =>
    names.some((name) => resource.endsWith(name))
      ? { refused: 'denied_by_rule', message: 'a deny rule forbids it' }
      : { network: 'public' }

describe('fs.delete', () => {
  guards('GATE-02', 'GATE-13')

  test('removes a file, an empty folder, and a tree only when asked', async () => {
    using host = aHost({ 'w/a': 'x', 'w/t/b': 'x', 'w/t/u/c': 'x', 'w/t/u/v/d': 'x' })
    mkdirSync(host.path('w/empty'))
    expect(await host.act('fs.delete', '/w/a')).toEqual(deleted(1))
    expect(await host.act('fs.delete', '/w/a')).toMatchObject(failing('not_found'))
    expect(await host.act('fs.delete', '/w/empty')).toEqual(deleted(1))
    expect(await host.foresee('fs.delete', '/w/t')).toMatchObject(failing('not_empty'))
    expect(await host.act('fs.delete', '/w/t')).toMatchObject(failing('not_empty'))
    expect(await host.foresee('fs.delete', '/w/t', recursive)).toBeUndefined()
    expect(existsSync(host.path('w/t/u/v/d'))).toBe(true)
    expect(await host.act('fs.delete', '/w/t', recursive)).toEqual(deleted(6))
    expect(everything(host)).toEqual(['w'])
  })

  test('removes links in a tree as links, and a hard link as one name', async () => {
    using host = aHost({ 'w/t/a': 'x', 'outside/secret': canary, 'w/b': 'x' })
    symlinkSync(host.path('outside'), host.path('w/t/out'))
    symlinkSync(host.path('outside/secret'), host.path('w/t/file'))
    symlinkSync('nowhere', host.path('w/t/dangling'))
    linkSync(host.path('outside/secret'), host.path('w/t/hard'))
    expect(await host.act('fs.delete', '/w/t', recursive)).toEqual(deleted(6))
    expect(everything(host)).toEqual(['outside', 'outside/secret', 'w', 'w/b'])
    expect(readFileSync(host.path('outside/secret'), 'utf8')).toBe(canary)
  })

  test('refuses a link, a mount, what lies outside and what is not there', async () => {
    using host = aHost({ 'w/a': 'x', 'outside/secret': canary })
    symlinkSync(host.path('outside'), host.path('w/out'))
    symlinkSync('a', host.path('w/in'))
    execFileSync('mkfifo', [host.path('w/fifo')])
    const endings = [
      ['/w', failing('is_mount')],
      ['/w/out', { refused: 'outside_mount' }],
      ['/w/out/secret', { refused: 'outside_mount' }],
      ['/w/in', { refused: 'unsafe_file' }],
      ['/w/fifo', { refused: 'unsafe_file' }],
      ['/elsewhere', { refused: 'outside_mount' }],
      ['/w/a/b', failing('not_directory')],
      ['/w/none', failing('not_found')],
    ] as const
    for (const [path, ending] of endings) {
      expect(await host.foresee('fs.delete', path, recursive)).toMatchObject(ending)
      expect(await host.act('fs.delete', path, recursive)).toMatchObject(ending)
    }
    expect(everything(host)).toEqual(['outside', 'outside/secret', 'w', 'w/a', 'w/fifo', 'w/in', 'w/out'])
    expect(await host.act('fs.delete', '/w/a', { force: true })).toHaveProperty('invalid')
  })

  test('asks the policy about each name in a tree before anything goes', async () => {
    using host = aHost({ 'w/t/a': 'x', 'w/t/u/.env': canary, 'w/t/z': 'x' })
    const judge = denying('/.env')
    const before = everything(host)
    const answer = await host.act('fs.delete', '/w/t', recursive, { judge })
    expect(answer).toMatchObject({
      refused: 'denied_by_rule',
      message: '`/w/t/u/.env`: a deny rule forbids it',
    })
    expect(everything(host)).toEqual(before)
    const asked: string[] = []
    await host.act('fs.delete', '/w/t', recursive, { judge: (path) => (asked.push(path), { network: 'public' }) })
    expect(asked.toSorted()).toEqual(['/w/t/a', '/w/t/u', '/w/t/u/.env', '/w/t/z'])
  })

  test('refuses a tree that holds what is Kestrel’s own, by place and by identity', async () => {
    using host = aHost(
      { 'w/t/a': '', 'w/t/.kestrel/state.db': canary, 'w/u/a': '', 'own/key': canary },
      {
        own: ['w/t/.kestrel', 'own'],
      },
    )
    mkdirSync(host.path('w/u/deep'))
    linkSync(host.path('own/key'), host.path('w/u/deep/harmless'))
    const before = everything(host)
    for (const path of ['/w/t', '/w/t/.kestrel', '/w/u', '/w/u/deep/harmless']) {
      expect(await host.foresee('fs.delete', path, recursive)).toMatchObject({ refused: 'self_protected' })
      expect(await host.act('fs.delete', path, recursive)).toMatchObject({ refused: 'self_protected' })
    }
    expect(everything(host)).toEqual(before)
  })

  test('refuses a tree with a FIFO, a mount of the policy, or a folder that a mount hides', async () => {
    using host = aHost({ 'w/f/a': 'x', 'w/m/data/a': 'x', 'w/h/sub/a': 'x', 'other/a': 'x' })
    execFileSync('mkfifo', [host.path('w/f/fifo')])
    const mounts = new Map([
      ['/w', host.path('w')],
      ['/data', host.path('w/m/data')],
      ['/w/h/sub', host.path('other')],
    ])
    const before = everything(host)
    const endings = [
      ['/w/f', { refused: 'unsafe_file' }],
      ['/w/m', failing('is_mount')],
      ['/w/m/data', failing('is_mount')],
      ['/data', failing('is_mount')],
      ['/w/h', failing('is_mount')],
      ['/w/h/sub', failing('is_mount')],
    ] as const
    for (const [path, ending] of endings) {
      expect(await host.act('fs.delete', path, recursive, { mounts })).toMatchObject(ending)
    }
    expect(everything(host)).toEqual(before)
  })

  test('refuses a name that is not UTF-8', async () => {
    using host = aHost({ 'w/t/a': 'x' })
    writeFileSync(Buffer.concat([Buffer.from(host.path('w/t/')), Buffer.from([0xff, 0x41])]), 'x')
    expect(await host.act('fs.delete', '/w/t', recursive)).toMatchObject({ refused: 'unsafe_file' })
    expect(readdirSync(host.path('w/t'))).toHaveLength(2)
  })

  test('a tree that is too deep or too large is left as it is', async () => {
    using host = aHost()
    const deep = `/w${'/d'.repeat(limits.treeDepth + 2)}`
    await host.act('fs.mkdir', deep, { parents: true })
    expect(await host.act('fs.delete', '/w/d', recursive)).toMatchObject(failing('too_large'))
    expect(existsSync(host.path(deep.slice(1)))).toBe(true)
    expect(await host.act('fs.delete', '/w/d/d', recursive)).toMatchObject(deleted(limits.treeDepth + 1))
    mkdirSync(host.path('w/many'))
    const entries: Volume['entries'] = function* (folder) {
      const [first] = hostVolume().entries(folder)
      for (let i = 0; first !== undefined && i <= limits.treeEntries; i++) yield first
    }
    writeFileSync(host.path('w/many/a'), '')
    const { perform } = on({ entries }).actions['fs.delete']!
    expect(await perform(host.call('fs.delete', '/w/many', recursive))).toMatchObject(failing('too_large'))
    expect(existsSync(host.path('w/many/a'))).toBe(true)
  })

  test('cancelled before or during the look, it changes nothing', async () => {
    using host = aHost()
    mkdirSync(host.path('w/t'))
    for (let i = 0; i < 1000; i++) writeFileSync(host.path(`w/t/${i}`), '')
    const signal = AbortSignal.abort()
    expect(await host.act('fs.delete', '/w/t', recursive, { signal })).toMatchObject(failing('cancelled'))
    const cancel = new AbortController()
    const pending = host.act('fs.delete', '/w/t', recursive, { signal: cancel.signal })
    cancel.abort()
    expect(await pending).toMatchObject(failing('cancelled'))
    expect(readdirSync(host.path('w/t'))).toHaveLength(1000)
  })
})

describe('a tree that another process changes while it is deleted', () => {
  guards('GATE-02')

  /** A host on which `change` happens once, right after the name was taken away. */
  function changing(change: (host: Host, aside: string) => void): Host {
    const volume = hostVolume()
    let isDone = false
    const host: Host = aHost(
      { 'w/t/a': 'x', 'w/t/u/b': 'x', 'w/t/u/c': 'x', 'w/t/z': 'x', 'outside/t/secret': canary, 'w/other': 'mine' },
      {
        provider: on({
          look: (folder, name) => {
            if (!isDone && name.startsWith('.kestrel-')) {
              isDone = true
              change(host, name)
            }
            return volume.look(folder, name)
          },
        }),
      },
    )
    return host
  }

  test('something that comes meanwhile stays, and the rest gets its name back', async () => {
    using host = changing((it, aside) => writeFileSync(it.path(`w/${aside}/u/new`), 'theirs'))
    const answer = await host.act('fs.delete', '/w/t', recursive)
    expect(answer).toMatchObject({
      effect: 'uncertain',
      error: { message: expect.stringContaining('the rest') as string },
    })
    expect(readFileSync(host.path('w/t/u/new'), 'utf8')).toBe('theirs')
    expect(readdirSync(host.path('w')).toSorted()).toEqual(['other', 't'])
  })

  test('a folder swapped for a link, or for one from outside, is not entered', async () => {
    for (const outside of ['link', 'folder']) {
      using host = changing((it, aside) => {
        renameSync(it.path(`w/${aside}/u`), it.path('w/u'))
        if (outside === 'link') symlinkSync(it.path('outside/t'), it.path(`w/${aside}/u`))
        else renameSync(it.path('outside/t'), it.path(`w/${aside}/u`))
      })
      expect(await host.act('fs.delete', '/w/t', recursive)).toMatchObject({ effect: 'uncertain' })
      expect(readFileSync(host.path('w/t/u/secret'), 'utf8')).toBe(canary)
      expect(readdirSync(host.path('w/u')).toSorted()).toEqual(['b', 'c'])
    }
  })

  test('an empty folder swapped for another is not removed in its stead', async () => {
    using host = changing((it, aside) => {
      renameSync(it.path(`w/${aside}/empty`), it.path('w/empty'))
      mkdirSync(it.path('theirs'))
      renameSync(it.path('theirs'), it.path(`w/${aside}/empty`))
    })
    mkdirSync(host.path('w/t/empty'))
    // Whether anything went before is for the order in which the volume names them.
    const answer = await host.act('fs.delete', '/w/t', recursive)
    expect(answer).toMatchObject({ effect: expect.stringMatching(/^(?:uncertain|none)$/) as string })
    expect(readdirSync(host.path('w/t'))).toContain('empty')
  })

  test('a folder moved out of the mount is not emptied there', async () => {
    const volume = hostVolume()
    let isMoved = false
    using host = aHost(
      { 'w/t/u/b': 'x', 'w/t/u/c': 'x', 'outside/x': '' },
      {
        provider: on({
          look: (folder, name) => {
            const facts = volume.look(folder, name)
            if (!isMoved && folder.path.includes('.kestrel-') && name === 'b') {
              isMoved = true
              renameSync(folder.path, host.path('outside/u'))
            }
            return facts
          },
        }),
      },
    )
    expect(await host.act('fs.delete', '/w/t', recursive)).toMatchObject({ effect: 'uncertain' })
    expect(isMoved).toBe(true)
    expect(readdirSync(host.path('outside/u'))).toContain('c')
  })

  test('what was swapped for another before its name was taken stays', async () => {
    const volume = hostVolume()
    using host = aHost(
      { 'w/a': 'old', 'w/d/x': 'old', 'w/theirs': 'theirs' },
      {
        provider: on({
          whereabouts: (spot) => volume.whereabouts(spot),
          open: (spot, flags) => {
            // the folder is opened right before the effect
            if (existsSync(host.path('w/theirs'))) renameSync(host.path('w/theirs'), host.path('w/a'))
            return volume.open(spot, flags)
          },
        }),
      },
    )
    const answer = await host.act('fs.delete', '/w/a')
    expect(answer).toMatchObject({ effect: 'none', error: { code: 'conflict', retryable: true } })
    expect(readFileSync(host.path('w/a'), 'utf8')).toBe('theirs')
    expect(readdirSync(host.path('w')).toSorted()).toEqual(['a', 'd'])
  })

  test('a stranger whose name is taken too is not overwritten, and the answer says where it is', async () => {
    const volume = hostVolume()
    using host = aHost(
      { 'w/a': 'old', 'w/theirs': 'theirs' },
      {
        provider: on({
          open: (spot, flags) => {
            renameSync(host.path('w/theirs'), host.path('w/a'))
            return volume.open(spot, flags)
          },
          look: (folder, name) => {
            if (name.startsWith('.kestrel-')) writeFileSync(host.path('w/a'), 'another')
            return volume.look(folder, name)
          },
        }),
      },
    )
    const answer = await host.act('fs.delete', '/w/a')
    expect(answer).toMatchObject({
      effect: 'uncertain',
      error: { message: expect.stringMatching(/`\/w\/\.kestrel-/) as string },
    })
    expect(readFileSync(host.path('w/a'), 'utf8')).toBe('another')
    const aside = readdirSync(host.path('w')).find((name) => name.startsWith('.kestrel-')) as string
    expect(readFileSync(host.path(`w/${aside}`), 'utf8')).toBe('theirs')
  })

  test('a name that appears between the look and the effect stops it before anything goes', async () => {
    const volume = hostVolume()
    using host = aHost(
      { 'w/t/a': 'x' },
      {
        provider: on({
          open: (spot, flags) => {
            writeFileSync(host.path('w/t/.env'), canary)
            return volume.open(spot, flags)
          },
        }),
      },
    )
    expect(await host.act('fs.delete', '/w/t', recursive)).toMatchObject({
      effect: 'none',
      error: { code: 'conflict' },
    })
    expect(readdirSync(host.path('w/t')).toSorted()).toEqual(['.env', 'a'])
  })

  test('cancelled half-way, it stops and says what remains', async () => {
    using host = aHost()
    mkdirSync(host.path('w/t'))
    for (let i = 0; i < 1000; i++) writeFileSync(host.path(`w/t/${i}`), '')
    const cancel = new AbortController()
    const volume = hostVolume()
    const { perform } = on({
      look: (folder, name) => {
        if (name === '5') cancel.abort()
        return volume.look(folder, name)
      },
    }).actions['fs.delete']!
    const answer = await perform({ ...host.call('fs.delete', '/w/t', recursive), signal: cancel.signal })
    const left = readdirSync(host.path('w/t')).length
    expect(left).toBeGreaterThan(0)
    expect(answer).toMatchObject({
      effect: 'uncertain',
      error: { message: expect.stringContaining(`${1000 - left} of 1001`) as string },
    })
    expect(await host.act('fs.delete', '/w/t', recursive)).toEqual(deleted(left + 1))
  })

  test('is uncertain when the disk does not confirm it', async () => {
    const sync = (): Promise<void> => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
    using host = aHost({ 'w/a': '' }, { provider: on({ sync }) })
    expect(await host.act('fs.delete', '/w/a')).toMatchObject({ effect: 'uncertain', error: { code: 'io_error' } })
    expect(readdirSync(host.path('w'))).toEqual([])
  })
})

describe('what is mounted in a tree', () => {
  guards('GATE-02')

  test('keeps the tree from being deleted or moved: a folder of the same volume, a file, another volume', (context) => {
    context.skip(!mayUnshare(), needsNamespaces)
    using host = aHost({ 'w/a/in/x': '', 'w/b/file': 'x', 'w/c/in/x': '', 'outside/secret': canary })
    mkdirSync(host.path('w/to'))
    const acts = ['a', 'b', 'c', 'a/in', 'b/file', 'c/in'].flatMap(
      (name) =>
        [
          ['fs.delete', `/w/${name}`, recursive],
          ['fs.move', `/w/${name}`, { to: '/w/to/x' }],
        ] as const,
    )
    const answers = inNamespace({
      folder: host.path('w'),
      before: [
        ['mount', '--bind', host.path('outside'), host.path('w/a/in')],
        ['mount', '--bind', host.path('outside/secret'), host.path('w/b/file')],
        ['mount', '-t', 'tmpfs', 'none', host.path('w/c/in')],
      ],
      acts: [
        ...acts,
        ['fs.move', '/w/b', { to: '/w/c/in/b' }],
        ['fs.move', '/w/a/in/secret', { to: '/w/s' }],
        ['fs.read', '/w/a/in/secret'],
      ],
    })
    for (const answer of answers.slice(0, acts.length)) expect(answer).toMatchObject(failing('is_mount'))
    expect(answers.slice(acts.length)).toMatchObject([
      failing('cross_device'),
      failing('cross_device'),
      { result: { content: canary } },
    ])
    expect(readFileSync(host.path('outside/secret'), 'utf8')).toBe(canary)
  })
})

describe('a user without rights', () => {
  test('deletes no part of a tree of which a part is not theirs to delete', () => {
    using host = aHost({ 'w/t/a': 'x', 'w/t/closed/b': 'x', 'w/shut/a': 'x', 'w/closed/a': 'x', 'w/mine/a': 'x' })
    const open = ['w', 'w/t', 'w/mine']
    for (const name of open) chmodSync(host.path(name), 0o777)
    chmodSync(dirname(host.path('w')), 0o755)
    for (const name of ['w/t/closed', 'w/closed']) chmodSync(host.path(name), 0o555)
    chmodSync(host.path('w/shut'), 0)
    const answers = withoutRights({
      folder: host.path('w'),
      acts: [
        ['fs.delete', '/w/t', recursive],
        ['fs.delete', '/w/shut', recursive],
        ['fs.delete', '/w/closed/a'],
        ['fs.delete', '/w/mine', recursive],
      ],
    })
    for (const name of ['w/t/closed', 'w/closed', 'w/shut']) chmodSync(host.path(name), 0o755)
    const denied = failing('permission_denied')
    expect(answers).toMatchObject([denied, denied, denied, deleted(2)])
    expect(readdirSync(host.path('w/t')).toSorted()).toEqual(['a', 'closed'])
    unlinkSync(host.path('w/shut/a'))
  })
})
