import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/base/json.ts'
import { filesystem, type Answer, type Call, type Provider } from '../../../src/effects/providers/index.ts'
import { filesystemOn } from '../../../src/effects/providers/filesystem/filesystem.ts'
import { hostVolume, type Spot, type Volume } from '../../../src/effects/providers/filesystem/volume.ts'
import { guards } from '../../guards.ts'
import { aHost, canary, failing, type Host } from '../a-host.ts'
import { aWorld } from '../../world.ts'
import { withoutRights } from '../elsewhere.ts'

const moved = { effect: 'done', result: { overwritten: false } }
const overwrite = { overwrite: true }
const on = (changes: Partial<Volume>): Provider => filesystemOn({ ...hostVolume(), ...changes })
const names = (host: Host, folder = 'w'): string[] => readdirSync(host.path(folder)).toSorted()
const text = (host: Host, name: string): string => readFileSync(host.path(name), 'utf8')

function move(
  host: Host,
  from: string,
  to: string,
  params: JsonObject = {},
  changes: Partial<Call> = {},
): Promise<unknown> {
  return host.act('fs.move', from, { to, ...params }, changes)
}

/** How it ends and how a dry run says that it would, which must be the same. */
async function both(host: Host, from: string, to: string, params: JsonObject = {}): Promise<unknown> {
  const foreseen = await host.foresee('fs.move', from, { to, ...params })
  const answer = await move(host, from, to, params)
  expect(foreseen).toEqual(answer)
  return answer
}

