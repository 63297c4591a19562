import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { acquireLock } from '../../../src/evidence/ledger/lock.ts'
import { verifyLog, type Verification } from '../../../src/evidence/receipt/index.ts'
import { RememberedHeads } from '../../../src/evidence/witness/index.ts'
import { guards } from '../../guards.ts'
import { aSigner, publish, someEntries, type ALog, type Signer } from '../receipt/a-log.ts'

const signer = aSigner()
const { origin, vkey } = signer
const entries = someEntries(signer, 700)
const at = (size: number): ALog => publish(signer, entries.slice(0, size))
const logs = { 3: at(3), 300: at(300), 700: at(700) }
const forked = (size: number): ALog => publish(signer, someEntries(signer, size, { fork: { from: 2, mark: 'other' } }))

let folder = ''
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'kestrel-heads-')), 'heads')
})
afterEach(() => rmSync(dirname(folder), { recursive: true, force: true }))

const heads = (): RememberedHeads => new RememberedHeads(folder, { now: () => 0 })
const verify = (log: ALog, by: Signer = signer, memory = heads()): Promise<Verification> =>
  verifyLog(log, { vkey: by.vkey, memory })
const codes = ({ problems }: Verification): string[] => problems.map(({ code }) => code)
const kept = (): Buffer => readFileSync(heads().pathOf(origin))

describe('the memory of verified heads', () => {
  guards('LED-01')

  test('is begun and moved on by what verifies, whole and closed to others', async () => {
    expect(await verify(logs[300])).not.toHaveProperty('remembered')
    expect(kept()).toEqual(Buffer.from(logs[300].file('checkpoint')))
    expect(statSync(heads().pathOf(origin)).mode & 0o777).toBe(0o600)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(await verify(logs[700])).toMatchObject({ ok: true, remembered: { size: 300 } })
    expect(kept()).toEqual(Buffer.from(logs[700].file('checkpoint')))
    expect(await verify(logs[700])).toMatchObject({ ok: true, remembered: { size: 700 } })
  })

  test('knows a log that was put back, forked at its size, or forked below', async () => {
    await verify(logs[300])
    const before = kept()
    expect(codes(await verify(logs[3]))).toEqual(['rolled_back'])
    expect(codes(await verify(forked(300)))).toEqual(['forked'])
    expect(codes(await verify(forked(700)))).toEqual(['forked'])
    expect(kept()).toEqual(before)
    expect((await verify(logs[300])).ok).toBe(true)
  })

  test('is not moved on by a log that does not verify', async () => {
    await verify(logs[3])
    const damaged = logs[300].copy()
    damaged.files.delete('tile/entries/000')
    expect(codes(await verify(damaged))).toEqual(['missing'])
    expect(kept()).toEqual(Buffer.from(logs[3].file('checkpoint')))
  })

  test('knows another key that signs for a log of the same name', async () => {
    await verify(logs[300])
    const impostor = aSigner(origin)
    const log = publish(impostor, someEntries(impostor, 700))
    expect(codes(await verifyLog(log, { memory: heads() }))).toEqual(['foreign_key'])
    expect(codes(await verify(log, impostor))).toEqual(['foreign_key'])
    expect(kept()).toEqual(Buffer.from(logs[300].file('checkpoint')))
  })

  test.each([
    ['cut', (bytes: Buffer) => bytes.subarray(0, 50)],
    ['empty', () => Buffer.alloc(0)],
    [
      'another size under the signature',
      (bytes: Buffer) => Buffer.from(bytes.toString().replace('\n300\n', '\n200\n')),
    ],
    ['too large', () => Buffer.alloc(2_000_000)],
  ])('damaged (%s) is told and left alone', async (what, damage) => {
    await verify(logs[300])
    const path = heads().pathOf(origin)
    const bytes = damage(kept())
    writeFileSync(path, bytes)
    if (what === 'too large') {
      await expect(verify(logs[700])).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
    } else {
      const found = await verify(logs[700])
      expect(found).toMatchObject({ ok: true, remembered: { unusable: expect.any(String) as string } })
    }
    expect(readFileSync(path)).toEqual(bytes)
  })

  test('follows no link', async () => {
    mkdirSync(folder, { recursive: true })
    const target = join(dirname(folder), 'target')
    writeFileSync(target, 'x')
    symlinkSync(target, heads().pathOf(origin))
    await expect(verify(logs[3])).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' })
    expect(readFileSync(target, 'utf8')).toBe('x')
  })

  test('of two verifications at once keeps one, never an older after a newer', async () => {
    await verify(logs[3])
    for (const [first, second] of [
      [logs[300], logs[700]],
      [logs[700], logs[300]],
    ] as const) {
      writeFileSync(heads().pathOf(origin), logs[3].file('checkpoint'))
      const [one, two] = [heads(), heads()]
      expect(await one.recall(origin)).toEqual(await two.recall(origin))
      await one.remember(origin, first.file('checkpoint'))
      await two.remember(origin, second.file('checkpoint'))
      expect(kept()).toEqual(Buffer.from(first.file('checkpoint')))
    }
    const all = await Promise.all([logs[300], logs[700], logs[300], logs[700]].map((log) => verify(log)))
    expect(all.filter(({ ok }) => ok).length).toBeGreaterThan(0)
    expect((await verify(logs[700])).ok).toBe(true)
  })

  test('held by another for long is an error, not a wait without end', async () => {
    mkdirSync(folder, { recursive: true })
    const lock = acquireLock(folder, { pid: 1, startedAt: 0, dataDir: folder })
    await expect(verify(logs[3])).rejects.toMatchObject({ code: 'LEDGER_LOCKED' })
    lock.release()
    expect((await verify(logs[3])).ok).toBe(true)
  })

  test('is separate for each log', async () => {
    const other = aSigner('kestrel.local/other')
    await verify(logs[300])
    expect((await verify(publish(other, someEntries(other, 5)), other)).ok).toBe(true)
    expect(heads().pathOf(other.origin)).not.toBe(heads().pathOf(origin))
    expect(heads().pathOf('../x')).toMatch(/heads\/[0-9a-f]{16}$/)
    expect(vkey).toContain(origin)
  })
})
