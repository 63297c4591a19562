import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/base/json.ts'
import { guards } from '../../guards.ts'
import { aHost, failing, type Host } from '../a-host.ts'
import { withoutRights } from '../elsewhere.ts'

/** Every action on `path`, each with params that would do something. */
const acts = (path: string): readonly (readonly [string, string, JsonObject])[] => [
  ['fs.read', path, {}],
  ['fs.list', path, {}],
  ['fs.stat', path, {}],
  ['fs.write', path, { content: 'x' }],
  ['fs.append', path, { content: 'x' }],
  ['fs.delete', path, { recursive: true }],
  ['fs.move', path, { to: '/w/elsewhere' }],
]

function mayMakeDevices(): boolean {
  const made = join(tmpdir(), `kestrel-node-${process.pid}`)
  const isMade = spawnSync('mknod', [made, 'c', '1', '3']).status === 0
  rmSync(made, { force: true })
  return isMade
}

async function everyActionRefuses(host: Host, path: string): Promise<void> {
  for (const [action, resource, params] of acts(path)) {
    expect(await host.act(action, resource, params), action).toMatchObject({ refused: 'unsafe_file' })
    expect(await host.foresee(action, resource, params), action).toMatchObject({ refused: 'unsafe_file' })
  }
}

describe('what is no ordinary file', () => {
  guards('GATE-02')

  test('a FIFO and a socket are refused by every action, at once, and so is a move onto one', async () => {
    using host = aHost({ 'w/a': 'mine', 'w/t/a': 'mine' })
    execFileSync('mkfifo', [host.path('w/fifo')])
    execFileSync('mkfifo', [host.path('w/t/fifo')])
    const server = createServer().listen(host.path('w/socket'))
    await once(server, 'listening')
    for (const name of ['fifo', 'socket', 't/fifo']) {
      await everyActionRefuses(host, `/w/${name}`)
      const params = { to: `/w/${name}`, overwrite: true }
      expect(await host.act('fs.move', '/w/a', params)).toMatchObject({ refused: 'unsafe_file' })
      expect(await host.act('fs.mkdir', `/w/${name}`, { parents: true })).toMatchObject({ refused: 'unsafe_file' })
    }
    for (const [action, , params] of acts('/w/t').slice(-2)) {
      expect(await host.act(action, '/w/t', params)).toMatchObject({ refused: 'unsafe_file' })
    }
    expect(readdirSync(host.path('w')).toSorted()).toEqual(['a', 'fifo', 'socket', 't'])
    server.close()
  })

  test('a device is refused by every action, alone and in a tree', async (context) => {
    context.skip(!mayMakeDevices(), 'needs leave to make device nodes: run as root')
    using host = aHost({ 'w/t/a': 'mine' })
    for (const name of ['null', 't/null']) {
      execFileSync('mknod', [host.path(`w/${name}`), 'c', '1', '3'])
      await everyActionRefuses(host, `/w/${name}`)
    }
    for (const [action, , params] of acts('/w/t').slice(-2)) {
      expect(await host.act(action, '/w/t', params)).toMatchObject({ refused: 'unsafe_file' })
    }
  })

  test.each(['/proc', '/proc/self', '/proc/self/fd', '/dev/fd', '/sys'])(
    'nothing is reached by a mount of %s',
    async (folder) => {
      using host = aHost({ 'w/a': 'mine' })
      const mounts = new Map([
        ['/w', host.path('w')],
        ['/m', folder],
      ])
      for (const path of ['/m', '/m/0', '/m/environ', '/m/self/fd/0']) {
        for (const [action, resource, params] of acts(path)) {
          const answer = await host.act(action, resource, params, { mounts })
          if (path === '/m' && (action === 'fs.delete' || action === 'fs.move'))
            expect(answer).toHaveProperty('refused')
          else expect(answer, `${action} ${path}`).toMatchObject({ refused: 'unsafe_file' })
        }
        expect(await host.act('fs.move', '/w/a', { to: `${path}/x` }, { mounts })).toMatchObject({
          refused: 'unsafe_file',
        })
      }
      expect(readFileSync(host.path('w/a'), 'utf8')).toBe('mine')
    },
  )

  test('without mounts, devices and what the system makes up are refused', async () => {
    using host = aHost()
    for (const path of ['/dev/null', '/dev/zero', '/dev/fd/0', '/proc/self/environ', '/proc/self/cwd', '/dev/stdin']) {
      for (const [action, resource, params] of acts(path)) {
        const answer = await host.act(action, resource, params, { mounts: undefined })
        expect(answer, `${action} ${path}`).toHaveProperty('refused')
      }
    }
  })
})

