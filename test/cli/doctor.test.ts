import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKernel } from 'kestrel-kernel'
import { systemClock } from '../../src/base/clock.ts'
import { sha256Hex } from '../../src/base/hash.ts'
import { worstExit, type Check } from '../../src/cli/checkup/check.ts'
import { dataDirectoryChecks } from '../../src/cli/checkup/data-directory.ts'
import { resolveUnknown } from '../../src/kernel/resolve.ts'
import { withRooms } from '../../src/kernel/upkeep.ts'
import { guards } from '../guards.ts'
import { acting } from '../kernel/an-unknown.ts'

/** A folder with a data directory and its keys, under names that no other one has. */
interface Subject extends Disposable {
  readonly root: string
  readonly dataDir: string
  readonly keysDir: string
  readonly keys: string
  at(...path: readonly string[]): string
  look(): Promise<Check[]>
}

const folders: string[] = []
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'kestrel-doctor-test-'))
  folders.push(folder)
  return folder
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function subjectAt(root: string): Subject {
  const places = { dataDir: join(root, 'data'), keysDir: join(root, 'keys') }
  const world = {
    places: { ...places, ledger: join(places.dataDir, 'ledger'), policy: join(root, 'policy.yaml') },
    terminal: { progress: () => undefined },
  }
  return {
    root,
    ...places,
    get keys() {
      return join(places.keysDir, readdirSync(places.keysDir).find((name) => /^[0-9a-f]{16}$/.test(name)) as string)
    },
    at: (...path) => join(places.dataDir, ...path),
    look: () => dataDirectoryChecks(world as never),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

const policy = { version: 1, allow: [{ action: '**', resource: '**' }] }

/** 700 entries: whole tiles and partial ones, keyed answers, payloads, unknowns and a resolution. */
async function fill({ dataDir, keysDir }: Subject): Promise<number[]> {
  let call = 0
  const { provider } = acting(() => (++call % 100 === 0 ? 'uncertain' : 'done'))
  const kernel = await createKernel({ policy, dataDir, keysDir, providers: [provider] })
  const requests = Array.from({ length: 700 }, (_, i) => {
    const more = i % 10 === 0 ? { params: { i }, idempotencyKey: `k${i}` } : {}
    return kernel.submit({ action: 'test.act', resource: 'x', ...more })
  })
  const outcomes = await Promise.all(requests)
  await kernel.close()
  const unknowns = outcomes.filter(({ status }) => status === 'unknown').map(({ seq }) => seq)
  await withRooms({ dataDir, keysDir, clock: systemClock }, (rooms) =>
    resolveUnknown(rooms, unknowns.shift() as number, { as: 'done', reason: 'seen' }),
  )
  return unknowns
}

let filled: Subject
/** Entries in it that wait for a person. */
let waiting: readonly number[]
beforeAll(async () => {
  filled = subjectAt(newFolder())
  waiting = await fill(filled)
})

function aCopy(): Subject {
  const root = newFolder()
  cpSync(filled.root, root, { recursive: true, preserveTimestamps: true })
  for (const name of ['keys', 'data', `keys/${readdirSync(join(root, 'keys'))[0] as string}`]) {
    chmodSync(join(root, name), 0o700)
  }
  return subjectAt(root)
}

const bad = (checks: readonly Check[]): Check[] =>
  checks.filter(({ status }) => status === 'damage' || status === 'configuration')

/** Every file with its bytes and its time. */
function traceOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => {
      const { mtimeMs, size, mode } = statSync(path)
      return `${path} ${mode} ${mtimeMs} ${size} ${statSync(path).isFile() ? sha256Hex(readFileSync(path)) : ''}`
    })
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file)
  const place = at < 0 ? bytes.length + at : at
  bytes[place] = (bytes[place] ?? 0) ^ 0x40
  writeFileSync(file, bytes)
}

function edit(file: string, sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}

