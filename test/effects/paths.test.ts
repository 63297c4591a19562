import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { filesystem } from '../../src/effects/providers/index.ts'
import { guards } from '../guards.ts'
import { aHost, canary, entriesOf, failing, reading } from './a-host.ts'

const readResource = filesystem().actions['fs.read']!.readResource

describe('a path has one spelling', () => {
  guards('GATE-01')

  test.each([
    ['/w/a.txt', '/w/a.txt'],
    ['/w//a.txt', '/w/a.txt'],
    ['//w/a.txt', '/w/a.txt'],
    ['/w/./a.txt', '/w/a.txt'],
    ['/./w/a.txt/.', '/w/a.txt'],
    ['/w/a.txt/', '/w/a.txt'],
    ['/w/b/../a.txt', '/w/a.txt'],
    ['/w/..', '/'],
    ['/', '/'],
    ['///', '/'],
    ['/w/...', '/w/...'],
    ['/w/%2e%2e/x', '/w/%2e%2e/x'],
    ['/w/．．/x', '/w/．．/x'],
    ['/w/\\..\\x', '/w/\\..\\x'],
    ['/~/x', '/~/x'],
  ])('%j is %j', (raw, canonical) => {
    expect(readResource(raw)).toEqual({ canonical })
  })

  test.each([
    ['', 'absolute'],
    ['w/a.txt', 'absolute'],
    ['./a.txt', 'absolute'],
    ['~/a.txt', 'absolute'],
    ['file:///w/a.txt', 'absolute'],
    ['/..', 'climbs'],
    ['/w/../..', 'climbs'],
    ['/w/a.txt\0.png', 'NUL'],
    ['/w/\ud800', 'surrogate'],
    [`/w/${'é'.repeat(128)}`, '255 bytes'],
    [`/${'a/'.repeat(2048)}a`, '4096 bytes'],
  ])('%j is no path', (raw, why) => {
    expect(readResource(raw)).toEqual({ problem: expect.stringContaining(why) as string })
  })

  test('of any text, what is read is settled and clean', () => {
    const segment = fc.oneof(fc.constantFrom('', '.', '..', 'a', 'é', '%2e', ' '), fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(fc.array(segment), (segments) => {
        const read = readResource(`/${segments.join('/')}`)
        if ('problem' in read) return
        expect(readResource(read.canonical)).toEqual(read)
        expect(read.canonical).not.toMatch(/\/\/|\/\.{1,2}(?:\/|$)|.\/$|\0/)
      }),
    )
  })
})

describe('a path under a mount', () => {
  guards('GATE-01', 'GATE-03')

  const outside = { 'secret.txt': canary, 'w_evil/secret.txt': canary, 'secret/x': canary, 'w/a.txt': 'mine' }

  test.each([
    '/w/../secret.txt',
    '/w/..//secret.txt',
    '/w/./../secret.txt',
    '/w/b/../../secret.txt',
    '/w/%2e%2e/secret.txt',
    '/w/%2e%2e%2fsecret.txt',
    '/w/..%2fsecret.txt',
    '/w/．．/secret.txt',
    '/w/‥/secret.txt',
    '/w/..\\secret.txt',
    '/w/.. /secret.txt',
    '/w_evil/secret.txt',
    '/w%00/../secret.txt',
    '/W/a.txt',
    '/ｗ/a.txt',
    '/secret.txt',
    '/',
  ])('%j reaches nothing', async (path) => {
    using host = aHost(outside)
    for (const action of ['fs.read', 'fs.list', 'fs.stat']) {
      const answer = await host.act(action, path)
      expect(JSON.stringify(answer)).not.toContain(canary)
      expect(answer).not.toHaveProperty('result')
    }
    const written = await host.act('fs.write', path, { content: 'x', parents: true })
    expect(JSON.stringify(written)).not.toContain(host.root)
    expect(JSON.stringify(await host.act('fs.read', '/w/a.txt'))).toContain('mine')
    const { readFileSync, readdirSync } = await import('node:fs')
    for (const name of ['secret.txt', 'w_evil/secret.txt', 'secret/x'])
      expect(readFileSync(host.path(name), 'utf8')).toBe(canary)
    expect(readdirSync(host.root).toSorted()).toEqual(['secret', 'secret.txt', 'w', 'w_evil'])
  })

  test('what no mount covers is refused and names the mounts', async () => {
    using host = aHost(outside)
    expect(await host.act('fs.read', '/w_evil/secret.txt')).toMatchObject({
      refused: 'outside_mount',
      hint: 'the mounts are `/w`',
    })
  })

  test('the longest mount wins, by whole segments', async () => {
    using host = aHost({
      'w/a.txt': 'of w',
      'deep/a.txt': 'of deep',
      'w/deep/a.txt': 'hidden',
      'w/deeper/a.txt': 'of deeper',
    })
    const mounts = new Map([
      ['/w', host.path('w')],
      ['/w/deep', host.path('deep')],
    ])
    expect(await host.act('fs.read', '/w/a.txt', {}, { mounts })).toEqual(reading('of w'))
    expect(await host.act('fs.read', '/w/deep/a.txt', {}, { mounts })).toEqual(reading('of deep'))
    expect(await host.act('fs.read', '/w/deeper/a.txt', {}, { mounts })).toEqual(reading('of deeper'))
    expect(await host.act('fs.read', '/w/deep/../a.txt', {}, { mounts })).toEqual(reading('of w'))
  })

  test('without mounts the paths are those of the host', async () => {
    using host = aHost({ 'w/a.txt': 'mine' })
    expect(await host.act('fs.read', host.path('w/a.txt'), {}, { mounts: undefined })).toEqual(reading('mine'))
  })

  test('a mount without its folder is named, with what to do, and not where it lies', async () => {
    using host = aHost()
    const mounts = new Map([['/gone', host.path('gone')]])
    const answer = await host.act('fs.read', '/gone/a.txt', {}, { mounts })
    expect(answer).toMatchObject(failing('mount_missing'))
    expect(JSON.stringify(answer)).toMatch(/`\/gone`.*create the folder/)
    expect(JSON.stringify(answer)).not.toContain(host.root)
    expect(await host.act('fs.write', '/gone/a.txt', { content: '', parents: true }, { mounts })).toMatchObject(
      failing('mount_missing'),
    )
  })

  test('a mount may be a link of the operator', async () => {
    using host = aHost({ 'real/a.txt': 'mine', 'real/sub/b.txt': 'too' })
    const { symlinkSync } = await import('node:fs')
    symlinkSync(host.path('real'), host.path('link'))
    const mounts = new Map([['/w', host.path('link')]])
    expect(await host.act('fs.read', '/w/a.txt', {}, { mounts })).toEqual(reading('mine'))
    expect(await host.act('fs.read', '/w/sub/b.txt', {}, { mounts })).toEqual(reading('too'))
  })

  test('names with newlines, escapes and bidi are ordinary names, told as they are', async () => {
    const names = ['a\nb', '\u001b[31mred', '\u202etxt.exe', ' pad ', '-rf', '$(x)', '\ufeff']
    using host = aHost(Object.fromEntries(names.map((name) => [`w/${name}`, name])))
    for (const name of names) expect(await host.act('fs.read', `/w/${name}`)).toEqual(reading(name))
    const entries = entriesOf(await host.act('fs.list', '/w'))
    expect(entries.map(({ name }) => name)).toEqual(names.toSorted())
  })
})
