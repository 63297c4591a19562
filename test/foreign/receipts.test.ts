import { expect, test } from 'vitest'
import { buildReceipt, formatReceipt, parseReceipt, verifyReceipt } from '../../src/evidence/receipt/index.ts'
import { aLog, aSigner, leafHashOf, signedCheckpoint, someEntries, treeHash } from '../evidence/receipt/a-log.ts'
import { guards } from '../guards.ts'
import { aGoProgram } from './a-go-program.ts'
import { written } from './on-disk.ts'

const verifier = await aGoProgram('go')

verifier.suite('receipts, by Kestrel and by Go', () => {
  guards('LED-04', 'LED-05')

  const signer = aSigner()

  /** Whether both take it; they must agree. */
  async function holds(receipt: Uint8Array, vkey: string = signer.vkey): Promise<boolean> {
    const ours = await verifyReceipt(receipt, { vkey }).then(
      () => true,
      () => false,
    )
    const { code, stdout } = await verifier.run(['receipt', written(receipt, verifier.folder), vkey])
    expect({ code, isOk: stdout === 'ok\n' }).toEqual({ code: ours ? 0 : 6, isOk: ours })
    return ours
  }

  const boundaries = [1, 2, 3, 4, 5, 127, 128, 129, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025]
  test.each(boundaries)('hold in a log of %i entries, first, last and beside each power of two', async (size) => {
    const log = aLog(signer, size)
    const powers = [1, 2, 4, 128, 256, 512, 1024].flatMap((power) => [power - 1, power])
    for (const seq of new Set([0, size - 1, ...powers.filter((power) => power < size)])) {
      expect([size, seq, await holds(await buildReceipt(log, seq))]).toEqual([size, seq, true])
    }
  })

  test('go on holding when the log has grown', async () => {
    const old = await buildReceipt(aLog(signer, 300), 299)
    const grown = aLog(signer, 1100)
    expect(await holds(old)).toBe(true)
    const { entry } = parseReceipt(await buildReceipt(grown, 299))
    expect(Buffer.from(entry)).toEqual(Buffer.from(parseReceipt(old).entry))
  })

  test('do not hold under a checkpoint of another size of the same log', async () => {
    const receipt = parseReceipt(await buildReceipt(aLog(signer, 300), 299))
    for (const size of [299, 301, 512]) {
      const checkpoint = aLog(signer, size).file('checkpoint')
      expect([size, await holds(formatReceipt({ ...receipt, checkpoint }))]).toEqual([size, false])
    }
  })

  test('do not hold when somebody else signed the same tree under the same name', async () => {
    const size = 300
    const receipt = parseReceipt(await buildReceipt(aLog(signer, size), 7))
    const root = treeHash(someEntries(signer, size).map(leafHashOf))
    const thief = aSigner(signer.origin)
    const forged = formatReceipt({ ...receipt, checkpoint: signedCheckpoint(thief, size, root) })
    expect(await holds(forged)).toBe(false)
    expect(await holds(forged, thief.vkey)).toBe(true)
    const renamed = { ...thief, keyId: signer.keyId }
    expect(await holds(formatReceipt({ ...receipt, checkpoint: signedCheckpoint(renamed, size, root) }))).toBe(false)
  })

  test('do not hold for an entry that moved, changed, or is a node of the tree', async () => {
    const log = aLog(signer, 300)
    const receipt = parseReceipt(await buildReceipt(log, 7))
    const other = parseReceipt(await buildReceipt(log, 8))
    expect(await holds(formatReceipt({ ...receipt, entry: other.entry }))).toBe(false)
    expect(await holds(formatReceipt({ ...other, index: 7 }))).toBe(false)
    expect(await holds(formatReceipt({ ...receipt, proof: receipt.proof.toReversed() }))).toBe(false)
    expect(await holds(formatReceipt({ ...receipt, proof: receipt.proof.slice(1) }))).toBe(false)
    expect(await holds(formatReceipt({ ...receipt, proof: [...receipt.proof, new Uint8Array(32)] }))).toBe(false)
    const node = Buffer.concat([leafHashOf(receipt.entry), receipt.proof[0] as Uint8Array])
    expect(await holds(formatReceipt({ ...receipt, entry: node, proof: receipt.proof.slice(1), index: 3 }))).toBe(false)
  })

  test('do not hold with any line of theirs changed', async () => {
    const text = Buffer.from(await buildReceipt(aLog(signer, 300), 7)).toString('utf8')
    const lines = text.split('\n')
    for (const [at, line] of lines.entries()) {
      if (line === '') continue
      for (const changed of [`${line} `, `x${line}`, line.slice(0, -1), '']) {
        const bytes = Buffer.from(lines.with(at, changed).join('\n'))
        expect([at, changed, await holds(bytes)]).toEqual([at, changed, false])
      }
    }
  })
})