describe('fs.move', () => {
  guards('GATE-02', 'GATE-13', 'GATE-15')

  test('gives a file another name, and it stays the same file', async () => {
    using host = aHost({ 'w/a': 'mine', 'w/d/x': '' })
    const { ino } = statSync(host.path('w/a'))
    expect(await host.foresee('fs.move', '/w/a', { to: '/w/d/b' })).toBeUndefined()
    expect(await move(host, '/w/a', '/w//d/./b')).toEqual(moved)
    expect(statSync(host.path('w/d/b'))).toMatchObject({ ino, nlink: 1 })
    expect([names(host), names(host, 'w/d')]).toEqual([['d'], ['b', 'x']])
  })

  test('takes a folder along with all it holds, links as they are', async () => {
    using host = aHost({ 'w/t/a': 'mine', 'w/t/u/b': 'mine', 'w/d/x': '', 'outside/secret': canary })
    symlinkSync(host.path('outside'), host.path('w/t/out'))
    expect(await host.foresee('fs.move', '/w/t', { to: '/w/d/t' })).toBeUndefined()
    expect(await move(host, '/w/t', '/w/d/t')).toEqual(moved)
    expect([names(host), names(host, 'w/d'), names(host, 'w/d/t')]).toEqual([['d'], ['t', 'x'], ['a', 'out', 'u']])
    expect(readlinkSync(host.path('w/d/t/out'))).toBe(host.path('outside'))
  })

  test('replaces a file by a file when asked, and nothing else ever', async () => {
    using host = aHost({ 'w/a': 'new', 'w/b': 'old', 'w/t/x': '', 'w/full/x': '' })
    mkdirSync(host.path('w/empty'))
    expect(await both(host, '/w/a', '/w/b')).toMatchObject(failing('already_exists'))
    for (const to of ['/w/empty', '/w/full']) {
      for (const from of ['/w/a', '/w/t']) {
        expect(await both(host, from, to)).toMatchObject(failing('already_exists'))
        expect(await both(host, from, to, overwrite)).toMatchObject(failing('already_exists'))
      }
    }
    expect(await both(host, '/w/t', '/w/b', overwrite)).toMatchObject(failing('already_exists'))
    expect(text(host, 'w/b')).toBe('old')
    expect(await move(host, '/w/a', '/w/b', overwrite)).toEqual({ effect: 'done', result: { overwritten: true } })
    expect(text(host, 'w/b')).toBe('new')
    expect(await move(host, '/w/b', '/w/c', overwrite)).toEqual(moved)
    expect(names(host)).toEqual(['c', 'empty', 'full', 't'])
  })

  test('refuses a link at either end, a FIFO, a mount, what is outside, missing or its own', async () => {
    using host = aHost(
      { 'w/a': 'x', 'w/d/x': '', 'outside/secret': canary, 'own/key': canary },
      { own: ['own', 'w/.kestrel'] },
    )
    symlinkSync(host.path('outside'), host.path('w/out'))
    symlinkSync(host.path('outside/new'), host.path('w/dangling'))
    linkSync(host.path('own/key'), host.path('w/key'))
    execFileSync('mkfifo', [host.path('w/fifo')])
    const before = names(host)
    const endings = [
      ['/w/out', '/w/b', { refused: 'outside_mount' }],
      ['/w/out/secret', '/w/b', { refused: 'outside_mount' }],
      ['/w/a', '/w/out/b', { refused: 'outside_mount' }],
      ['/w/a', '/w/out', { refused: 'outside_mount' }],
      ['/w/a', '/w/dangling', { refused: 'outside_mount' }],
      ['/w/a', '/elsewhere/b', { refused: 'outside_mount' }],
      ['/w/fifo', '/w/b', { refused: 'unsafe_file' }],
      ['/w/a', '/w/fifo', { refused: 'unsafe_file' }],
      ['/w/key', '/w/b', { refused: 'self_protected' }],
      ['/w/a', '/w/key', { refused: 'self_protected' }],
      ['/w/a', '/w/.kestrel/wal', { refused: 'self_protected' }],
      ['/w/a', '/w/.kestrel', { refused: 'self_protected' }],
      ['/w/d', '/w/.kestrel', { refused: 'self_protected' }],
      ['/w', '/w/b', failing('into_itself')],
      ['/w', '/v', failing('is_mount')],
      ['/w/a', '/w', failing('is_mount')],
      ['/w/none', '/w/b', failing('not_found')],
      ['/w/a', '/w/none/b', failing('parent_missing')],
      ['/w/a', '/w/d/x/b', failing('not_directory')],
      ['/w/a', '/w/a', failing('same_file')],
      ['/w/d', '/w/d/e', failing('into_itself')],
    ] as const
    for (const [from, to, ending] of endings) {
      for (const params of [{}, overwrite]) expect(await both(host, from, to, params)).toMatchObject(ending)
    }
    expect(names(host)).toEqual(before)
    expect(names(host, 'outside')).toEqual(['secret'])
    for (const name of ['outside/secret', 'own/key']) expect(text(host, name)).toBe(canary)
  })

  test('the policy is told of the other path, in its one spelling', () => {
    const { otherResources, checkParams } = filesystem().actions['fs.move']!
    expect(otherResources?.({ to: '/w/../w//.env/' })).toEqual([{ canonical: '/w/.env' }])
    expect(otherResources?.({ to: 'b' })).toEqual([{ problem: '`to`: the path must be absolute: begin it with `/`' }])
    expect(checkParams?.({})).toContain('`to` is missing')
    expect(checkParams?.({ to: 1 })).toContain('`to` must be a string')
    expect(checkParams?.({ to: '/w/b', parents: true })).toContain('not a param')
  })

  test('the policy judges each name in a folder at both paths before anything is moved', async () => {
    using host = aHost({ 'w/t/a': 'x', 'w/t/u/.env': canary, 'w/d/x': '' })
    const denied =
      (resource: string): Call['judge'] =>
      (asked) =>
        asked === resource ? { refused: 'denied_by_rule', message: 'a deny rule forbids it' } : { network: 'public' }
    for (const path of ['/w/t/u/.env', '/w/d/t/u/.env', '/w/t/a', '/w/d/t/u']) {
      expect(await move(host, '/w/t', '/w/d/t', {}, { judge: denied(path) })).toMatchObject({
        refused: 'denied_by_rule',
        message: `\`${path}\`: a deny rule forbids it`,
      })
    }
    expect([names(host), names(host, 'w/d')]).toEqual([['d', 't'], ['x']])
  })

  test('a folder that holds what is Kestrel’s own, or would put something there, stays', async () => {
    using host = aHost(
      { 'w/t/.kestrel/db': canary, 'w/x/own': 'x', 'own/key': canary, 'w/u/a': '' },
      {
        own: ['w/t/.kestrel', 'w/conf/own', 'own'],
      },
    )
    linkSync(host.path('own/key'), host.path('w/u/harmless'))
    for (const [from, to] of [
      ['/w/t', '/w/s'],
      ['/w/u', '/w/s'],
      ['/w/x', '/w/conf'],
    ] as const) {
      expect(await both(host, from, to)).toMatchObject({ refused: 'self_protected' })
    }
    expect(names(host)).toEqual(['t', 'u', 'x'])
  })

  test('two links to one file are not taken for two files', async () => {
    using host = aHost({ 'w/a': 'mine' })
    linkSync(host.path('w/a'), host.path('w/b'))
    for (const params of [{}, overwrite]) {
      expect(await both(host, '/w/a', '/w/b', params)).toMatchObject(failing('same_file'))
    }
    expect(names(host)).toEqual(['a', 'b'])
  })

  test('between mounts it works on one volume, and never into itself by another way', async () => {
    using host = aHost({ 'w/a': 'mine', 'w/t/u/x': '', 'v/x': '' })
    const mounts = new Map([
      ['/w', host.path('w')],
      ['/v', host.path('v')],
      ['/u', host.path('w/t/u')],
    ])
    expect(await move(host, '/w/a', '/v/a', {}, { mounts })).toEqual(moved)
    expect(await move(host, '/v', '/w/v', {}, { mounts })).toMatchObject(failing('is_mount'))
    expect(await move(host, '/w/t', '/u/t', {}, { mounts })).toMatchObject(failing('is_mount'))
    const same = new Map([
      ['/w', host.path('w')],
      ['/again', host.path('w')],
    ])
    expect(await move(host, '/w/t', '/again/t/t', {}, { mounts: same })).toMatchObject(failing('into_itself'))
    const call = { ...host.call('fs.move', '/w/t', { to: '/again/t/t' }), mounts: same }
    expect(await filesystem().actions['fs.move']?.foresee?.(call)).toMatchObject(failing('into_itself'))
    expect(await move(host, '/w/t', '/again/t/u/t', {}, { mounts: same })).toMatchObject(failing('into_itself'))
    expect(await move(host, '/w/t', '/again/t', {}, { mounts: same })).toMatchObject(failing('same_file'))
  })

  test('to another volume nothing happens', async (context) => {
    const isThere = existsSync('/dev/shm') && statSync('/dev/shm').dev !== statSync(tmpdir()).dev
    context.skip(!isThere, 'needs a second volume: `/dev/shm` on Linux')
    using host = aHost({ 'w/a': 'mine', 'w/t/x': '' })
    const mounts = new Map([
      ['/w', host.path('w')],
      ['/shm', '/dev/shm'],
    ])
    for (const from of ['/w/a', '/w/t']) {
      expect(await move(host, from, '/shm/kestrel-move', {}, { mounts })).toMatchObject(failing('cross_device'))
    }
    expect(existsSync('/dev/shm/kestrel-move')).toBe(false)
  })

  test('a folder with a mount in it, and one with a name that is not UTF-8, stay', async () => {
    using host = aHost({ 'w/t/data/x': '', 'w/s/x': '' })
    const mounts = new Map([
      ['/w', host.path('w')],
      ['/data', host.path('w/t/data')],
    ])
    expect(await move(host, '/w/t', '/w/u', {}, { mounts })).toMatchObject(failing('is_mount'))
    writeFileSync(Buffer.concat([Buffer.from(host.path('w/s/')), Buffer.from([0xff, 0x41])]), 'x')
    expect(await move(host, '/w/s', '/w/u')).toMatchObject({ refused: 'unsafe_file' })
    expect(names(host)).toEqual(['s', 't'])
  })

  test('cancelled, it moves nothing', async () => {
    using host = aHost({ 'w/a': 'mine', 'w/t/x': '' })
    for (const from of ['/w/a', '/w/t']) {
      expect(await move(host, from, '/w/b', {}, { signal: AbortSignal.abort() })).toMatchObject(failing('cancelled'))
    }
    expect(names(host)).toEqual(['a', 't'])
  })

  test('is uncertain when the disk does not confirm it', async () => {
    const sync = (): Promise<void> => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
    using host = aHost({ 'w/a': '' }, { provider: on({ sync }) })
    expect(await move(host, '/w/a', '/w/b')).toMatchObject({ effect: 'uncertain', error: { code: 'io_error' } })
    expect(names(host)).toEqual(['b'])
  })

  test('without rights in either folder, or over a read-only file, nothing happens', () => {
    using host = aHost({ 'w/closed/a': 'x', 'w/open/a': 'x', 'w/open/fixed': 'old', 'w/open/t/x': '' })
    for (const name of ['w', 'w/open', 'w/open/t']) chmodSync(host.path(name), 0o777)
    chmodSync(host.root, 0o755)
    chmodSync(host.path('w/closed'), 0o555)
    chmodSync(host.path('w/open/fixed'), 0o444)
    const answers = withoutRights({
      folder: host.path('w'),
      acts: [
        ['fs.move', '/w/closed/a', { to: '/w/open/b' }],
        ['fs.move', '/w/open/a', { to: '/w/closed/b' }],
        ['fs.move', '/w/open/t', { to: '/w/closed/t' }],
        ['fs.move', '/w/open/a', { to: '/w/open/fixed', overwrite: true }],
        ['fs.write', '/w/open/mine', { content: 'x' }],
        ['fs.move', '/w/open/mine', { to: '/w/open/ours' }],
        // of another user: the system allows no link to it, and a rename all the same
        ['fs.move', '/w/open/a', { to: '/w/open/b' }],
      ],
    })
    chmodSync(host.path('w/closed'), 0o755)
    const denied = failing('permission_denied')
    expect(answers).toMatchObject([denied, denied, denied, denied, {}, moved, moved])
    expect([names(host, 'w/closed'), names(host, 'w/open')]).toEqual([['a'], ['b', 'fixed', 'ours', 't']])
  })
})

