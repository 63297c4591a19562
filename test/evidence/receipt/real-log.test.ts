import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { createKeys, type KeyRing } from '../../../src/base/keys.ts'
import { logFiles, openLedger, type Ledger } from '../../../src/evidence/ledger/index.ts'
import { buildReceipt, verifyLog, verifyReceipt } from '../../../src/evidence/receipt/index.ts'
import { guards } from '../../guards.ts'

const by = { agent: 'local', principal: 'alice' }

async function act(ledger: Ledger, count: number): Promise<void> {
  const draft = { ...by, kind: 'action', action: 'fs.read', resource: '/workspace/a.csv', policy: 1 } as const
  await Promise.all(Array.from({ length: count }, () => ledger.append(draft, { durability: 'written' })))
}

describe('a log that the ledger wrote', () => {
  guards('LED-01', 'LED-04', 'LED-05')

  let root = ''
  let folder = ''
  let keys: KeyRing
  let early: Uint8Array

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'kestrel-log-'))
    folder = join(root, 'data', 'ledger')
    keys = createKeys(join(root, 'keys'))
    const first = await openLedger({ directory: folder, keys, clock: systemClock })
    await first.append({ ...by, kind: 'policy', digest: 'cd'.repeat(32) }, { durability: 'durable' })
    await act(first, 300)
    await first.close()
    early = readFileSync(join(folder, 'checkpoint'))
    const second = await openLedger({ directory: folder, keys, clock: systemClock })
    await act(second, 1000)
    await second.close()
  }, 60_000)

  afterAll(() => {
    rmSync(root, { recursive: true, force: true })
  })

  test('verifies from a copy of its files with only the key, and extends its earlier checkpoint', async () => {
    const copy = join(root, 'copy')
    cpSync(folder, copy, { recursive: true })
    const options = { vkey: keys.vkey, since: early, primitives: nodePrimitives }
    const verification = await verifyLog(logFiles(copy), options)
    expect(verification.problems).toEqual([])
    expect(verification).toMatchObject({ ok: true, origin: keys.origin })
    expect(verification.size).toBeGreaterThan(1302)
  })

  test('gives receipts', async () => {
    for (const seq of [0, 301, 302, 513, 1301]) {
      const receipt = await buildReceipt(logFiles(folder), seq)
      const { entry } = await verifyReceipt(receipt, { vkey: keys.vkey })
      expect(entry.seq).toBe(seq)
    }
  })
})
