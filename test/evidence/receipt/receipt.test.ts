import fc from 'fast-check'
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { KernelError } from '../../../src/base/errors.ts'
import { nodePrimitives } from '../../../src/base/hash.ts'
import {
  buildReceipt,
  formatReceipt,
  parseReceipt,
  verifyReceipt,
  type Entry,
} from '../../../src/evidence/receipt/index.ts'
import { guards } from '../../guards.ts'
import { ALog, aLog, aSigner, leafHashOf, publish, someEntries } from './a-log.ts'

const signer = aSigner()
const { vkey } = signer
const entries = someEntries(signer, 600)
const log = publish(signer, entries)
const invalid = expect.objectContaining({ code: 'RECEIPT_INVALID' }) as object
const corrupt = expect.objectContaining({ code: 'LEDGER_CORRUPT' }) as object

describe('a receipt', () => {
  guards('LED-04', 'LED-05', 'LED-10', 'LED-16')

  test.each([0, 1, 100, 255, 256, 511, 512, 599])('of entry %i proves it offline', async (seq) => {
    const bytes = await buildReceipt(log, seq)
    const verified = await verifyReceipt(bytes, { vkey })
    expect(verified.entry.seq).toBe(seq)
    expect(verified.leafHash).toBe(leafHashOf(entries[seq] as Uint8Array).toString('hex'))
    expect(verified.checkpoint).toMatchObject({ origin: signer.origin, size: 600 })
    expect(await verifyReceipt(bytes, { vkey, primitives: nodePrimitives })).toEqual(verified)
    expect(formatReceipt(parseReceipt(bytes))).toEqual(bytes)
  })

  test.each([1, 2, 256, 257])('of the last of %i entries', async (size) => {
    const small = aLog(signer, size)
    const verified = await verifyReceipt(await buildReceipt(small, size - 1), { vkey })
    expect(verified.entry.seq).toBe(size - 1)
  })

  test('is text in the form of c2sp.org/tlog-proof', async () => {
    const text = Buffer.from(await buildReceipt(log, 300)).toString()
    const lines = text.split('\n')
    expect(lines[0]).toBe('c2sp.org/tlog-proof@v1')
    expect(lines[1]).toBe(`extra ${Buffer.from(entries[300] as Uint8Array).toString('base64')}`)
    expect(lines[2]).toBe('index 300')
    expect(text.endsWith(Buffer.from(log.file('checkpoint')).toString())).toBe(true)
  })

  test('reads one bundle and few tiles of a long log', async () => {
    const long = aLog(signer, 66_000)
    const read: string[] = []
    const counting = { read: (path: string) => (read.push(path), long.read(path)) }
    const bytes = await buildReceipt(counting, 12_345, { primitives: nodePrimitives })
    expect((await verifyReceipt(bytes, { vkey })).entry.seq).toBe(12_345)
    expect(read.filter((path) => path.startsWith('tile/entries/'))).toEqual(['tile/entries/048'])
    expect(read.length).toBeLessThan(10)
  })

  test('is not given for an entry that the checkpoint does not cover, nor from damaged files', async () => {
    for (const seq of [600, -1, 0.5, Number.NaN]) {
      await expect(buildReceipt(log, seq)).rejects.toMatchObject({ code: 'ENTRY_NOT_FOUND' })
    }
    await expect(buildReceipt(new ALog(new Map()), 0)).rejects.toMatchObject({ code: 'LEDGER_NOT_FOUND' })
    for (const path of ['tile/entries/001', 'tile/0/001', 'tile/1/000.p/2', 'tile/0/002.p/88']) {
      const without = log.copy()
      without.files.delete(path)
      await expect(buildReceipt(without, 300)).rejects.toEqual(corrupt)
      const flipped = log.copy()
      const bytes = flipped.file(path)
      bytes[9] = (bytes[9] as number) ^ 1
      await expect(buildReceipt(flipped, path === 'tile/entries/001' ? 256 : 300)).rejects.toEqual(corrupt)
    }
  })

  test('with a bit flipped anywhere is refused by name', async () => {
    const bytes = await buildReceipt(aLog(signer, 5), 3)
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const changed = Uint8Array.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      const error: unknown = await verifyReceipt(changed, { vkey, primitives: nodePrimitives }).catch((e: unknown) => e)
      expect(error, `bit ${bit}`).toBeInstanceOf(KernelError)
      expect(error).toEqual(invalid)
    }
  })

  test('any bytes are a receipt or a named error', async () => {
    const bytes = await buildReceipt(log, 300)
    const line = fc.constantFrom('extra AA==', 'index 1', 'index 01', '', 'c2sp.org/tlog-proof@v1', 'x', '— a AAAAAAA=')
    const hostile = fc.oneof(
      fc.uint8Array(),
      fc.array(line).map((lines) => Buffer.from(lines.join('\n'))),
      fc.tuple(fc.nat(bytes.length - 1), fc.uint8Array()).map(([at, put]) => Buffer.concat([bytes.slice(0, at), put])),
    )
    await fc.assert(
      fc.asyncProperty(hostile, async (input) => {
        fc.pre(!Buffer.from(input).equals(bytes))
        await expect(verifyReceipt(input, { vkey, primitives: nodePrimitives })).rejects.toEqual(invalid)
      }),
      { numRuns: 500 },
    )
  })

  test('of another key, entry, index or checkpoint is refused', async () => {
    const receipt = parseReceipt(await buildReceipt(log, 300))
    const refuse = async (change: object): Promise<void> =>
      expect(verifyReceipt(formatReceipt({ ...receipt, ...change }), { vkey })).rejects.toEqual(invalid)
    await refuse({ entry: entries[301] })
    await refuse({ index: 301 })
    await refuse({ index: 301, entry: entries[301] })
    await refuse({ proof: receipt.proof.slice(1) })
    await refuse({ proof: [...receipt.proof, receipt.proof[0]] })
    await refuse({ checkpoint: aLog(signer, 599).file('checkpoint') })
    await refuse({ checkpoint: aLog(aSigner(signer.origin), 600).file('checkpoint') })
    const bytes = formatReceipt(receipt)
    await expect(verifyReceipt(bytes, { vkey: aSigner(signer.origin).vkey })).rejects.toEqual(invalid)
    await expect(verifyReceipt(bytes, { vkey: 'x' })).rejects.toMatchObject({ code: 'KEY_INVALID' })
  })

  test('of an entry that says it is another is refused, though the log was signed so', async () => {
    const alter = (entry: Entry): Entry => (entry.seq === 5 ? { ...entry, seq: 6 } : entry)
    const receipt = await buildReceipt(aLog(signer, 10, { alter }), 5)
    await expect(verifyReceipt(receipt, { vkey })).rejects.toEqual(invalid)
  })

  test('is only written when it would be read', async () => {
    const receipt = parseReceipt(await buildReceipt(log, 300))
    for (const change of [
      { index: -1 },
      { proof: [new Uint8Array(31)] },
      { proof: Array.from({ length: 65 }, () => new Uint8Array(32)) },
      { entry: new Uint8Array(0) },
      { checkpoint: new Uint8Array(0) },
      { checkpoint: Buffer.from('\n\n') },
    ]) {
      expect(() => formatReceipt({ ...receipt, ...change })).toThrow(invalid)
    }
  })
})

describe('a receipt with the payload disclosed', () => {
  guards('LED-10')

  const salt = Buffer.alloc(16, 9)
  const bytes = Buffer.from('{"path":"a"}')
  const params = createHash('sha256').update(salt).update(bytes).digest('hex')
  const own = aLog(signer, 5, { alter: (entry) => (entry.kind === 'action' ? { ...entry, params } : entry) })

  test('says which field committed to it', async () => {
    const receipt = await buildReceipt(own, 3)
    expect(await verifyReceipt(receipt, { vkey, disclosure: { salt, bytes } })).toMatchObject({ discloses: 'params' })
    expect(await verifyReceipt(receipt, { vkey })).not.toHaveProperty('discloses')
  })

  test.each([
    ['another payload', { salt, bytes: Buffer.from('{"path":"b"}') }],
    ['another salt', { salt: Buffer.alloc(16, 8), bytes }],
    ['the border between them moved', { salt: salt.subarray(0, 15), bytes: Buffer.concat([salt.subarray(15), bytes]) }],
  ])('refuses %s', async (_what, disclosure) => {
    await expect(verifyReceipt(await buildReceipt(own, 3), { vkey, disclosure })).rejects.toEqual(invalid)
  })
})
