import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasUnpublished, openLog, parseEntry, treePaths } from '../../src/evidence/ledger/index.ts'
import { guards } from '../guards.ts'
import { aPlace, aRead, policyDraft, readEntry, type Place } from './a-ledger.ts'

function filesUnder(folder: string, path = ''): string[] {
  return readdirSync(join(folder, path), { withFileTypes: true }).flatMap((item) => {
    const inside = path === '' ? item.name : `${path}/${item.name}`
    return item.isDirectory() ? filesUnder(folder, inside) : [inside]
  })
}

function publishedFiles({ directory }: Place): string[] {
  return filesUnder(directory)
    .filter((path) => !path.startsWith('wal/'))
    .sort()
}

describe('a log over its life', () => {
  test('begins with the enrolment of `local`, and each entry has its place', async () => {
    using place = aPlace()
    const ledger = await place.open()
    expect(await ledger.append(policyDraft, { durability: 'durable' })).toMatchObject({ seq: 1 })
    expect(ledger.policy).toEqual({ seq: 1, digest: '0'.repeat(64) })
    expect(await readEntry(ledger, 0)).toMatchObject({
      kind: 'enroll',
      agent: 'local',
      principal: 'local',
      agentSeq: 0,
      publicKey: Buffer.from(place.keys.agent.publicKey).toString('base64'),
    })
    const { seq, leafHash } = await ledger.append(aRead('a'), { durability: 'written' })
    expect(await readEntry(ledger, seq)).toMatchObject({ seq: 2, agentSeq: 2, resource: '/workspace/a' })
    expect(leafHash).toMatch(/^[0-9a-f]{64}$/)
    await ledger.close()
  })

  test.each([1, 255, 256, 257, 511, 512, 600])(
    'is exactly complete after a close with %i more entries',
    async (count) => {
      using place = aPlace()
      const ledger = await place.open()
      await ledger.append(policyDraft, { durability: 'durable' })
      for (let i = 0; i < count; i++) {
        if (i % 200 === 0) await ledger.publish()
        await ledger.append(aRead(i), { durability: 'written' })
      }
      const size = ledger.treeSize
      await ledger.close()
      expect(publishedFiles(place)).toEqual(['checkpoint', 'vkey', ...treePaths(size)].sort())
      expect(await place.verify()).toMatchObject({ ok: true, size, problems: [] })
      expect(readFileSync(join(place.directory, 'vkey'), 'utf8')).toBe(`${place.keys.vkey}\n`)
      expect(await hasUnpublished(place.directory)).toBe(false)
    },
  )

  test('goes on where it was, over many restarts', async () => {
    using place = aPlace()
    for (let round = 0; round < 6; round++) {
      const ledger = await place.open()
      if (round === 0) await ledger.append(policyDraft, { durability: 'durable' })
      expect(ledger.policy?.seq).toBe(1)
      for (let i = 0; i < 300; i++) void ledger.append(aRead(`${round}-${i}`), { durability: 'written' })
      await ledger.close()
    }
    const verification = await place.verify()
    expect(verification).toMatchObject({ ok: true, problems: [] })
    const log = await openLog(place.directory)
    const names: unknown[] = []
    for await (const { seq, bytes } of log.entries()) {
      const entry = parseEntry(bytes)
      expect(entry.seq).toBe(seq)
      if (entry.kind === 'action') names.push(entry.resource)
    }
    expect(names).toHaveLength(6 * 300)
    expect(new Set(names).size).toBe(6 * 300)
    expect(parseEntry((await log.entry(7)).bytes).seq).toBe(7)
    await expect(log.entry(log.size)).rejects.toMatchObject({ code: 'ENTRY_NOT_FOUND' })
  })

  test('signs a head over each 512 entries of `local`, before the next one', async () => {
    using place = aPlace()
    const ledger = await place.open()
    await ledger.append(policyDraft, { durability: 'durable' })
    for (let i = 0; i < 1200; i++) void ledger.append(aRead(i), { durability: 'written' })
    await ledger.close()
    const log = await openLog(place.directory)
    const heads: [number, number | undefined][] = []
    for await (const { bytes } of log.entries()) {
      const entry = parseEntry(bytes)
      if (entry.kind === 'head') heads.push([entry.seq, entry.head?.upTo])
    }
    expect(heads).toEqual([
      [512, 511],
      [1025, 1023],
    ])
    expect(await place.verify()).toMatchObject({ ok: true })
  })

  test('time never goes back, whatever the clock does', async () => {
    using place = aPlace()
    const times = [5000, 4000, 6000, 1000]
    const clock = { now: () => times.shift() ?? 10, monotonicMs: () => 0 }
    const ledger = await place.open({ clock })
    const got: number[] = []
    for (let i = 0; i < 4; i++) got.push((await ledger.append(aRead(i), { durability: 'written' })).time)
    expect(got).toEqual([...got].sort((a, b) => a - b))
    await ledger.close()
    const again = await place.open({ clock: { now: () => 7, monotonicMs: () => 0 } })
    expect((await again.append(aRead('x'), { durability: 'written' })).time).toBe(got.at(-1))
    await again.close()
  })

  test('publishes by itself within the interval', async () => {
    using place = aPlace()
    const ledger = await place.open({ bounds: { publishIntervalMs: 30 } })
    await ledger.append(policyDraft, { durability: 'written' })
    await ledger.append(aRead('a'), { durability: 'written' })
    await expect.poll(async () => (await openLog(place.directory)).size, { timeout: 5000 }).toBe(3)
    expect(await place.verify()).toMatchObject({ ok: true, size: 3 })
    await ledger.close()
  })

  test('a chain of awaited appends holds up neither timers nor publishing', async () => {
    using place = aPlace()
    const ledger = await place.open()
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    // Looked at without waiting: whatever waits for the disk lets others have their turn.
    const publishedSize = (): number => {
      const checkpoint = join(place.directory, 'checkpoint')
      return existsSync(checkpoint) ? Number(readFileSync(checkpoint, 'utf8').split('\n')[1]) : 0
    }
    for (const end = performance.now() + 20_000; publishedSize() <= 500 && performance.now() < end;) {
      for (let i = 0; i < 500; i++) await ledger.append(aRead('a'), { durability: 'written' })
    }
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(5)
    expect(publishedSize()).toBeGreaterThan(500)
    await ledger.close()
  })

  test('an entry that is no entry is refused, and costs no place', async () => {
    using place = aPlace()
    const ledger = await place.open()
    await expect(ledger.append({ ...aRead('a'), params: 'not hex' }, { durability: 'written' })).rejects.toMatchObject({
      code: 'ENTRY_INVALID',
    })
    const huge = ledger.append(aRead('x'.repeat(70_000)), { durability: 'durable' })
    await expect(huge).rejects.toMatchObject({ code: 'ENTRY_TOO_LARGE' })
    expect(await ledger.append(policyDraft, { durability: 'durable' })).toMatchObject({ seq: 1 })
    await ledger.close()
    await expect(ledger.append(aRead('a'), { durability: 'written' })).rejects.toMatchObject({
      code: 'LEDGER_UNWRITABLE',
    })
    expect(await place.verify()).toMatchObject({ ok: true, size: 2 })
  })

  test('its files are for their owner only', async () => {
    using place = aPlace()
    const ledger = await place.open()
    await ledger.append(policyDraft, { durability: 'durable' })
    for (const path of filesUnder(place.dataDir)) {
      expect([path, statSync(join(place.dataDir, path)).mode & 0o077]).toEqual([path, 0])
    }
    await ledger.close()
  })
})

