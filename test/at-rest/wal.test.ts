import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { nodePrimitives } from '../../src/base/hash.ts'
import { createKeys, loadKeys, type KeyRing } from '../../src/base/keys.ts'
import { logFiles, openLedger, type EntryDraft, type Ledger } from '../../src/evidence/ledger/index.ts'
import { verifyLog } from '../../src/evidence/receipt/index.ts'
import { guards } from '../guards.ts'
import { aRead, policyDraft } from '../ledger/a-ledger.ts'

/** A data directory and its keys as a machine that lost power leaves them: part of the log is in the WAL alone. */
interface Crashed extends Disposable {
  readonly root: string
  readonly wal: string
  /** The entries by seq, as they were written. */
  readonly truth: readonly string[]
  /** How many of them a checkpoint covers. */
  readonly published: number
  readonly vkey: string
  /** The WAL as it was when only the published part was written. */
  readonly olderWal: string
  copy(): Crashed
}

const quiet = { publishIntervalMs: 600_000, syncIntervalMs: 600_000, walSegmentBytes: 16_384 }

async function aCrash(published: number, total: number): Promise<Crashed> {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-at-rest-'))
  const keys = createKeys(join(root, 'running', 'keys'))
  const directory = join(root, 'running', 'data', 'ledger')
  const ledger = await openLedger({ directory, keys, clock: systemClock, bounds: quiet })
  await ledger.append(policyDraft, { durability: 'durable' })
  await grow(ledger, published)
  await ledger.publish()
  cpSync(join(directory, 'wal'), join(root, 'older-wal'), { recursive: true })
  await grow(ledger, total)
  const truth = await entriesOf(ledger)
  copyTree(join(root, 'running'), join(root, 'crashed'))
  await ledger.close()
  rmSync(join(root, 'running'), { recursive: true })
  return crashedAt(root, truth, published, keys.vkey)
}

async function grow(ledger: Ledger, to: number): Promise<void> {
  while (ledger.treeSize < to) {
    await ledger.append(aRead(String(ledger.treeSize).padStart(4, '0')), { durability: 'durable' })
  }
}

async function entriesOf(ledger: Ledger): Promise<string[]> {
  const entries: string[] = []
  for (let seq = 0; seq < ledger.treeSize; seq++) entries.push(Buffer.from(await ledger.read(seq)).toString('utf8'))
  return entries
}

function copyTree(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('lock.owner') })
  // folders arrive with the usual mode
  for (const name of ['', ...readdirSync(join(to, 'keys'))]) chmodSync(join(to, 'keys', name), 0o700)
}