describe('a move while another process is at work', () => {
  guards('GATE-02', 'GATE-15')

  /** A host on which `change` happens right before the effect, when the folders are opened. */
  function changing(files: Readonly<Record<string, string>>, change: (host: Host) => void): Host {
    const { open } = hostVolume()
    let isDone = false
    const host: Host = aHost(files, {
      provider: on({
        open: (spot, flags) => {
          if (!isDone) change(host)
          isDone = true
          return open(spot, flags)
        },
      }),
    })
    return host
  }

  test.each([{}, overwrite])('the source is swapped for a file or a link: neither is moved (%j)', async (params) => {
    for (const kind of ['file', 'link']) {
      using host = changing({ 'w/a': 'mine', 'w/b': 'old', 'outside/secret': canary }, ({ path }) => {
        renameSync(path('w/a'), path('w/kept'))
        if (kind === 'link') symlinkSync(path('outside/secret'), path('w/a'))
        else writeFileSync(path('w/a'), 'theirs')
      })
      const to = params === overwrite ? '/w/b' : '/w/c'
      expect(await move(host, '/w/a', to, params)).toMatchObject({
        effect: 'none',
        error: { code: 'conflict', retryable: true },
      })
      expect(names(host)).toEqual(['a', 'b', 'kept'])
      expect(lstatSync(host.path('w/a')).isSymbolicLink()).toBe(kind === 'link')
      expect([text(host, 'w/b'), text(host, 'w/kept')]).toEqual(['old', 'mine'])
    }
  })

  test('the target comes to exist: it is not overwritten', async () => {
    using host = changing({ 'w/a': 'mine', 'w/t/x': 'mine' }, ({ path }) => {
      writeFileSync(path('w/b'), 'theirs')
      mkdirSync(path('w/u'))
    })
    expect(await move(host, '/w/a', '/w/b')).toMatchObject(failing('already_exists'))
    expect(text(host, 'w/b')).toBe('theirs')
    using again = changing({ 'w/t/x': 'mine' }, ({ path }) => mkdirSync(path('w/u')))
    expect(await move(again, '/w/t', '/w/u')).toMatchObject(failing('already_exists'))
    expect([names(again), names(again, 'w/u')]).toEqual([['t', 'u'], []])
  })

  test('the file to be replaced is swapped for another: that one stays', async () => {
    using host = changing({ 'w/a': 'mine', 'w/b': 'old' }, ({ path }) => {
      writeFileSync(path('w/n'), 'theirs')
      renameSync(path('w/n'), path('w/b'))
    })
    expect(await move(host, '/w/a', '/w/b', overwrite)).toMatchObject(failing('conflict'))
    expect([names(host), text(host, 'w/b')]).toEqual([['a', 'b'], 'theirs'])
  })

  test('a folder is swapped for another: it gets its name back', async () => {
    using host = changing({ 'w/t/x': 'mine', 'w/theirs/secret': canary }, ({ path }) => {
      renameSync(path('w/t'), path('w/kept'))
      renameSync(path('w/theirs'), path('w/t'))
    })
    expect(await move(host, '/w/t', '/w/u')).toMatchObject(failing('conflict'))
    expect([names(host), names(host, 'w/t')]).toEqual([['kept', 't'], ['secret']])
  })

  test('a folder is swapped for another after the last look: it gets its name back', async () => {
    const { whereabouts } = hostVolume()
    let isDone = false
    using host = aHost(
      { 'w/s/t/x': 'mine', 'w/theirs/secret': canary },
      {
        provider: on({
          whereabouts: (spot) => {
            if (!isDone) {
              isDone = true
              renameSync(host.path('w/s/t'), host.path('w/kept'))
              renameSync(host.path('w/theirs'), host.path('w/s/t'))
            }
            return whereabouts(spot)
          },
        }),
      },
    )
    expect(await move(host, '/w/s/t', '/w/u')).toMatchObject(failing('conflict'))
    expect([names(host), names(host, 'w/s/t')]).toEqual([['kept', 's'], ['secret']])
  })

  test('a name comes into the folder: the policy has not judged it, so nothing is moved', async () => {
    using host = changing({ 'w/t/u/x': 'mine' }, ({ path }) => writeFileSync(path('w/t/u/.env'), canary))
    expect(await move(host, '/w/t', '/w/s')).toMatchObject(failing('conflict'))
    expect(names(host)).toEqual(['t'])
  })

  test('either folder is moved out of the mount: nothing is put there or taken from there', async () => {
    for (const gone of ['from', 'to']) {
      using host = changing({ 'w/from/a': 'mine', 'w/to/x': '', 'outside/x': '' }, ({ path }) =>
        renameSync(path(`w/${gone}`), path('outside/moved')),
      )
      expect(await move(host, '/w/from/a', '/w/to/a')).toMatchObject({ refused: 'outside_mount' })
      expect(names(host, 'outside/moved')).toEqual([gone === 'from' ? 'a' : 'x'])
    }
  })

  test('the old name is taken by a stranger in the last moment: it stays, and so does the file', async () => {
    const volume = hostVolume()
    using host = aHost(
      { 'w/a': 'mine', 'w/theirs': 'theirs' },
      {
        provider: on({
          look: (folder, name) => {
            if (name.startsWith('.kestrel-') && existsSync(host.path('w/theirs'))) {
              renameSync(host.path('w/theirs'), host.path('w/a'))
            }
            return volume.look(folder, name)
          },
        }),
      },
    )
    expect(await move(host, '/w/a', '/w/b')).toMatchObject({ effect: 'uncertain' })
    expect([text(host, 'w/a'), text(host, 'w/b'), names(host)]).toEqual(['theirs', 'mine', ['a', 'b']])
  })
})

