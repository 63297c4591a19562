import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { protect } from '../../src/effects/protection.ts'
import { filesystem } from '../../src/effects/providers/index.ts'
import { guards } from '../guards.ts'
import { aHost, canary, entriesOf, reading, type Host } from './a-host.ts'
import { inNamespace, mayUnshare, needsNamespaces, type Errand } from './elsewhere.ts'

const own = ['w/.kestrel', 'w/policy.yaml', 'keys', 'w/control.sock'] as const

function guarded(): Host {
  return aHost(
    {
      'w/a.txt': 'mine',
      'w/.kestrel/ledger/tile/0/000': canary,
      'w/.kestrel/state.db': canary,
      'w/policy.yaml': canary,
      'keys/log.key': canary,
    },
    { own },
  )
}

/** How often `path` was refused as our own, of the four actions and their dry runs: 8 when it is out of reach. */
async function refusals(host: Host, path: string): Promise<number> {
  let count = 0
  for (const action of ['fs.read', 'fs.list', 'fs.stat', 'fs.write']) {
    const params = action === 'fs.write' ? { content: 'x', parents: true } : {}
    const foreseen = await host.foresee(action, path, params)
    const answer = await host.act(action, path, params)
    expect(JSON.stringify(answer)).not.toContain(canary)
    for (const ending of [foreseen, answer]) {
      if (ending !== undefined && 'refused' in ending && ending.refused === 'self_protected') count++
    }
  }
  return count
}

describe('what belongs to Kestrel', () => {
  guards('GATE-13')

  test.each([
    '/w/.kestrel',
    '/w/.kestrel/state.db',
    '/w/.kestrel/ledger/tile/0/000',
    '/w/.kestrel/ledger/new/file',
    '/w/x/../.kestrel/state.db',
    '/w/policy.yaml',
    '/w/control.sock',
  ])('%s in a mount is out of reach', async (path) => {
    using host = guarded()
    expect(await refusals(host, path)).toBe(8)
    expect(await host.act('fs.read', '/w/a.txt')).toEqual(reading('mine'))
    expect(entriesOf(await host.act('fs.list', '/w')).map(({ name }) => name)).toContain('.kestrel')
    expect(readFileSync(host.path('w/policy.yaml'), 'utf8')).toBe(canary)
  })

  test('is refused where the mount itself is a protected folder or lies in one', async () => {
    using host = guarded()
    for (const folder of ['keys', 'w/.kestrel', 'w/.kestrel/ledger/tile']) {
      const mounts = new Map([['/m', host.path(folder)]])
      for (const path of ['/m', '/m/log.key', '/m/0/000', '/m/new']) {
        expect(await host.act('fs.read', path, {}, { mounts })).toMatchObject({ refused: 'self_protected' })
      }
    }
  })

  test('is refused without mounts too', async () => {
    using host = guarded()
    expect(await host.act('fs.read', host.path('keys/log.key'), {}, { mounts: undefined })).toMatchObject({
      refused: 'self_protected',
    })
  })

  test('is known by identity: a hard link elsewhere, made before or after the first look', async () => {
    using host = guarded()
    linkSync(host.path('keys/log.key'), host.path('w/harmless.txt'))
    expect(await refusals(host, '/w/harmless.txt')).toBe(8)
    for (const [index, target] of ['w/.kestrel/ledger/tile/0/000', 'w/policy.yaml', 'w/.kestrel/state.db'].entries()) {
      linkSync(host.path(target), host.path(`w/link-${index}`))
      expect(await refusals(host, `/w/link-${index}`)).toBe(8)
    }
  })

  test('is known by identity: a file that Kestrel made a moment ago, linked at once', async () => {
    using host = guarded()
    for (let round = 0; round < 50; round++) {
      await host.act('fs.read', '/w/a.txt')
      host.put({ [`w/.kestrel/ledger/tile/0/new-${round}`]: canary })
      linkSync(host.path(`w/.kestrel/ledger/tile/0/new-${round}`), host.path(`w/link-${round}`))
      expect(await host.act('fs.read', `/w/link-${round}`)).toMatchObject({ refused: 'self_protected' })
    }
  })

  test('does not take other hard links with it', async () => {
    using host = guarded()
    linkSync(host.path('w/a.txt'), host.path('w/b.txt'))
    expect(await host.act('fs.read', '/w/b.txt')).toEqual(reading('mine'))
  })

  test('does not claim a file that got the inode of a deleted one of ours', async () => {
    using host = guarded()
    for (let round = 0; round < 30; round++) {
      host.put({ 'w/.kestrel/wal': 'x' })
      await host.act('fs.read', '/w/a.txt')
      rmSync(host.path('w/.kestrel/wal'))
      host.put({ [`w/fresh-${round}`]: 'mine' })
      expect(await host.act('fs.read', `/w/fresh-${round}`)).toEqual(reading('mine'))
    }
  })

  test('is refused below folders that do not exist yet, and they are not made', async () => {
    using host = aHost({}, { own: ['w/conf/own'] })
    const params = { content: 'x', parents: true }
    for (const path of ['/w/conf/own', '/w/conf/own/x/y']) {
      expect(await host.foresee('fs.write', path, params)).toMatchObject({ refused: 'self_protected' })
      expect(await host.act('fs.write', path, params)).toMatchObject({ refused: 'self_protected' })
    }
    expect(await host.act('fs.write', '/w/conf/owner', params)).toMatchObject({ effect: 'done' })
  })

  test('may come to exist later, and be replaced', async () => {
    using host = aHost({ 'w/a.txt': 'mine' }, { own })
    expect(await refusals(host, '/w/.kestrel/ledger/x')).toBe(8)
    expect(await refusals(host, '/w/policy.yaml')).toBe(8)
    host.put({ 'keys/log.key': canary, 'policy.new': canary })
    linkSync(host.path('policy.new'), host.path('w/copy'))
    renameSync(host.path('policy.new'), host.path('w/policy.yaml'))
    expect(await refusals(host, '/w/copy')).toBe(8)
  })

  test('is found behind a link of the operator: the link, its target and what it will point to', async () => {
    using host = aHost({ 'w/real-data/state.db': canary, 'w/conf/policy.yaml': canary })
    symlinkSync(host.path('w/real-data'), host.path('data'))
    symlinkSync(host.path('w/conf/policy.yaml'), host.path('policy.yaml'))
    const protection = protect([host.path('data/'), host.path('policy.yaml')])
    for (const path of ['/w/real-data/state.db', '/w/real-data', '/w/conf/policy.yaml']) {
      expect(await host.act('fs.read', path, {}, { protection })).toMatchObject({ refused: 'self_protected' })
    }
    expect(protection.coversPath(host.path('policy.yaml'))).toBe(true)
    expect(protection.coversPath(host.path('w/real-data/not/yet/there'))).toBe(true)
    expect(protection.coversPath(host.path('w/real-data-2'))).toBe(false)
    expect(protection.coversPath(host.path('w'))).toBe(false)
  })

  test('is known at its real place, where the folders above it are links and the file is one too', () => {
    using host = aHost({ 'real/target.yaml': '' })
    symlinkSync(host.path('real'), host.path('link'))
    symlinkSync('target.yaml', host.path('real/policy.yaml'))
    const protection = protect([host.path('link/policy.yaml'), host.path('link/data/../data')])
    const names = ['link/policy.yaml', 'real/policy.yaml', 'real/target.yaml', 'link/data/x', 'real/data/x']
    expect(names.filter((name) => !protection.coversPath(host.path(name)))).toEqual([])
    expect(protection.coversPath(host.path('real'))).toBe(false)
    expect(protection.coversPath(host.path('real/policy.yaml.bak'))).toBe(false)
  })

  test('must be named by absolute paths', () => {
    expect(() => protect(['.kestrel'])).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }))
  })
})

