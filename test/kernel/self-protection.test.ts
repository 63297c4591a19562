import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createKernel, type Kernel } from 'kestrel-kernel'
import { filesystem } from 'kestrel-kernel/providers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'

describe('what belongs to Kestrel, under a policy that allows everything', () => {
  guards('GATE-13')

  let root: string
  let kernel: Kernel

  beforeEach(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'kestrel-self-')))
    const policy = join(root, 'policy.yaml')
    writeFileSync(policy, `version: 1\nmounts: { /all: . }\nallow: [{ action: "**", resource: "**" }]\n`)
    kernel = await createKernel({
      policy,
      dataDir: join(root, '.kestrel'),
      keysDir: join(root, 'keys'),
      providers: [filesystem()],
    })
    await kernel.submit({ action: 'fs.stat', resource: '/all' })
  })
  afterEach(async () => {
    await kernel.close()
    rmSync(root, { recursive: true, force: true })
  })

  const filesBelow = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))

  const inAgentWords = (path: string): string => `/all/${relative(root, path)}`

  const ours = (): string[] => [
    join(root, 'policy.yaml'),
    ...filesBelow(join(root, '.kestrel')),
    ...filesBelow(join(root, 'keys')),
  ]

  test('no file of it is read, overwritten or looked at', async () => {
    expect(ours().length).toBeGreaterThan(7)
    for (const path of ours()) {
      const before = statSync(path, { throwIfNoEntry: false })?.size
      for (const [action, params] of [
        ['fs.read', {}],
        ['fs.write', { content: 'x' }],
        ['fs.stat', {}],
      ] as const) {
        const outcome = await kernel.submit({ action, resource: inAgentWords(path), params })
        expect(outcome, `${action} ${path}`).toMatchObject({ status: 'denied', reason: { code: 'self_protected' } })
        const predicted = await kernel.submit({ action, resource: inAgentWords(path), params, dryRun: true })
        expect(predicted, `dry ${action} ${path}`).toMatchObject({
          status: 'denied',
          reason: { code: 'self_protected' },
        })
      }
      if (!path.includes('wal'))
        expect(statSync(path, { throwIfNoEntry: false })?.size ?? 0).toBeGreaterThanOrEqual(before ?? 0)
    }
  })

  test.each(['.kestrel', '.kestrel/', '.kestrel/ledger', '.kestrel/vault', 'keys', './/.kestrel/../keys'])(
    'its folder %s is not listed and nothing new is put there',
    async (folder) => {
      const listed = await kernel.submit({ action: 'fs.list', resource: `/all/${folder}` })
      expect(listed).toMatchObject({ status: 'denied', reason: { code: 'self_protected' } })
      const planted = await kernel.submit({
        action: 'fs.write',
        resource: `/all/${folder}/planted`,
        params: { content: 'x' },
      })
      expect(planted).toMatchObject({ status: 'denied', reason: { code: 'self_protected' } })
    },
  )

  test('a hard link to a key, the policy or the log gives nothing', async () => {
    mkdirSync(join(root, 'work'))
    let made = 0
    for (const path of ours()) {
      const link = join(root, 'work', `link-${made}`)
      linkSync(path, link)
      made += 1
      const outcome = await kernel.submit({ action: 'fs.read', resource: inAgentWords(link) })
      expect(outcome, path).toMatchObject({ status: 'denied', reason: { code: 'self_protected' } })
    }
    expect(made).toBeGreaterThan(7)
  })

  test('a symbolic link to it gives nothing', async () => {
    symlinkSync(join(root, '.kestrel'), join(root, 'innocent'))
    symlinkSync(join(root, 'policy.yaml'), join(root, 'notes.txt'))
    for (const resource of ['/all/innocent/ledger/checkpoint', '/all/notes.txt']) {
      const read = await kernel.submit({ action: 'fs.read', resource })
      expect(read.status).toBe('denied')
      const written = await kernel.submit({ action: 'fs.write', resource, params: { content: 'x' } })
      expect(written.status).toBe('denied')
    }
  })

  test('a folder mounted inside it is refused as a whole', async () => {
    await kernel.close()
    kernel = await createKernel({
      policy: {
        version: 1,
        mounts: { '/log': join(root, '.kestrel', 'ledger') },
        allow: [{ action: '**', resource: '**' }],
      },
      dataDir: join(root, '.kestrel'),
      keysDir: join(root, 'keys'),
      providers: [filesystem()],
    })
    const outcome = await kernel.submit({ action: 'fs.read', resource: '/log/checkpoint' })
    expect(outcome).toMatchObject({ status: 'denied', reason: { code: 'self_protected' } })
  })
})