describe('a move on a volume that folds names', () => {
  guards('GATE-14')

  function folding(fold: (name: string) => string): Volume {
    const volume = hostVolume()
    const stored = (folder: Spot, name: string): string => {
      const all = readdirSync(folder.at)
      return all.includes(name) ? name : (all.find((other) => fold(other) === fold(name)) ?? name)
    }
    return {
      ...volume,
      step: (folder, name) => volume.step(folder, stored(folder, name)),
      look: (folder, name) => volume.look(folder, stored(folder, name)),
    }
  }
  const act = async (host: Host, from: string, to: string, params = {}): Promise<Answer | undefined> =>
    (await move(host, from, to, params)) as Answer

  test('knows both ends by the name on the disk', async () => {
    using host = aHost(
      { 'w/.env': canary, 'w/a': 'mine', 'w/D/x': '' },
      { provider: on(folding((it) => it.toLowerCase())) },
    )
    expect(await act(host, '/w/.ENV', '/w/x')).toMatchObject({ refused: 'name_mismatch' })
    expect(await act(host, '/w/a', '/w/.ENV', overwrite)).toMatchObject({ refused: 'name_mismatch' })
    expect(await act(host, '/w/a', '/w/d/a')).toMatchObject({ refused: 'name_mismatch' })
    expect(await act(host, '/w/a', '/w/A')).toMatchObject(failing('same_file'))
    expect(await act(host, '/w/D', '/w/d')).toMatchObject(failing('same_file'))
    expect(await act(host, '/w/a', '/w/D/a')).toEqual(moved)
    expect(text(host, 'w/.env')).toBe(canary)
  })

  test('does not give a name that the volume would shorten', async () => {
    const fold = (name: string): string => name.toLowerCase().replace(/[. ]+$/, '')
    using host = aHost({ 'w/a': 'mine' }, { provider: on(folding(fold)) })
    for (const to of ['/w/.env.', '/w/.env '])
      expect(await act(host, '/w/a', to)).toMatchObject({ refused: 'name_mismatch' })
    expect(names(host)).toEqual(['a'])
  })
})