describe('a bind mount', () => {
  guards('GATE-13')

  beforeEach((context) => {
    context.skip(!mayUnshare(), needsNamespaces)
  })

  const everyAct = (path: string): Errand['acts'] => [
    ['fs.read', path],
    ['fs.list', path],
    ['fs.stat', path],
    ['fs.write', path, { content: 'x' }],
  ]

  test.each([
    ['w/.kestrel', '/w/other/state.db'],
    ['w/.kestrel/ledger/tile', '/w/other/0/000'],
    ['keys', '/w/other/log.key'],
  ])('of the folder %s is known by its identity', (from, file) => {
    using host = guarded()
    mkdirSync(host.path('w/other'))
    const answers = inNamespace({
      folder: host.path('w'),
      own: own.map(host.path),
      before: [['mount', '--bind', host.path(from), host.path('w/other')]],
      acts: [...everyAct('/w/other'), ...everyAct(file)],
    })
    expect(answers).toHaveLength(8)
    for (const answer of answers) expect(answer).toMatchObject({ refused: 'self_protected' })
  })

  test('of a file is known by its identity', () => {
    using host = guarded()
    host.put({ 'w/other': '' })
    const answers = inNamespace({
      folder: host.path('w'),
      own: own.map(host.path),
      before: [['mount', '--bind', host.path('w/policy.yaml'), host.path('w/other')]],
      acts: everyAct('/w/other'),
    })
    for (const answer of answers) expect(answer).toMatchObject({ refused: 'self_protected' })
  })

  test('of procfs is refused', () => {
    using host = guarded()
    mkdirSync(host.path('w/p'))
    const answers = inNamespace({
      folder: host.path('w'),
      before: [['mount', '--rbind', '/proc', host.path('w/p')]],
      acts: everyAct('/w/p/self/environ'),
    })
    for (const answer of answers) expect(answer).toMatchObject({ refused: 'unsafe_file' })
  })
})

describe('a large log', () => {
  test('costs one look a second, not one a read', async () => {
    using host = guarded()
    mkdirSync(host.path('w/.kestrel/many'))
    for (let i = 0; i < 2000; i++) writeFileSync(host.path(`w/.kestrel/many/${i}`), '')
    const { perform } = filesystem().actions['fs.read']!
    const call = host.call('fs.read', '/w/a.txt')
    await perform(call)
    const begin = performance.now()
    for (let i = 0; i < 500; i++) await perform(call)
    expect((performance.now() - begin) / 500).toBeLessThan(2)
  })
})
