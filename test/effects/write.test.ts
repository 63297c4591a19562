import { chmodSync, chownSync, linkSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { filesystemOn } from '../../src/effects/providers/filesystem/filesystem.ts'
import { hostVolume, type Volume } from '../../src/effects/providers/filesystem/volume.ts'
import { aHost, failing, reading, type Host } from './a-host.ts'
import { inNamespace, mayUnshare, needsNamespaces, withoutRights } from './elsewhere.ts'

const done = (sizeBytes: number, created: boolean): object => ({ effect: 'done', result: { sizeBytes, created } })

describe('fs.write', () => {
  test('makes a file, then replaces it', async () => {
    using host = aHost()
    expect(await host.act('fs.write', '/w/a.txt', { content: 'grüße' })).toEqual(done(7, true))
    expect(await host.act('fs.write', '/w/a.txt', { content: '' })).toEqual(done(0, false))
    expect(readFileSync(host.path('w/a.txt'), 'utf8')).toBe('')
    expect(readdirSync(host.path('w'))).toEqual(['a.txt'])
  })

  test('takes bytes as canonical base64 only', async () => {
    using host = aHost()
    expect(await host.act('fs.write', '/w/a', { content: '/wD+', encoding: 'base64' })).toEqual(done(3, true))
    expect(readFileSync(host.path('w/a'))).toEqual(Buffer.from([0xff, 0x00, 0xfe]))
    for (const content of ['/wD+=', '/wD', '_wD-', '/w D+', '/wD+\n', 'AB==', '%']) {
      expect(await host.act('fs.write', '/w/a', { content, encoding: 'base64' })).toEqual({
        invalid: expect.stringContaining('canonical base64') as string,
      })
    }
  })

  test('keeps the mode of the old file, without set-user-id, and follows the umask for a new one', async () => {
    using host = aHost({ 'w/run.sh': 'old' })
    chmodSync(host.path('w/run.sh'), 0o4751)
    await host.act('fs.write', '/w/run.sh', { content: 'new' })
    expect(statSync(host.path('w/run.sh')).mode & 0o7777).toBe(0o751)
    await host.act('fs.write', '/w/new', { content: '' })
    expect(statSync(host.path('w/new')).mode & 0o777).toBe(0o666 & ~process.umask())
  })

  test('keeps the owner, where root replaces the file of another', async () => {
    using host = aHost({ 'w/a': 'old' })
    const isRoot = process.getuid?.() === 0
    const owner = isRoot ? { uid: 1234, gid: 4321 } : { uid: process.getuid?.(), gid: process.getgid?.() }
    if (isRoot) chownSync(host.path('w/a'), 1234, 4321)
    await host.act('fs.write', '/w/a', { content: 'new' })
    expect(statSync(host.path('w/a'))).toMatchObject(owner)
  })

  test('another hard link keeps the old content', async () => {
    using host = aHost({ 'w/a': 'old' })
    linkSync(host.path('w/a'), host.path('other'))
    expect(await host.act('fs.write', '/w/a', { content: 'new' })).toEqual(done(3, false))
    expect(readFileSync(host.path('other'), 'utf8')).toBe('old')
  })

  test('makes parents only when asked', async () => {
    using host = aHost()
    const params = { content: 'x' }
    expect(await host.act('fs.write', '/w/a/b/c.txt', params)).toMatchObject(failing('parent_missing'))
    expect(readdirSync(host.path('w'))).toEqual([])
    expect(await host.act('fs.write', '/w/a/b/c.txt', { ...params, parents: true })).toEqual(done(1, true))
    expect(await host.act('fs.write', '/w/a/b/c.txt', { ...params, parents: true })).toEqual(done(1, false))
    expect(await host.act('fs.write', '/w/a/b/c.txt/d', { ...params, parents: true })).toMatchObject(
      failing('not_directory'),
    )
  })

  test('a folder is no target', async () => {
    using host = aHost({ 'w/a/b': '' })
    for (const path of ['/w/a', '/w']) {
      expect(await host.act('fs.write', path, { content: 'x' })).toMatchObject(failing('is_directory'))
    }
  })

  test.each([
    [{}, '`content` is missing'],
    [{ content: 1 }, '`content` must be a string'],
    [{ content: 'x', parents: 'true' }, '`parents` must be `true` or `false`'],
    [{ content: 'x', mode: 511 }, '`mode` is not a param'],
  ])('params %j are wrong', async (params, why) => {
    using host = aHost()
    expect(await host.act('fs.write', '/w/a', params)).toEqual({ invalid: expect.stringContaining(why) as string })
  })

  test('a dry run foresees each ending and changes nothing', async () => {
    using host = aHost({ 'w/a.txt': 'old', 'w/d/x': '' })
    const before = lstatSync(host.path('w')).mtimeMs
    const params = { content: 'x' }
    expect(await host.foresee('fs.write', '/w/a.txt', params)).toBeUndefined()
    expect(await host.foresee('fs.write', '/w/new.txt', params)).toBeUndefined()
    expect(await host.foresee('fs.write', '/w/n/e/w.txt', { ...params, parents: true })).toBeUndefined()
    expect(await host.foresee('fs.write', '/w/n/e/w.txt', params)).toMatchObject(failing('parent_missing'))
    expect(await host.foresee('fs.write', '/w/d', params)).toMatchObject(failing('is_directory'))
    expect(await host.foresee('fs.write', '/w', params)).toMatchObject(failing('is_directory'))
    expect(await host.foresee('fs.write', '/elsewhere', params)).toMatchObject({ refused: 'outside_mount' })
    expect(readdirSync(host.path('w')).toSorted()).toEqual(['a.txt', 'd'])
    expect(lstatSync(host.path('w')).mtimeMs).toBe(before)
  })
})

/** A disk that fails at the n-th sync. */
function failingSync(nth: number, code: string): Volume {
  const volume = hostVolume()
  let count = 0
  return {
    ...volume,
    sync: async (fd) => {
      if (++count === nth) throw Object.assign(new Error(`${code}: by the test`), { code })
      await volume.sync(fd)
    },
  }
}

function writing(host: Host, volume: Volume, path: string, signal?: AbortSignal): unknown {
  const call = host.call('fs.write', path, { content: 'new', parents: true })
  return filesystemOn(volume).actions['fs.write']!.perform(signal === undefined ? call : { ...call, signal })
}

describe('a write that fails', () => {
  test.each([
    ['EIO', 'io_error'],
    ['ENOSPC', 'no_space'],
    ['EDQUOT', 'no_space'],
  ])('by %s before the rename leaves the old content and nothing else', async (code, named) => {
    using host = aHost({ 'w/a.txt': 'old' })
    expect(await writing(host, failingSync(1, code), '/w/a.txt')).toMatchObject(failing(named))
    expect(await writing(host, failingSync(1, code), '/w/x/y/z.txt')).toMatchObject(failing(named))
    expect(readdirSync(host.path('w'))).toEqual(['a.txt'])
    expect(readFileSync(host.path('w/a.txt'), 'utf8')).toBe('old')
  })

  test('after the rename is uncertain', async () => {
    using host = aHost({ 'w/a.txt': 'old' })
    const answer = await writing(host, failingSync(2, 'EIO'), '/w/a.txt')
    expect(answer).toMatchObject({ effect: 'uncertain', error: { code: 'io_error' } })
    expect(readFileSync(host.path('w/a.txt'), 'utf8')).toBe('new')
  })

  test('a volume without sync of folders is no failure', async () => {
    using host = aHost()
    expect(await writing(host, failingSync(2, 'EINVAL'), '/w/a.txt')).toEqual(done(3, true))
  })

  test('cancelled while the disk works: nothing is changed', async () => {
    using host = aHost({ 'w/a.txt': 'old' })
    const cancel = new AbortController()
    const pending = writing(host, hostVolume(), '/w/a.txt', cancel.signal)
    cancel.abort()
    expect(await pending).toMatchObject(failing('cancelled'))
    expect(readFileSync(host.path('w/a.txt'), 'utf8')).toBe('old')
    expect(readdirSync(host.path('w'))).toEqual(['a.txt'])
  })

  test('takes its signal before the first wait, since who makes it on demand cannot abort it later', async () => {
    using host = aHost()
    let asked = 0
    const call = {
      ...host.call('fs.write', '/w/a.txt', { content: 'new' }),
      get signal() {
        asked++
        return new AbortController().signal
      },
    }
    const pending = filesystemOn(hostVolume()).actions['fs.write']!.perform(call)
    expect(asked).toBe(1)
    expect(await pending).toEqual(done(3, true))
    expect(asked).toBe(1)
  })

  test('an error that is no system error is not swallowed', async () => {
    using host = aHost()
    const volume = hostVolume()
    const broken = { ...volume, sync: () => Promise.reject(new TypeError('a defect')) }
    await expect(writing(host, broken, '/w/a.txt')).rejects.toThrow('a defect')
    expect(readdirSync(host.path('w'))).toEqual([])
  })
})

describe('a small volume', () => {
  test('that is full keeps the old file and no leftovers', (context) => {
    context.skip(!mayUnshare(), needsNamespaces)
    using host = aHost()
    const answers = inNamespace({
      folder: host.path('w'),
      before: [['mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', host.path('w')]],
      acts: [
        ['fs.write', '/w/a', { content: 'old' }],
        ['fs.write', '/w/a', { content: 'x'.repeat(120_000) }],
        ['fs.read', '/w/a'],
        ['fs.list', '/w'],
      ],
    })
    expect(answers).toMatchObject([
      done(3, true),
      { effect: 'none', error: { code: 'no_space', retryable: true } },
      reading('old'),
      { result: { entries: [{ name: 'a', type: 'file' }] } },
    ])
  })

  test('that is read-only says so', (context) => {
    context.skip(!mayUnshare(), needsNamespaces)
    using host = aHost({ 'w/a': 'old' })
    const answers = inNamespace({
      folder: host.path('w'),
      before: [
        ['mount', '--bind', host.path('w'), host.path('w')],
        ['mount', '-o', 'remount,bind,ro', host.path('w')],
      ],
      acts: [
        ['fs.write', '/w/a', { content: 'x' }],
        ['fs.write', '/w/b/c', { content: 'x', parents: true }],
        ['fs.read', '/w/a'],
      ],
    })
    expect(answers).toMatchObject([failing('permission_denied'), failing('permission_denied'), reading('old')])
  })
})

describe('a user without rights', () => {
  test('is told so for each action, and a read-only file stays as it is', () => {
    using host = aHost({ 'w/secret': 'x', 'w/fixed': 'old', 'w/closed/a': 'x', 'w/shut/a': 'x' })
    chmodSync(host.root, 0o755)
    chmodSync(host.path('w'), 0o777)
    chmodSync(host.path('w/secret'), 0)
    chmodSync(host.path('w/fixed'), 0o444)
    chmodSync(host.path('w/closed'), 0o555)
    chmodSync(host.path('w/shut'), 0)
    const answers = withoutRights({
      folder: host.path('w'),
      acts: [
        ['fs.read', '/w/secret'],
        ['fs.write', '/w/fixed', { content: 'new' }],
        ['fs.write', '/w/closed/b', { content: 'new' }],
        ['fs.read', '/w/shut/a'],
        ['fs.list', '/w/shut'],
        ['fs.write', '/w/shut/a', { content: 'new' }],
        ['fs.write', '/w/new', { content: 'new' }],
      ],
    })
    for (const folder of ['w/closed', 'w/shut']) chmodSync(host.path(folder), 0o755)
    const denied = failing('permission_denied')
    expect(answers).toMatchObject([denied, denied, denied, denied, denied, denied, done(3, true)])
    expect(readFileSync(host.path('w/fixed'), 'utf8')).toBe('old')
  })
})
