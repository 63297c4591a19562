import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { KernelError } from '../../src/base/errors.ts'
import { openLog, type FileLayer } from '../../src/evidence/ledger/index.ts'
import { nodeFiles } from '../../src/evidence/ledger/file-layer.ts'
import { createKeys } from '../../src/base/keys.ts'
import { aPlace, aRead, policyDraft } from './a-ledger.ts'

/** Files of which one operation fails once `break` was called, and works again after: nobody may retry. */
function brittleFiles(operation: keyof FileLayer): { files: FileLayer; break(): void; calls: () => number } {
  let broken = false
  let calls = 0
  const fail = (): never => {
    calls++
    broken = false
    throw Object.assign(new Error('input/output error'), { code: 'EIO' })
  }
  const files = { ...nodeFiles, [operation]: (...inputs: never[]) => (broken ? wrap(fail) : call(inputs)) } as FileLayer
  const wrap = (act: () => never): unknown => (isAsync(operation) ? Promise.resolve().then(act) : act())
  const call = (inputs: never[]): unknown => (nodeFiles[operation] as (...inputs: never[]) => unknown)(...inputs)
  return { files, break: () => (broken = true), calls: () => calls }
}

function isAsync(operation: keyof FileLayer): boolean {
  return !['open', 'write', 'close'].includes(operation)
}

test.each(['write', 'sync'] as const)('a failed %s ends all writing for good', async (operation) => {
  using place = aPlace()
  const brittle = brittleFiles(operation)
  const told: KernelError[] = []
  const ledger = await place.open({
    files: brittle.files,
    onFailure: (error) => told.push(error),
    bounds: { publishIntervalMs: 600_000 },
  })
  await ledger.append(policyDraft, { durability: 'durable' })
  const acknowledged = await ledger.append(aRead('kept'), { durability: 'durable' })
  brittle.break()
  const lost = [
    ledger.append(aRead('lost'), { durability: 'durable' }),
    ledger.intend({ n: 1 }),
    ledger.append(aRead('lost too'), { durability: 'durable' }),
  ]
  for (const result of await Promise.allSettled(lost)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'LEDGER_UNWRITABLE' } })
  }
  for (const act of [
    () => ledger.append(aRead('x'), { durability: 'written' }),
    () => ledger.sync(),
    () => ledger.publish(),
    () => ledger.intend({}),
  ]) {
    await expect(act()).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' })
  }
  await expect(ledger.close()).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' })
  expect(told.map(({ code }) => code)).toEqual(['LEDGER_UNWRITABLE'])
  expect(brittle.calls()).toBe(1)
  const again = await place.open()
  expect(Buffer.from(await again.read(acknowledged.seq)).toString()).toContain('/workspace/kept')
  await again.append(aRead('after'), { durability: 'durable' })
  await again.close()
  expect(await place.verify()).toMatchObject({ ok: true })
})

test.each(['put', 'replace', 'syncDirectory'] as const)(
  'a failed %s while publishing fails closed',
  async (operation) => {
    using place = aPlace()
    const brittle = brittleFiles(operation)
    const told: KernelError[] = []
    const ledger = await place.open({
      files: brittle.files,
      onFailure: (error) => told.push(error),
      bounds: { publishIntervalMs: 600_000 },
    })
    await ledger.append(policyDraft, { durability: 'durable' })
    await ledger.publish()
    await ledger.append(aRead('kept'), { durability: 'durable' })
    brittle.break()
    await expect(ledger.publish()).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' })
    await expect(ledger.append(aRead('x'), { durability: 'written' })).rejects.toMatchObject({
      code: 'LEDGER_UNWRITABLE',
    })
    await expect(ledger.close()).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' })
    expect(told).toHaveLength(1)
    expect((await openLog(place.directory)).size).toBe(2)
    const again = await place.open()
    expect(again.treeSize).toBe(3)
    await again.close()
    expect(await place.verify()).toMatchObject({ ok: true, size: 3 })
  },
)

test('a new segment that cannot be made fails closed, and no acknowledged entry is lost', async () => {
  using place = aPlace()
  const brittle = brittleFiles('zeros')
  const ledger = await place.open({
    files: brittle.files,
    bounds: { walSegmentBytes: 262_144, publishIntervalMs: 600_000 },
  })
  await ledger.append(policyDraft, { durability: 'durable' })
  brittle.break()
  let last = 0
  const flood = async (): Promise<void> => {
    for (let i = 0; i < 20_000; i++)
      last = (await ledger.append(aRead(`${i}-${'x'.repeat(500)}`), { durability: 'written' })).seq
  }
  await expect(flood()).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' })
  await expect(ledger.close()).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' })
  const again = await place.open({ bounds: { walSegmentBytes: 262_144 } })
  expect(again.treeSize).toBeGreaterThan(last)
  await again.close()
  expect(place.segments().length).toBeLessThanOrEqual(4)
  expect(await place.verify()).toMatchObject({ ok: true })
})

test('segments are used again, and their old bytes never come back', async () => {
  using place = aPlace()
  const bounds = { walSegmentBytes: 262_144, publishIntervalMs: 10 }
  const seen = new Set<string>()
  let size = 1
  for (let round = 0; round < 4; round++) {
    const ledger = await place.open({ bounds })
    expect(ledger.treeSize).toBe(size)
    if (round === 0) await ledger.append(policyDraft, { durability: 'durable' })
    const open = await ledger.intend({ round })
    for (let i = 0; i < 40; i++) {
      const burst = Array.from({ length: 100 }, (_, n) =>
        ledger.append(aRead(`${round}-${i}-${n}`), { durability: 'written' }),
      )
      await Promise.all(burst)
      if (i % 10 === 0) await ledger.publish()
    }
    await ledger.append(aRead('end'), { durability: 'durable', settles: open })
    size = ledger.treeSize
    await ledger.close()
    for (const path of place.segments()) seen.add(path)
  }
  expect(seen.size).toBeGreaterThan(8)
  expect(place.segments().length).toBeLessThanOrEqual(4)
  expect(place.segments()[0]).not.toBe(join(place.directory, 'wal', '0000000000000001.wal'))
  expect(await place.verify()).toMatchObject({ ok: true, size })
})