describe('the checkup of a healthy data directory', () => {
  test('finds nothing to do, and says what waits', async () => {
    using subject = aCopy()
    const checks = await subject.look()
    expect(bad(checks)).toEqual([])
    expect(checks.map(({ name }) => name)).toEqual([
      'data directory',
      'disk',
      'lock',
      'keys',
      'log',
      'witness',
      'write-ahead log',
      'vault',
      'state index',
      'unknown outcomes',
      'clock',
    ])
    expect(checks).toContainEqual(
      expect.objectContaining({ name: 'unknown outcomes', count: 6, seq: Math.max(...waiting), status: 'note' }),
    )
    expect(checks).toContainEqual(expect.objectContaining({ name: 'witness', count: 0, status: 'note' }))
    expect(checks).toContainEqual(expect.objectContaining({ name: 'write-ahead log', message: 'clean' }))
  })

  test('writes nothing, neither there nor in the keys', async () => {
    using subject = aCopy()
    const before = traceOf(subject.root)
    await subject.look()
    expect(traceOf(subject.root)).toEqual(before)
  })
})

describe('damage is named with its place and a way on', () => {
  guards('LED-01', 'LED-13', 'KEY-02', 'KEY-03')

  const wal = (subject: Subject): string => {
    const folder = subject.at('ledger/wal')
    return join(folder, readdirSync(folder).sort()[0] as string)
  }
  const vaultDay = (subject: Subject): string => {
    const folder = subject.at('vault/internal')
    return join(folder, readdirSync(folder).find((name) => !name.endsWith('.key')) as string)
  }
  const otherKeys = async (): Promise<Subject> => {
    const other = subjectAt(newFolder())
    mkdirSync(other.root, { recursive: true })
    await (await createKernel({ policy, dataDir: other.dataDir, keysDir: other.keysDir, providers: [] })).close()
    return other
  }

  const damages: [string, (subject: Subject) => void | Promise<void>, 2 | 6, string, RegExp][] = [
    ['log.key is gone', (at) => rmSync(join(at.keys, 'log.key')), 2, 'keys', /log\.key.*nothing can be added/],
    ['agent.key is gone', (at) => rmSync(join(at.keys, 'agent.key')), 2, 'keys', /agent\.key.*heads/],
    ['wal.key is gone', (at) => rmSync(join(at.keys, 'wal.key')), 2, 'keys', /wal\.key.*does not go on/],
    ['vault.key is gone', (at) => rmSync(join(at.keys, 'vault.key')), 2, 'keys', /vault\.key.*payloads/],
    ['all keys are gone', (at) => rmSync(at.keys, { recursive: true }), 2, 'keys', /log\.key/],
    ['others can read a key', (at) => chmodSync(join(at.keys, 'log.key'), 0o644), 2, 'keys', /run: chmod 0600/],
    [
      'the keys are of another log',
      async (at) => {
        const { keys } = await otherKeys()
        const here = at.keys
        rmSync(here, { recursive: true })
        cpSync(keys, here, { recursive: true })
        chmodSync(here, 0o700)
      },
      2,
      'keys',
      /is not that of/,
    ],
    [
      'the vault key is another one',
      (at) => writeFileSync(join(at.keys, 'vault.key'), Buffer.alloc(32, 7)),
      6,
      'vault',
      /vault\.key` opens nothing/,
    ],
    [
      'the WAL key is another one',
      (at) => writeFileSync(join(at.keys, 'wal.key'), Buffer.alloc(32, 7)),
      6,
      'write-ahead log',
      /wal/,
    ],
    ['vkey is gone', (at) => rmSync(at.at('ledger/vkey')), 6, 'log', /vkey` is missing/],
    ['vkey is noise', (at) => writeFileSync(at.at('ledger/vkey'), 'x\n'), 6, 'log', /vkey` does not hold/],
    ['the checkpoint is gone', (at) => rmSync(at.at('ledger/checkpoint')), 6, 'log', /checkpoint` is missing/],
    ['the checkpoint is changed', (at) => flip(at.at('ledger/checkpoint'), 30), 6, 'log', /checkpoint/],
    ['a tile is changed', (at) => flip(at.at('ledger/tile/0/000'), 100), 6, 'log', /tile\/0\/000/],
    ['a tile is gone', (at) => rmSync(at.at('ledger/tile/0/001')), 6, 'log', /tile\/0\/001/],
    ['an entry is changed', (at) => flip(at.at('ledger/tile/entries/000'), 5000), 6, 'log', /tile\/entries\/000/],
    ['a bundle is gone', (at) => rmSync(at.at('ledger/tile/entries/001')), 6, 'log', /tile\/entries\/001/],
    ['the WAL is gone', (at) => rmSync(at.at('ledger/wal'), { recursive: true }), 6, 'write-ahead log', /wal/],
    [
      'the WAL is noise',
      (at) => {
        for (let i = 0; i < 400; i += 3) flip(wal(at), 60 + i * 11)
      },
      6,
      'write-ahead log',
      /wal/,
    ],
    ['the vault is gone', (at) => rmSync(at.at('vault'), { recursive: true }), 6, 'vault', /vault` is missing/],
    ["a day's payloads are gone", (at) => rmSync(vaultDay(at)), 6, 'vault', /vault\/internal\/.*are not there/],
    ["a day's key is changed", (at) => flip(`${vaultDay(at)}.key`, 20), 6, 'vault', /keys of the days were changed/],
    ['a payload is changed', (at) => flip(vaultDay(at), -3), 6, 'vault', /vault\/internal\/.*do not open/],
    [
      'state.db is noise',
      (at) => writeFileSync(at.at('state.db'), Buffer.alloc(9000, 0x5a)),
      6,
      'state index',
      /state\.db/,
    ],
    [
      'state.db is of another log',
      (at) => edit(at.at('state.db'), "UPDATE about SET origin = 'x'"),
      6,
      'state index',
      /another log/,
    ],
    [
      'state.db has lost a row',
      (at) => edit(at.at('state.db'), 'DELETE FROM keys WHERE seq = 2'),
      6,
      'state index',
      /lacks 1 rows/,
    ],
    [
      'state.db has a row too many',
      (at) => edit(at.at('state.db'), 'INSERT INTO keys VALUES (0, zeroblob(32), zeroblob(32))'),
      6,
      'state index',
      /has 1 rows that are wrong/,
    ],
    [
      'state.db names another entry',
      (at) => edit(at.at('state.db'), 'UPDATE keys SET seq = 3 WHERE seq = 2'),
      6,
      'state index',
      /lacks 1 rows and has 1 rows that are wrong/,
    ],
    [
      'state.db hides a resolution',
      (at) => edit(at.at('state.db'), 'DELETE FROM resolves'),
      6,
      'state index',
      /lacks 1 rows/,
    ],
  ]

  test.each(damages)('%s, and the checkup names it', async (_, damage, exit, name, words) => {
    using subject = aCopy()
    await damage(subject)
    const before = traceOf(subject.root)
    const checks = await subject.look()
    expect(traceOf(subject.root)).toEqual(before)
    expect({ exit: worstExit(checks), checks: bad(checks) }).toEqual({ exit, checks: expect.any(Array) })
    const named = bad(checks).filter((check) => check.name === name && words.test(check.message))
    expect(named, JSON.stringify(bad(checks), undefined, 1)).not.toEqual([])
    for (const check of bad(checks)) {
      expect(`${check.message} ${check.next ?? ''}`).toMatch(/restore|put|run|kestrel|use|keep|stop|remove|start/)
    }
  })

  test('a vkey that is gone comes back by the command that is printed', async () => {
    using subject = aCopy()
    const file = subject.at('ledger/vkey')
    const vkey = readFileSync(file, 'utf8')
    rmSync(file)
    const { next = '' } = bad(await subject.look())[0] as Check
    const command = next.slice(next.indexOf('run: ') + 5)
    const shell = spawn('sh', ['-c', command])
    await once(shell, 'close')
    expect(readFileSync(file, 'utf8')).toBe(vkey)
    expect(bad(await subject.look())).toEqual([])
  })

  test("a day's key that was destroyed is told, and is no damage: that is how payloads are erased", async () => {
    using subject = aCopy()
    rmSync(`${vaultDay(subject)}.key`)
    const checks = await subject.look()
    expect(bad(checks)).toEqual([])
    expect(checks).toContainEqual(expect.objectContaining({ name: 'vault', status: 'note' }))
  })

  test('an older state that was put back', async () => {
    using subject = aCopy()
    const { dataDir, keysDir } = subject
    cpSync(dataDir, `${dataDir}.old`, { recursive: true, preserveTimestamps: true })
    await withRooms({ dataDir, keysDir, clock: systemClock }, (rooms) =>
      resolveUnknown(rooms, waiting[0] as number, { as: 'done', reason: 'seen' }),
    )
    rmSync(dataDir, { recursive: true })
    renameSync(`${dataDir}.old`, dataDir)
    chmodSync(dataDir, 0o700)
    const found = bad(await subject.look())
    expect(found).toMatchObject([{ name: 'write-ahead log', status: 'damage' }])
    expect(found[0]?.message).toContain(`\`${join(dataDir, 'ledger')}\` holds 704 entries`)
  })

  test('a clock that is behind the log', async () => {
    using subject = subjectAt(newFolder())
    const clock = { now: () => Date.now() + 3_600_000, monotonicMs: () => performance.now() }
    const { dataDir, keysDir } = subject
    await (await createKernel({ policy, dataDir, keysDir, providers: [], clock })).close()
    expect(bad(await subject.look())).toMatchObject([
      { name: 'clock', status: 'configuration', message: /3\d\d\d s behind/ },
    ])
  })
})