describe('a file', () => {
  test('with holes is read in parts, and appended to at its end', async () => {
    using host = aHost()
    const gigabytes = 3 * 2 ** 30
    const fd = openSync(host.path('w/sparse'), 'w')
    ftruncateSync(fd, gigabytes)
    writeSync(fd, 'end', gigabytes - 3)
    closeSync(fd)
    expect(await host.act('fs.read', '/w/sparse')).toMatchObject(failing('too_large'))
    expect(await host.act('fs.read', '/w/sparse', { offset: gigabytes - 5, limit: 9 })).toMatchObject({
      result: { content: '\0\0end', sizeBytes: gigabytes },
    })
    expect(await host.act('fs.append', '/w/sparse', { content: '!' })).toMatchObject({
      result: { sizeBytes: gigabytes + 1 },
    })
    expect(await host.act('fs.move', '/w/sparse', { to: '/w/moved' })).toMatchObject({ effect: 'done' })
    expect(statSync(host.path('w/moved')).blocks * 512).toBeLessThan(1_000_000)
  })

  test('that may not be read can be moved and deleted, since that is for its folder to say', () => {
    using host = aHost({ 'w/shut': 'x', 'w/other': 'x' })
    chmodSync(host.root, 0o755)
    chmodSync(host.path('w'), 0o777)
    for (const name of ['w/shut', 'w/other']) chmodSync(host.path(name), 0)
    const answers = withoutRights({
      folder: host.path('w'),
      acts: [
        ['fs.read', '/w/shut'],
        ['fs.append', '/w/shut', { content: 'x' }],
        ['fs.move', '/w/shut', { to: '/w/moved' }],
        ['fs.delete', '/w/moved'],
        ['fs.delete', '/w/other'],
      ],
    })
    const [denied, done] = [failing('permission_denied'), { effect: 'done' }]
    expect(answers).toMatchObject([denied, denied, done, done, done])
    expect(readdirSync(host.path('w'))).toEqual([])
  })

  test('with a name of 255 bytes is appended to, moved and deleted; its spare name is short', async () => {
    using host = aHost()
    const [long, other] = ['ö'.repeat(127) + 'x', 'ä'.repeat(127) + 'y']
    expect(await host.act('fs.append', `/w/${long}`, { content: 'x' })).toMatchObject({ effect: 'done' })
    expect(await host.act('fs.move', `/w/${long}`, { to: `/w/${other}` })).toMatchObject({ effect: 'done' })
    expect(await host.act('fs.delete', `/w/${other}`)).toMatchObject({ effect: 'done' })
  })

  test('in a folder whose new path would be too long for the policy to judge stays', async () => {
    using host = aHost()
    const names = Array.from({ length: 15 }, () => 'x'.repeat(255))
    const deep = join('/w', ...names)
    await host.act('fs.mkdir', deep, { parents: true })
    host.put({ 'w/t/a': 'x' })
    await host.act('fs.mkdir', `/w/t/${'y'.repeat(250)}/${'z'.repeat(250)}`, { parents: true })
    const judge = (path: string): { refused: 'invalid_request'; message: string } | { network: 'public' } =>
      Buffer.byteLength(path) > 4096 ? { refused: 'invalid_request', message: 'too long' } : { network: 'public' }
    const answer = await host.act('fs.move', '/w/t', { to: `${deep}/t` }, { judge })
    expect(answer).toMatchObject({ refused: 'invalid_request' })
    expect(readdirSync(host.path('w')).toSorted()).toEqual(['t', 'x'.repeat(255)])
  })
})