describe('through the gate', () => {
  guards('GATE-15')

  test('a path or a name in a folder that a rule denies is neither moved nor deleted, whichever end it is', async () => {
    const policy = {
      allow: [{ action: 'fs.*', resource: '/workspace/**' }],
      deny: [{ action: 'fs.*', resource: '**/.env' }],
    }
    await using world = await aWorld({
      files: { '.env': canary, 't/u/.env': canary, 'a.txt': 'mine', 'd/x': '' },
      policy,
    })
    const denied = { status: 'denied', reason: { code: 'denied_by_rule' } }
    const submit = (path: string, to: string): Promise<unknown> =>
      world.submit('fs.move', `/workspace/${path}`, { to: `/workspace/${to}`, overwrite: true })
    expect(await submit('.env', 'x.txt')).toMatchObject(denied)
    expect(await submit('a.txt', '.env')).toMatchObject(denied)
    expect(await submit('a.txt', 'd/../.env/')).toMatchObject(denied)
    expect(await submit('t', 'd/t')).toMatchObject(denied)
    expect(await world.submit('fs.delete', '/workspace/t', { recursive: true })).toMatchObject(denied)
    expect(await submit('a.txt', '../x')).toMatchObject({ status: 'denied' })
    expect(await submit('a.txt', 'd/a.txt')).toMatchObject({ status: 'ok', result: { overwritten: false } })
    expect([world.read('.env'), world.read('t/u/.env'), world.read('d/a.txt')]).toEqual([canary, canary, 'mine'])
  })
})