function crashedAt(root: string, truth: readonly string[], published: number, vkey: string): Crashed {
  return {
    root,
    wal: join(root, 'crashed', 'data', 'ledger', 'wal'),
    truth,
    published,
    vkey,
    olderWal: join(root, 'older-wal'),
    copy() {
      const other = mkdtempSync(join(tmpdir(), 'kestrel-at-rest-'))
      cpSync(join(root, 'older-wal'), join(other, 'older-wal'), { recursive: true })
      copyTree(join(root, 'crashed'), join(other, 'crashed'))
      return crashedAt(other, truth, published, vkey)
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

const keysOf = ({ root, vkey }: Crashed): KeyRing => loadKeys(join(root, 'crashed', 'keys'), vkey.split('+')[0] ?? '')

/** What the kernel once gave the ledger to write this entry. */
function draftOf(entry: string): EntryDraft {
  const assigned = new Set(['v', 'seq', 'time', 'agentSeq'])
  return Object.fromEntries(
    Object.entries(JSON.parse(entry) as object).filter(([field]) => !assigned.has(field)),
  ) as unknown as EntryDraft
}

const refusals = /^LEDGER_(?:CORRUPT|ROLLED_BACK)$/

/**
 * Opens the log: it refuses, or what it has is the beginning of the truth, at least all that was published, and goes on from
 * there to a log that verifies. Returns how many entries it has, or undefined for a refusal.
 */
async function survivors(place: Crashed): Promise<number | undefined> {
  const directory = join(place.root, 'crashed', 'data', 'ledger')
  const since = readFileSync(join(directory, 'checkpoint'))
  let ledger: Ledger
  try {
    ledger = await openLedger({ directory, keys: keysOf(place), clock: systemClock, bounds: quiet })
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(refusals) as string })
    expect(String(error)).toContain(directory)
    return undefined
  }
  const entries = await entriesOf(ledger)
  expect(entries).toEqual(place.truth.slice(0, entries.length))
  expect(entries.length).toBeGreaterThanOrEqual(place.published)
  await ledger.append(aRead('after'), { durability: 'durable' })
  await ledger.close()
  const options = { vkey: place.vkey, since, primitives: nodePrimitives }
  expect((await verifyLog(logFiles(directory), options)).problems).toEqual([])
  return entries.length
}

/** Paths of the segments that hold anything, oldest first. */
function segments(wal: string): string[] {
  return readdirSync(wal)
    .sort()
    .map((name) => join(wal, name))
    .filter((path) => endOf(path) > 0)
}

/** Where the last byte that is not zero lies. */
function endOf(path: string): number {
  const bytes = readFileSync(path)
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}

function edit(path: string, change: (bytes: Buffer) => Buffer | void): void {
  const bytes = readFileSync(path)
  writeFileSync(path, change(bytes) ?? bytes)
}

const last = (wal: string): string => segments(wal).at(-1) as string

describe.each([
  ['in one segment', 10, 30],
  ['over several segments', 40, 120],
])('a WAL changed after a crash, %s', (_what, published, total) => {
  guards('LED-01')

  let crash: Crashed
  let foreign: Crashed
  beforeAll(async () => {
    crash = await aCrash(published, total)
    foreign = await aCrash(published, total + 20)
  })
  afterAll(() => {
    crash[Symbol.dispose]()
    foreign[Symbol.dispose]()
  })

  test('and was not: all is there', async () => {
    using place = crash.copy()
    expect(await survivors(place)).toBe(total)
  })

  const appended: readonly [string, (end: number, bytes: Buffer) => Buffer][] = [
    ['its own last bytes again', (end, bytes) => bytes.subarray(Math.max(0, end - 700), end)],
    ['its own first bytes again', (end, bytes) => bytes.subarray(0, Math.min(end, 700))],
    ['noise', (end) => Buffer.from(Array.from({ length: 700 }, (_, at) => (at * 7919 + end) % 256))],
    ['ones', () => Buffer.alloc(700, 255)],
  ]
  test.each(appended)('nothing is believed that was appended: %s', async (_name, bytesFor) => {
    using place = crash.copy()
    edit(last(place.wal), (bytes) => {
      const end = endOf(last(place.wal))
      bytesFor(end, Buffer.from(bytes)).copy(bytes, end)
    })
    expect([undefined, total]).toContain(await survivors(place))
  })

  test('what a log of other keys has at the same place is not believed behind ours', async () => {
    using place = crash.copy()
    const end = endOf(last(place.wal))
    const name = last(place.wal).slice(place.wal.length)
    edit(last(place.wal), (bytes) => void readFileSync(join(foreign.wal, name)).copy(bytes, end, end))
    expect([undefined, total]).toContain(await survivors(place))
  })

  test('a segment of other keys is not believed', async () => {
    for (const path of segments(crash.wal)) {
      using place = crash.copy()
      const name = path.slice(crash.wal.length)
      cpSync(join(foreign.wal, name), join(place.wal, name))
      const kept = await survivors(place)
      expect(kept === undefined || kept < total).toBe(true)
    }
  })

  test('a tail cut off anywhere costs nothing that was published, and never gives another history', async () => {
    const file = last(crash.wal)
    const end = endOf(file)
    for (let at = 0; at < end; at += Math.ceil(end / 8)) {
      using place = crash.copy()
      edit(last(place.wal), (bytes) => void bytes.fill(0, at))
      await survivors(place)
      using shorter = crash.copy()
      edit(last(shorter.wal), (bytes) => bytes.subarray(0, at))
      await survivors(shorter)
    }
  })

  test('a flipped bit anywhere never gives another history', async () => {
    for (const [index, file] of segments(crash.wal).entries()) {
      const end = endOf(file)
      for (let at = index; at < end; at += Math.ceil(end / 8)) {
        using place = crash.copy()
        edit(segments(place.wal)[index] as string, (bytes) => {
          bytes[at] = (bytes[at] as number) ^ (1 << (at % 8))
        })
        await survivors(place)
      }
    }
  })

  test('a hole anywhere never gives another history', async () => {
    for (const [index, file] of segments(crash.wal).entries()) {
      const end = endOf(file)
      for (let at = 0; at < end; at += Math.ceil(end / 4)) {
        using place = crash.copy()
        edit(segments(place.wal)[index] as string, (bytes) => void bytes.fill(0, at, Math.min(end, at + 512)))
        await survivors(place)
      }
    }
  })

  test('an older copy of a segment, or of all of them, costs nothing that was published', async () => {
    for (const name of readdirSync(crash.olderWal)) {
      using place = crash.copy()
      cpSync(join(crash.olderWal, name), join(place.wal, name))
      await survivors(place)
    }
    using whole = crash.copy()
    rmSync(whole.wal, { recursive: true })
    cpSync(crash.olderWal, whole.wal, { recursive: true })
    await survivors(whole)
  })

  test('two segments exchanged are not believed', async () => {
    const count = readdirSync(crash.wal).length
    for (let at = 1; at < count; at++) {
      using place = crash.copy()
      const names = readdirSync(place.wal).sort()
      const [one, other] = [join(place.wal, names[at - 1] as string), join(place.wal, names[at] as string)]
      renameSync(one, `${one}.kept`)
      renameSync(other, one)
      renameSync(`${one}.kept`, other)
      await survivors(place)
    }
  })

  test('a segment gone, or there twice, is no reason to believe another history', async () => {
    for (const [index, file] of segments(crash.wal).entries()) {
      using place = crash.copy()
      rmSync(segments(place.wal)[index] as string)
      await survivors(place)
      using doubled = crash.copy()
      const name = `${String(segments(crash.wal).length + 1).padStart(16, '0')}.wal`
      cpSync(file, join(doubled.wal, name))
      await survivors(doubled)
    }
    using none = crash.copy()
    rmSync(none.wal, { recursive: true })
    mkdirSync(none.wal)
    expect(await survivors(none)).toBeUndefined()
  })
})

describe('a WAL by a thief who runs Kestrel with a key ring of his own', () => {
  guards('LED-01', 'LED-04')

  /** The same log under the same name, byte by byte, then entries of the thief's; only what takes a key is his own. */
  async function forgedWal(crash: Crashed, forged: number): Promise<string> {
    const genuine = keysOf(crash)
    const root = join(crash.root, 'thief')
    const own = createKeys(join(root, 'keys'))
    const { directory, walKey, vaultKey } = own
    const agent = { publicKey: genuine.agent.publicKey, sign: () => new Uint8Array(64) }
    const keys: KeyRing = { ...genuine, directory, walKey, vaultKey, agent, signLog: (bytes) => own.signLog(bytes) }
    let now = 0
    const timeOf = (seq: number): number => (JSON.parse(crash.truth[seq] as string) as { time: number }).time
    const clock = { now: () => now, monotonicMs: () => now }
    now = timeOf(0)
    const path = join(root, 'data', 'ledger')
    const ledger = await openLedger({ directory: path, keys, clock, bounds: quiet })
    for (let seq = 1; seq < crash.published; seq++) {
      now = timeOf(seq)
      await ledger.append(draftOf(crash.truth[seq] as string), { durability: 'durable' })
    }
    expect(await entriesOf(ledger)).toEqual(crash.truth.slice(0, crash.published))
    await ledger.publish()
    for (let i = 0; i < forged; i++) await ledger.append(aRead('forged'), { durability: 'durable' })
    const wal = join(crash.root, 'forged-wal')
    cpSync(join(path, 'wal'), wal, { recursive: true })
    await ledger.close()
    return wal
  }

  test.each([0, 1, 60])('is not opened with the true keys, with %i entries of his', async (forged) => {
    using place = await aCrash(20, 30)
    const wal = await forgedWal(place, forged)
    rmSync(place.wal, { recursive: true })
    cpSync(wal, place.wal, { recursive: true })
    expect(await survivors(place)).toBeUndefined()
  })
})

describe('a WAL changed after a clean end', () => {
  guards('LED-01')

  test('never costs an entry', async () => {
    const crash = await aCrash(20, 60)
    using _crash = crash
    const directory = join(crash.root, 'crashed', 'data', 'ledger')
    const ledger = await openLedger({ directory, keys: keysOf(crash), clock: systemClock, bounds: quiet })
    await ledger.close()
    const closed = crashedAt(crash.root, crash.truth, crash.truth.length, crash.vkey)
    for (const [index, file] of segments(crash.wal).entries()) {
      const end = endOf(file)
      for (let at = 0; at < end; at += Math.ceil(end / 8)) {
        using cut = closed.copy()
        edit(segments(cut.wal)[index] as string, (bytes) => void bytes.fill(0, at))
        expect([undefined, crash.truth.length]).toContain(await survivors(cut))
      }
    }
  })
})