describe('a data directory in use, or left by a process that died', () => {
  const child = async (subject: Subject): Promise<ChildProcess> => {
    const started = spawn(
      process.execPath,
      [join(import.meta.dirname, '../kernel/child-that-hangs.ts'), subject.root],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    await new Promise<void>((acts) => started.stdout.on('data', (data: Buffer) => data.includes('acting') && acts()))
    return started
  }

  test('is looked at beside the kernel, which does not notice', async () => {
    using subject = subjectAt(newFolder())
    const kernel = await createKernel({
      policy,
      dataDir: subject.dataDir,
      keysDir: subject.keysDir,
      providers: [acting(() => 'done').provider],
    })
    let isDone = false
    const work = (async () => {
      for (let i = 0; !isDone; i++) {
        const outcome = await kernel.submit({ action: 'test.act', resource: 'x', idempotencyKey: `k${i}` })
        expect(outcome.status).toBe('ok')
      }
    })()
    for (let i = 0; i < 3; i++) {
      const checks = await subject.look()
      expect(bad(checks)).toEqual([])
      expect(checks).toContainEqual(
        expect.objectContaining({ name: 'lock', message: expect.stringContaining(String(process.pid)) }),
      )
    }
    isDone = true
    await work
    await kernel.close()
    expect(bad(await subject.look())).toEqual([])
  })

  test('says what the next start will do, and leaves it to that', async () => {
    using subject = subjectAt(newFolder())
    const started = await child(subject)
    started.kill('SIGKILL')
    await once(started, 'exit')
    expect(existsSync(subject.at('lock.owner'))).toBe(true)
    const before = traceOf(subject.root)
    const checks = await subject.look()
    expect(traceOf(subject.root)).toEqual(before)
    expect(bad(checks)).toEqual([])
    expect(checks).toContainEqual(
      expect.objectContaining({ name: 'lock', status: 'ok', file: subject.at('lock.owner') }),
    )
    const next = checks.find(({ name }) => name === 'write-ahead log')
    expect(next?.message).toMatch(/did not end cleanly.*ends 1 attempts/)
  })
})

test('a data directory that is another folder by now is damage too', async () => {
  using subject = aCopy()
  renameSync(subject.at('ledger'), subject.at('elsewhere'))
  expect(worstExit(await subject.look())).toBe(6)
})
