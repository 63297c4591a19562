import { createHmac } from 'node:crypto'
import { copyFileSync, cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createKeys } from '../../src/base/keys.ts'
import { openLedger, openLog } from '../../src/evidence/ledger/index.ts'
import { Authenticator } from '../../src/evidence/ledger/wal/authenticator.ts'
import { readBatch, type Batch } from '../../src/evidence/ledger/wal/batch.ts'
import { BatchWriter } from '../../src/evidence/ledger/wal/batch-writer.ts'
import { LinkChain } from '../../src/evidence/ledger/wal/link.ts'
import { digestOf } from '../../src/evidence/ledger/digest.ts'
import { segmentHeaderBytes } from '../../src/evidence/ledger/wal/segment.ts'
import { guards } from '../guards.ts'
import { aPlace, aRead, clock, edit, policyDraft, reload, type Place } from './a-ledger.ts'

/** Slow enough that nothing is published or synced but when a test says so. */
const quiet = { publishIntervalMs: 600_000, syncIntervalMs: 600_000 }

/** The batches of the first segment, as they lie there. */
function batchesOf(path: string): Batch[] {
  const bytes = readFileSync(path)
  const batches: Batch[] = []
  for (let offset = segmentHeaderBytes; ;) {
    const read = readBatch(bytes, { epoch: 1, offset }, undefined)
    if (read.is !== 'batch') return read.open === undefined ? batches : [...batches, read.open]
    batches.push(read.batch)
    offset = read.batch.end
  }
}

function endOf(batches: readonly Batch[]): number {
  const last = batches.at(-1)
  return last?.end ?? segmentHeaderBytes
}

/** A copy of a data directory as a crash leaves it: the writer still runs, and is closed afterwards. */
async function aCrash(place: Place, entries: number): Promise<{ directory: string; segment: string }> {
  const ledger = await place.open({ bounds: quiet })
  await ledger.append(policyDraft, { durability: 'durable' })
  for (let i = 0; i < entries; i++) await ledger.append(aRead(i), { durability: 'durable' })
  const directory = join(place.copyTo('crashed'), 'ledger')
  await ledger.close()
  rmSync(join(place.keys.directory, 'head'))
  return { directory, segment: join(directory, 'wal', '0000000000000001.wal') }
}