describe('many writers', () => {
  guards('LED-07')

  test('50 writers × 200 appends are 10,000 entries, each acknowledged where it stands', async () => {
    using place = aPlace()
    const ledger = await place.open()
    await ledger.append(policyDraft, { durability: 'durable' })
    const places = new Map<number, string>()
    const writer = async (name: number): Promise<void> => {
      for (let i = 0; i < 200; i++) {
        const resource = `${name}-${i}`
        const { seq } = await ledger.append(aRead(resource), { durability: i % 20 === 0 ? 'durable' : 'written' })
        places.set(seq, `/workspace/${resource}`)
      }
    }
    await Promise.all(Array.from({ length: 50 }, (_, name) => writer(name)))
    await ledger.close()
    expect(places.size).toBe(10_000)
    const log = await openLog(place.directory)
    let actions = 0
    for await (const { seq, bytes } of log.entries()) {
      const entry = parseEntry(bytes)
      if (entry.kind !== 'action') continue
      actions++
      expect(entry.resource).toBe(places.get(seq))
    }
    expect(actions).toBe(10_000)
    expect(await place.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('10,000 appends in one turn wait for room and all arrive, in order', async () => {
    using place = aPlace()
    const ledger = await place.open({ bounds: { unpublishedEntries: 1000 } })
    const appends = Array.from({ length: 10_000 }, (_, i) => ledger.append(aRead(i), { durability: 'written' }))
    expect(ledger.treeSize).toBeLessThanOrEqual(1001)
    const closed = ledger.close()
    const seqs = (await Promise.all(appends)).map(({ seq }) => seq)
    await closed
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
    expect(existsSync(join(place.dataDir, 'lock.owner'))).toBe(false)
  })
})

describe('intents', () => {
  test('an open one survives restarts until an entry settles it', async () => {
    using place = aPlace()
    const first = await place.open()
    const [a, b] = await Promise.all([first.intend({ n: 1 }), first.intend({ n: 2 })])
    await first.append(aRead('a'), { durability: 'durable', settles: a })
    await first.close()
    for (let round = 0; round < 3; round++) {
      const ledger = await place.open()
      expect(ledger.unsettled).toEqual([{ id: b, intent: { n: 2 } }])
      await ledger.close()
    }
    expect(await hasUnpublished(place.directory)).toBe(true)
    const last = await place.open()
    await last.append(aRead('b'), { durability: 'durable', settles: b })
    await expect(last.append(aRead('c'), { durability: 'durable', settles: b })).rejects.toMatchObject({
      code: 'ENTRY_INVALID',
    })
    expect(await last.intend({ n: 3 })).toBeGreaterThan(b)
    await last.close()
  })

  test('too many wait until others are settled', async () => {
    using place = aPlace()
    const ledger = await place.open()
    const filler = 'x'.repeat(60_000)
    const intents = Array.from({ length: 40 }, (_, n) => ledger.intend({ n, filler }))
    let settled = 0
    for (const intent of intents) {
      await ledger.append(aRead('a'), { durability: 'written', settles: await intent })
      settled++
    }
    expect(settled).toBe(40)
    await ledger.close()
    const again = await place.open()
    expect(again.unsettled).toEqual([])
    await again.close()
  })
})
