import { expect, test } from 'vitest'
import { nodePrimitives } from '../../src/base/hash.ts'
import { decodeBundle, encodeBundle } from '../../src/evidence/ledger/tile.ts'
import { consistencyProof, inclusionProof, type NodeReader } from '../../src/evidence/proof/index.ts'
import { buildReceipt } from '../../src/evidence/receipt/index.ts'
import {
  aLog,
  aSigner,
  leafHashOf,
  signedCheckpoint,
  someEntries,
  treeHash,
  writeTree,
  type ALog,
} from '../evidence/receipt/a-log.ts'
import { guards } from '../guards.ts'
import { aGoProgram, type Said } from './a-go-program.ts'
import { placed, written } from './on-disk.ts'

const verifier = await aGoProgram('go')

verifier.suite('Go’s sumdb libraries', () => {
  guards('LED-01', 'LED-04', 'LED-05')

  const signer = aSigner()
  const size = 600
  const honest = aLog(signer, size)

  const verifyLog = (log: ALog): Promise<Said> => verifier.run(['log', placed(log, verifier.folder), signer.vkey])
  const verifyReceipt = (bytes: Uint8Array): Promise<Said> =>
    verifier.run(['receipt', written(bytes, verifier.folder), signer.vkey])

  test.each([1, 2, 255, 256, 257, 600, 1100])('verify a log of %i entries', async (entries) => {
    expect(await verifyLog(aLog(signer, entries))).toMatchObject({ code: 0, stdout: 'ok\n' })
  })

  test.each([0, 255, 256, 512, 599])('verify the receipt of entry %i', async (seq) => {
    const receipt = await buildReceipt(honest, seq)
    expect(await verifyReceipt(receipt)).toMatchObject({ code: 0, stdout: 'ok\n' })
    const text = Buffer.from(receipt).toString()
    for (const [part, other] of [
      [`index ${seq}`, `index ${seq + 1}`],
      ['\n600\n', '\n601\n'],
      [text.split('\n')[4] ?? '', Buffer.alloc(32).toString('base64')],
    ] as const) {
      expect(await verifyReceipt(Buffer.from(text.replace(part, other)))).toMatchObject({ code: 6 })
    }
  })

  const bundle = 'tile/entries/001'
  const tampering: readonly [string, (log: ALog) => void][] = [
    ['a flipped bit in an entry', (log) => flip(log.file(bundle), 1000)],
    ['a flipped bit in a full tile', (log) => flip(log.file('tile/0/000'), 1000)],
    ['a flipped bit in a partial tile', (log) => flip(log.file('tile/0/002.p/88'), 1000)],
    ['a flipped bit in an upper tile', (log) => flip(log.file('tile/1/000.p/2'), 10)],
    ['a flipped bit in the checkpoint', (log) => flip(log.file('checkpoint'), 40)],
    ['two entries swapped', (log) => rebundle(log, (list) => [list[1], list[0], ...list.slice(2)] as Uint8Array[])],
    ['an entry taken out', (log) => rebundle(log, (list) => list.toSpliced(7, 1))],
    [
      'an entry put in',
      (log) =>
        rebundle(log, (list) => list.toSpliced(7, 1, Buffer.from('{"v":1}'), list[7] as Uint8Array).slice(0, 256)),
    ],
    ['the tail cut off', (log) => log.files.delete('tile/entries/002.p/88')],
    ['a tile gone', (log) => log.files.delete('tile/0/001')],
    ['another vkey', (log) => log.files.set('vkey', Buffer.from(aSigner(signer.origin).vkey))],
    [
      'all but the checkpoint of a forked log',
      (log) => {
        writeTree(log.files, someEntries(signer, size, { fork: { from: 300, mark: 'fork' } }))
      },
    ],
    [
      'a checkpoint of another key',
      (log) => {
        const root = treeHash(someEntries(signer, size).map(leafHashOf))
        log.files.set('checkpoint', signedCheckpoint(aSigner(signer.origin), size, root))
      },
    ],
  ]

  test.each(tampering)('refuse %s', async (_what, tamper) => {
    const log = honest.copy()
    tamper(log)
    const { code, stdout } = await verifyLog(log)
    expect(code).toBe(6)
    expect(stdout).not.toBe('ok\n')
  })

  test('accept every proof of every tree of up to 40 leaves, and none for another root', async () => {
    const leaves = Array.from({ length: 40 }, (_, seq) => leafHashOf(Buffer.from(`leaf ${seq}`)))
    const node: NodeReader = (level, index) => treeHash(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
    const lines: string[] = []
    for (let count = 1; count <= leaves.length; count++) {
      const Root = base64(treeHash(leaves.slice(0, count)))
      for (let index = 0; index < count; index++) {
        const path = await inclusionProof(index, count, node, nodePrimitives)
        const leaf = base64(leaves[index] as Buffer)
        lines.push(JSON.stringify({ Size: count, Root, Index: index, Leaf: leaf, Proof: path.map(base64) }))
        const OldRoot = base64(treeHash(leaves.slice(0, index + 1)))
        const growth = await consistencyProof(index + 1, count, node, nodePrimitives)
        lines.push(JSON.stringify({ Size: count, Root, OldSize: index + 1, OldRoot, Proof: growth.map(base64) }))
      }
    }
    expect(await verifier.run(['proofs'], lines.join('\n'))).toMatchObject({ code: 0, stdout: 'ok\n' })
    const wrong = base64(treeHash(leaves.slice(0, 39)))
    const last = lines.slice(-4).map((line) => JSON.stringify({ ...(JSON.parse(line) as object), Root: wrong }))
    for (const line of last) expect(await verifier.run(['proofs'], line)).toMatchObject({ code: 6 })
  })
})

function flip(bytes: Uint8Array, at: number): void {
  bytes[at] = (bytes[at] as number) ^ 1
}

function rebundle(log: ALog, change: (entries: Uint8Array[]) => Uint8Array[]): void {
  const path = 'tile/entries/001'
  log.files.set(path, encodeBundle(change(decodeBundle(log.file(path)))))
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