describe('a WAL after a crash', () => {
  test('gives back all that was written', async () => {
    using place = aPlace()
    const { directory } = await aCrash(place, 20)
    const ledger = await place.open({ directory })
    expect(ledger.treeSize).toBe(22)
    expect(ledger.policy?.seq).toBe(1)
    await ledger.close()
    expect((await openLog(directory)).size).toBe(22)
  })

  test('a torn tail is dropped at every length, and writing goes on over it', async () => {
    using place = aPlace()
    const { directory, segment } = await aCrash(place, 3)
    const whole = readFileSync(segment)
    const last = batchesOf(segment).at(-1) as Batch
    const length = last.end - last.position.offset
    for (const keep of [0, 1, 4, 12, 23, 24, 40, length - 170]) {
      const torn = Buffer.from(whole)
      torn.fill(0, last.position.offset + keep)
      writeFileSync(segment, torn)
      const ledger = await place.open({ directory, bounds: quiet })
      expect([keep, ledger.treeSize]).toEqual([keep, 4])
      await ledger.append(aRead('after'), { durability: 'durable' })
      await ledger.close()
      const again = await place.open({ directory })
      expect(again.treeSize).toBe(5)
      await again.close()
      rmSync(join(place.keys.directory, 'head'))
      rmSync(join(directory, 'checkpoint'))
      rmSync(join(directory, 'tile'), { recursive: true })
    }
  })

  test('noise behind the end is no entry', async () => {
    using place = aPlace()
    const { directory, segment } = await aCrash(place, 3)
    const end = endOf(batchesOf(segment))
    edit(segment, (bytes) => bytes.fill('KWB1 noise', end, end + 5000))
    const ledger = await place.open({ directory })
    expect(ledger.treeSize).toBe(5)
    await ledger.close()
  })

  test('later writes that came without earlier ones are a torn tail as long as nothing was durable', async () => {
    using place = aPlace()
    const ledger = await place.open({ bounds: quiet })
    await ledger.append(policyDraft, { durability: 'durable' })
    for (let i = 0; i < 5; i++) await ledger.append(aRead(i), { durability: 'written' })
    const directory = join(place.copyTo('crashed'), 'ledger')
    await ledger.close()
    rmSync(join(place.keys.directory, 'head'))
    const segment = join(directory, 'wal', '0000000000000001.wal')
    const open = batchesOf(segment).at(-1) as Batch
    expect([open.trailer, open.entries]).toEqual([undefined, 5])
    const length = (open.end - open.position.offset) / 5
    const lost = open.position.offset + length
    edit(segment, (bytes) => bytes.fill(0, lost, lost + length))
    const again = await place.open({ directory, bounds: quiet })
    expect(again.treeSize).toBe(3)
    // The same length as the lost one: what follows it on the disk must not come back to life.
    await again.append(aRead('9'), { durability: 'written' })
    const twice = join(directory, '..', '..', 'twice')
    cpSync(join(directory, '..'), twice, { recursive: true, filter: (path) => !path.endsWith('lock.owner') })
    await again.close()
    rmSync(join(place.keys.directory, 'head'))
    const third = await place.open({ directory: join(twice, 'ledger') })
    expect(third.treeSize).toBe(4)
    await third.close()
  })

  test('damage before what was durable is refused with file and offset', async () => {
    using place = aPlace()
    const { directory, segment } = await aCrash(place, 20)
    const whole = readFileSync(segment)
    const batches = batchesOf(segment)
    for (const batch of batches.slice(0, -1)) {
      const { offset } = batch.position
      const length = batch.end - offset
      for (const at of [0, 20, 30, Math.floor(length / 2), length - 1]) {
        writeFileSync(segment, whole)
        edit(segment, (bytes) => (bytes[offset + at] = (bytes[offset + at] as number) ^ 1))
        const opening = place.open({ directory })
        await expect(opening).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
        await expect(opening).rejects.toThrow(basename(segment))
        const told = Number(/at offset (\d+)/.exec(await opening.then(String, String))?.[1])
        expect(told === 0 || (told >= offset && told <= offset + at)).toBe(true)
      }
    }
    writeFileSync(segment, whole)
    edit(segment, (bytes) => (bytes[9] = (bytes[9] as number) ^ 1))
    await expect(place.open({ directory })).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
  })

  test('after a clean end, a WAL cut short of what is published is refused', async () => {
    using place = aPlace()
    const ledger = await place.open({ bounds: quiet })
    for (let i = 0; i < 5; i++) await ledger.append(aRead(i), { durability: 'written' })
    await ledger.close()
    const segment = place.segments()[0] as string
    const entries = batchesOf(segment).at(-3) as Batch
    edit(segment, (bytes) => bytes.fill(0, entries.position.offset))
    await expect(place.open()).rejects.toMatchObject({ code: expect.stringMatching(/^LEDGER_(CORRUPT|ROLLED_BACK)$/) })
    truncateSync(segment, 1000)
    await expect(place.open()).rejects.toMatchObject({ code: expect.stringMatching(/^LEDGER_(CORRUPT|ROLLED_BACK)$/) })
    rmSync(join(place.directory, 'wal'), { recursive: true })
    await expect(place.open()).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
  })

  test.each(['an open frame', 'a closed batch'])('%s by somebody without the key is refused', async (what) => {
    guards('LED-13')
    using place = aPlace()
    const { directory, segment } = await aCrash(place, 3)
    const offset = endOf(batchesOf(segment))
    const other = new Authenticator(Buffer.alloc(32, 7))
    const forger = new BatchWriter(other, new LinkChain(other))
    forger.resume({ epoch: 1, offset }, digestOf('any'), { frames: 0, entries: 0 })
    forger.addEntry('{"mine":true}', digestOf('\0{"mine":true}'), 0)
    if (what === 'a closed batch') forger.close({ size: 6, root: () => digestOf('root') }, { epoch: 1, offset })
    edit(segment, (bytes) => forger.staged().copy(bytes, offset))
    const opening = place.open({ directory })
    await expect(opening).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
    await expect(opening).rejects.toThrow(`offset ${offset}: what stands there was not written with the key`)
  })
})