test('a segment whose entries are not all published is kept, however late the publisher is', async () => {
  using place = aPlace()
  const bounds = { walSegmentBytes: 262_144, publishIntervalMs: 600_000 }
  const opened = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const reached = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let publications = 0
  const files: FileLayer = {
    ...nodeFiles,
    async replace(path, bytes) {
      if (path.endsWith('checkpoint')) {
        reached[publications]?.resolve()
        await opened[publications++]?.promise
      }
      await nodeFiles.replace(path, bytes)
    },
  }
  const ledger = await place.open({ files, bounds })
  await ledger.append(policyDraft, { durability: 'durable' })
  const publishing = ledger.publish()
  await reached[0]?.promise
  const names = Array.from({ length: 3000 }, (_, i) => `${i}-${'x'.repeat(300)}`)
  await Promise.all(names.map((name) => ledger.append(aRead(name), { durability: 'written' })))
  const segments = place.segments()
  expect(segments.length).toBeGreaterThan(4)
  opened[0]?.resolve()
  await publishing
  await reached[1]?.promise
  // The next segment may have been prepared meanwhile, but none of these is gone.
  expect(place.segments()).toEqual(expect.arrayContaining(segments))
  const crashed = join(place.copyTo('crashed'), 'ledger')
  const size = ledger.treeSize
  opened[1]?.resolve()
  await ledger.close()
  const again = await place.open({ directory: crashed, bounds })
  expect(again.treeSize).toBe(size)
  await again.close()
  expect(await place.verify(crashed)).toMatchObject({ ok: true, size })
})

test('what an interrupted publication left behind is gone after the next clean end', async () => {
  using place = aPlace()
  const bounds = { publishIntervalMs: 600_000 }
  let isBroken = false
  const files: FileLayer = {
    ...nodeFiles,
    async replace(path, bytes) {
      if (isBroken && path.endsWith('checkpoint')) throw new Error('input/output error')
      await nodeFiles.replace(path, bytes)
    },
  }
  const ledger = await place.open({ files, bounds })
  await ledger.append(policyDraft, { durability: 'durable' })
  await ledger.publish()
  for (let i = 0; i < 10; i++) await ledger.append(aRead(i), { durability: 'written' })
  isBroken = true
  await expect(ledger.close()).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' })
  const partials = join(place.directory, 'tile/entries/000.p')
  expect(readdirSync(partials).sort()).toEqual(['12', '2'])
  const again = await place.open({ bounds })
  expect(readdirSync(partials)).toEqual(['2'])
  await again.append(aRead('more'), { durability: 'written' })
  await again.close()
  expect(readdirSync(partials)).toEqual(['13'])
  expect(await place.verify()).toMatchObject({ ok: true, size: 13 })
})

test('a folder that cannot be used is an error that says what to do', async () => {
  using place = aPlace()
  writeFileSync(place.dataDir, 'in the way')
  const opening = place.open()
  await expect(opening).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' })
  await expect(opening).rejects.toThrow("check the folder's owner")
})

test('a file that the checkpoint covers is never written again, so no end of the process can cut it short', async () => {
  using place = aPlace()
  const covered = new Set<string>()
  const rewritten: string[] = []
  const files: FileLayer = {
    ...nodeFiles,
    put: (path, bytes) => {
      if (covered.has(path)) rewritten.push(path)
      return nodeFiles.put(path, bytes)
    },
  }
  const cover = (): void => {
    for (const name of readdirSync(place.directory, { recursive: true, encoding: 'utf8' })) {
      covered.add(join(place.directory, name))
    }
  }
  for (const round of [1, 2]) {
    const ledger = await place.open({ files, bounds: { publishIntervalMs: 600_000 } })
    if (round === 1) await ledger.append(policyDraft, { durability: 'written' })
    for (const part of [1, 2, 3]) {
      for (let i = 0; i < 300; i++) await ledger.append(aRead(`${round}/${part}/${i}`), { durability: 'written' })
      await ledger.publish()
      cover()
      await ledger.append(aRead('one more'), { durability: 'written' })
      await ledger.publish()
      cover()
    }
    await ledger.close()
  }
  expect(rewritten).toEqual([])
  expect(covered.has(join(place.directory, 'tile', '1', '000.p', '1'))).toBe(true)
  expect(await place.verify()).toMatchObject({ ok: true })
})

test('the agent key of another log is refused before it signs heads that nobody could verify', async () => {
  using place = aPlace()
  const first = await place.open()
  await first.append(policyDraft, { durability: 'durable' })
  await first.close()
  const { agent } = createKeys(join(place.root, 'other keys'))
  const keys = { ...place.keys, agent }
  await expect(place.open({ keys })).rejects.toMatchObject({
    code: 'KEY_INVALID',
    message: expect.stringContaining('agent.key'),
  })
  const again = await place.open()
  expect(again.treeSize).toBe(2)
  await again.close()
})

test('a folder of partial tiles that a crash left empty is gone after the next start', async () => {
  using place = aPlace()
  const first = await place.open()
  await first.append(policyDraft, { durability: 'durable' })
  await first.close()
  mkdirSync(join(place.directory, 'tile', 'entries', '002.p'))
  await (await place.open()).close()
  expect(readdirSync(join(place.directory, 'tile', 'entries'))).toEqual(['000.p'])
})
