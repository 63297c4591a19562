import { execFileSync, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createKernel } from 'kestrel-kernel'
import { filesystem } from 'kestrel-kernel/providers'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aWorld, canary } from '../world.ts'

const everything = [{ action: '**', resource: '**' }]

describe('the data directory', () => {
  guards('LED-03', 'LED-09', 'KEY-01', 'KEY-04')

  test('has one writer', async () => {
    await using world = await aWorld()
    await expect(world.reopenBeside()).rejects.toMatchObject({
      code: 'LEDGER_LOCKED',
      message: expect.stringContaining(String(process.pid)),
    })
  })

  test('is closed to others and hidden from git', async () => {
    await using world = await aWorld()
    expect(statSync(world.dataDir).mode & 0o777).toBe(0o700)
    expect(readFileSync(join(world.dataDir, '.gitignore'), 'utf8')).toBe('*\n')
    for (const name of ['ledger', 'vault']) expect(statSync(join(world.dataDir, name)).mode & 0o777).toBe(0o700)
  })

  test('copied without its keys signs and opens nothing', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'a' } })
    await world.submit('fs.read', '/workspace/a.txt')
    await world.kernel.close()
    const stolen = join(world.root, 'stolen')
    cpSync(world.dataDir, stolen, { recursive: true })
    const keysDir = join(world.root, 'other-keys')
    mkdirSync(keysDir, { mode: 0o700 })
    const open = createKernel({ policy: { version: 1, allow: everything }, dataDir: stolen, keysDir, providers: [] })
    await expect(open).rejects.toMatchObject({ code: 'KEY_MISSING' })
  })

  test('copied with its keys cannot grow a second history', async () => {
    await using world = await aWorld({ files: { 'a.txt': 'a' } })
    await world.kernel.close()
    const copy = join(world.root, 'copy')
    cpSync(world.dataDir, copy, { recursive: true })
    await world.reopen()
    await world.submit('fs.read', '/workspace/a.txt')
    await world.kernel.close()
    const open = createKernel({
      policy: { version: 1, allow: everything },
      dataDir: copy,
      keysDir: world.keysDir,
      providers: [],
    })
    await expect(open).rejects.toMatchObject({ code: 'LEDGER_ROLLED_BACK' })
  })

  test('holds no secret outside the sealed vault', async () => {
    await using world = await aWorld({
      files: { 'a.txt': canary },
      policy: { allow: everything, deny: [{ action: 'fs.*', resource: '**/no' }] },
    })
    await world.submit('fs.read', '/workspace/a.txt')
    await world.submit('fs.write', '/workspace/b.txt', { content: canary })
    await world.submit('fs.write', '/workspace/no', { content: canary })
    await world.submit('fs.write', '/workspace/c/d', { content: canary, [canary]: 1 })
    await world.kernel.submit({
      action: 'fs.read',
      resource: '/workspace/a.txt',
      idempotencyKey: canary,
      justification: canary,
    })
    await world.kernel.close()
    const all = readdirSync(world.dataDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(all.length).toBeGreaterThan(5)
    for (const entry of all)
      expect(readFileSync(join(entry.parentPath, entry.name)).includes(canary), entry.name).toBe(false)
  })

  test('that belongs to something else is left alone', async () => {
    await using world = await aWorld({ files: { 'mine.txt': 'mine' } })
    const open = createKernel({
      policy: { version: 1 },
      dataDir: world.workspace,
      keysDir: world.keysDir,
      providers: [],
    })
    await expect(open).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
    expect(readdirSync(world.workspace)).toEqual(['mine.txt'])
  })

  test.each(['data/keys', 'data', 'link/keys'])('takes no keys into itself: %s', async (keys) => {
    await using world = await aWorld()
    symlinkSync(join(world.root, 'data'), join(world.root, 'link'))
    const keysDir = join(world.root, keys)
    const open = createKernel({ policy: { version: 1 }, dataDir: world.dataDir, keysDir, providers: [] })
    await expect(open).rejects.toMatchObject({ code: 'OPTIONS_INVALID', message: expect.stringContaining('elsewhere') })
    expect(existsSync(join(world.dataDir, 'keys'))).toBe(false)
  })

  test.runIf(process.platform === 'linux')('where no folder can be made is an error, not a wait', async () => {
    await using world = await aWorld()
    const open = createKernel({
      policy: { version: 1 },
      dataDir: '/proc/nowhere/data',
      keysDir: world.keysDir,
      providers: [],
    })
    await expect(open).rejects.toThrowError(/ENOENT/)
  })

  test('is opened with options and principals of the right shape only', async () => {
    const options = { policy: { version: 1 }, dataDir: '/nowhere', providers: [] }
    for (const wrong of [
      undefined,
      null,
      { ...options, clock: 5 },
      { ...options, speed: 1 },
      { ...options, dataDir: '' },
    ]) {
      await expect(createKernel(wrong as never)).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
    }
    await using world = await aWorld()
    for (const wrong of [undefined, 'bob', { id: 'bob', admin: true }, { id: 'bob', roles: 'admin' }, { id: '' }]) {
      expect(() => world.kernel.as(wrong as never)).toThrowError(/the principal cannot be used/)
    }
  })

  test('is not made for a policy that does not load', async () => {
    await using world = await aWorld()
    const dataDir = join(world.root, 'fresh')
    const open = createKernel({
      policy: { version: 1, alow: [] },
      dataDir,
      keysDir: world.keysDir,
      providers: [filesystem()],
    })
    await expect(open).rejects.toMatchObject({ code: 'POLICY_INVALID' })
    expect(existsSync(dataDir)).toBe(false)
  })

  test.each([-5, 1_000_000])('with an index that claims to reflect %i entries forgets no answer', async (claimed) => {
    await using world = await aWorld({ files: { 'a.txt': 'a' } })
    const request = { action: 'fs.read', resource: '/workspace/a.txt', idempotencyKey: 'k' }
    const first = await world.kernel.submit(request)
    await world.kernel.close()
    const index = join(world.dataDir, 'state.db')
    const database = new DatabaseSync(index)
    database.exec(`DELETE FROM keys; UPDATE about SET tree_size = ${claimed}`)
    database.close()
    await expect(world.reopen()).rejects.toMatchObject({ code: 'STATE_INVALID' })
    rmSync(index)
    await world.reopen()
    expect(await world.kernel.submit(request)).toMatchObject({ status: 'ok', seq: first.seq })
    expect(await world.attempts()).toHaveLength(1)
  })

  test.runIf(process.platform === 'linux')(
    'with a pipe in the place of its name or a key is refused, not waited for',
    async () => {
      await using world = await aWorld()
      await world.kernel.close()
      const directory = join(world.keysDir, readdirSync(world.keysDir)[0] as string)
      for (const path of [join(world.dataDir, 'ledger/vkey'), join(directory, 'log.key')]) {
        renameSync(path, `${path}.aside`)
        execFileSync('mkfifo', ['-m', '600', path])
        await expect(world.reopen()).rejects.toMatchObject({
          code: expect.stringMatching(/^(LEDGER_CORRUPT|KEY_INVALID)$/),
        })
        rmSync(path)
        renameSync(`${path}.aside`, path)
      }
      await world.reopen()
    },
  )

  test('whose first start was cut while it was named starts anew', async () => {
    await using world = await aWorld()
    const dataDir = join(world.root, 'cut')
    mkdirSync(join(dataDir, 'ledger'), { recursive: true })
    writeFileSync(join(dataDir, 'ledger/vkey.new'), '')
    const kernel = await createKernel({ policy: { version: 1 }, dataDir, keysDir: world.keysDir, providers: [] })
    await kernel.close()
    expect(readFileSync(join(dataDir, 'ledger/vkey'), 'utf8')).toBe(`${kernel.vkey}\n`)
  })

  test('with a damaged index says what to do, and remakes it', async () => {
    await using world = await aWorld()
    await world.kernel.close()
    writeFileSync(
      join(world.dataDir, 'state.db'),
      'this is no database, it is a text that is long enough to be read as one',
    )
    await expect(world.reopen()).rejects.toMatchObject({
      code: 'STATE_INVALID',
      message: expect.stringContaining('remove it'),
    })
    rmSync(join(world.dataDir, 'state.db'))
    await world.reopen()
  })
})

describe('a process that is killed', () => {
  guards('GATE-09', 'GATE-11')

  test('between intent and entry leaves an attempt that is unknown', async () => {
    await using world = await aWorld()
    await world.kernel.close()
    const child = spawn(process.execPath, [join(import.meta.dirname, 'child-that-hangs.ts'), world.root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise<void>((resolve) =>
      child.stdout.on('data', (data: Buffer) => data.includes('acting') && resolve()),
    )
    child.kill('SIGKILL')
    await new Promise((resolve) => child.on('exit', resolve))
    await world.reopen()
    const attempts = await world.attempts()
    expect(attempts).toMatchObject([
      { action: 'fn.quick', outcome: { status: 'ok' } },
      {
        action: 'fn.hang',
        principal: 'alice',
        decision: { effect: 'permit' },
        outcome: { status: 'unknown', effect: 'uncertain', error: 'interrupted' },
      },
    ])
    await world.reopen()
    expect(await world.attempts()).toHaveLength(2)
  })
})