describe('two at once', () => {
  guards('LED-03')

  test('the second in the same process is refused, and told who holds the folder', async () => {
    using place = aPlace()
    const ledger = await place.open()
    const second = place.open()
    await expect(second).rejects.toMatchObject({ code: 'LEDGER_LOCKED' })
    await expect(second).rejects.toThrow(`process ${process.pid}`)
    expect(await ledger.append(policyDraft, { durability: 'durable' })).toMatchObject({ seq: 1 })
    await ledger.close()
    await (await place.open()).close()
  })

  test('a copy of the data directory beside the running one is refused', async () => {
    using place = aPlace()
    const ledger = await place.open()
    const copy = join(place.copyTo('copy'), 'ledger')
    await expect(place.open({ directory: copy })).rejects.toMatchObject({ code: 'LEDGER_LOCKED' })
    await ledger.close()
  })
})

describe('an older copy of the data directory', () => {
  guards('KEY-01', 'KEY-04')

  test('is refused once the original went on', async () => {
    using place = aPlace()
    const first = await place.open()
    await first.append(policyDraft, { durability: 'durable' })
    await first.close()
    const copy = join(place.copyTo('copy'), 'ledger')
    const second = await place.open()
    await second.append(aRead('a'), { durability: 'written' })
    await second.close()
    const opening = place.open({ directory: copy })
    await expect(opening).rejects.toMatchObject({ code: 'LEDGER_ROLLED_BACK' })
    await expect(opening).rejects.toThrow('holds 2 entries, its key has signed 3')
    await (await place.open()).close()
  })

  test('that went on by itself is refused too, and so is the original then', async () => {
    using place = aPlace()
    await (await place.open()).close()
    const copy = join(place.copyTo('copy'), 'ledger')
    const head = readFileSync(join(place.keys.directory, 'head'))
    const one = await place.open()
    await one.append(aRead('one'), { durability: 'written' })
    await one.close()
    writeFileSync(join(place.keys.directory, 'head'), head)
    const other = await place.open({ directory: copy })
    await other.append(aRead('other'), { durability: 'written' })
    await other.close()
    const opening = place.open()
    await expect(opening).rejects.toMatchObject({ code: 'LEDGER_ROLLED_BACK' })
    await expect(opening).rejects.toThrow('differ about the first 2 entries')
  })

  test('an emptied one is no new log', async () => {
    using place = aPlace()
    await (await place.open()).close()
    rmSync(place.dataDir, { recursive: true })
    await expect(place.open()).rejects.toMatchObject({ code: 'LEDGER_ROLLED_BACK' })
  })

  test('without its keys it signs nothing, and other keys do not fit', async () => {
    using place = aPlace()
    await (await place.open()).close()
    const others = createKeys(join(place.root, 'keys'))
    expect(others.origin).not.toBe(place.keys.origin)
    const opening = openLedger({ directory: place.directory, keys: others, clock })
    await expect(opening).rejects.toMatchObject({ code: 'KEY_INVALID' })
    await (await place.open({ keys: reload(place.keys) })).close()
    for (const path of place.segments()) {
      const bytes = readFileSync(path)
      for (const key of [place.keys.walKey, place.keys.vaultKey]) expect(bytes.includes(Buffer.from(key))).toBe(false)
    }
  })
})

test('a damaged edge of the published files is refused with its path', async () => {
  using place = aPlace()
  const ledger = await place.open()
  for (let i = 0; i < 5; i++) await ledger.append(aRead(i), { durability: 'written' })
  await ledger.close()
  for (const file of ['tile/0/000.p/6', 'tile/entries/000.p/6', 'checkpoint']) {
    const path = join(place.directory, file)
    const kept = `${path}.kept`
    copyFileSync(path, kept)
    edit(path, (bytes) => (bytes[40] = (bytes[40] as number) ^ 1))
    const opening = place.open()
    await expect(opening).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
    await expect(opening).rejects.toThrow(file.startsWith('tile/0') ? '/tile`' : path)
    copyFileSync(kept, path)
    rmSync(kept)
  }
  await (await place.open()).close()
})

test('the MAC is HMAC-SHA256', () => {
  const key = Buffer.alloc(32, 5)
  const message = Buffer.from('what do ya want for nothing?')
  expect(new Authenticator(key).mac(message)).toBe(createHmac('sha256', key).update(message).digest('hex'))
})
