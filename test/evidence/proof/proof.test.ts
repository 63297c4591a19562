import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { webPrimitives } from '../../../src/base/primitives.ts'
import {
  consistencyProof,
  Frontier,
  inclusionProof,
  leafHash,
  perfectRoot,
  verifyConsistency,
  verifyInclusion,
  type NodeReader,
} from '../../../src/evidence/proof/index.ts'
import { guards } from '../../guards.ts'
import { leafHashOf, treeHash } from '../receipt/a-log.ts'

interface Vectors {
  readonly emptyRoot: string
  readonly leaves: readonly string[]
  readonly roots: readonly string[]
  readonly inclusion: readonly { readonly index: number; readonly size: number; readonly proof: readonly string[] }[]
  readonly consistency: readonly {
    readonly oldSize: number
    readonly newSize: number
    readonly proof: readonly string[]
  }[]
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/merkle.json', import.meta.url), 'utf8'),
) as Vectors
const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const texts = (hashes: readonly Uint8Array[]): string[] => hashes.map((hash) => Buffer.from(hash).toString('hex'))
const invalid = { code: 'LEDGER_PROOF_INVALID' }

/** Nodes straight from the definition of a tree, for any tree that has these leaves. */
function nodesOver(leaves: readonly Uint8Array[]): NodeReader {
  return (level, index) => treeHash(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
}

const leafHashes = vectors.leaves.map((leaf) => leafHashOf(hex(leaf)))
const node = nodesOver(leafHashes)
const rootOf = (size: number): Buffer => hex(size === 0 ? vectors.emptyRoot : (vectors.roots[size - 1] as string))

describe.each([
  ['node:crypto', nodePrimitives],
  ['WebCrypto', webPrimitives],
])('the tree of the RFC 6962 vectors by %s', (_name, primitives) => {
  guards('LED-05')

  test('grows root by root', async () => {
    const frontier = new Frontier(primitives)
    const roots = [await frontier.root()]
    for (const leaf of vectors.leaves) {
      await frontier.append(await leafHash(hex(leaf), primitives))
      roots.push(await frontier.root())
    }
    expect(texts(roots)).toEqual([vectors.emptyRoot, ...vectors.roots])
  })

  test.each(vectors.inclusion)('includes leaf $index of $size', async ({ index, size, proof }) => {
    expect(texts(await inclusionProof(index, size, node, primitives))).toEqual(proof)
    const claim = { index, size, proof: proof.map(hex), leafHash: leafHashes[index] as Buffer, root: rootOf(size) }
    await verifyInclusion(claim, primitives)
    await expect(verifyInclusion({ ...claim, root: rootOf(7) }, primitives)).rejects.toMatchObject(invalid)
  })

  test.each(vectors.consistency)('$newSize extends $oldSize', async ({ oldSize, newSize, proof }) => {
    expect(texts(await consistencyProof(oldSize, newSize, node, primitives))).toEqual(proof)
    const claim = { oldSize, newSize, proof: proof.map(hex), oldRoot: rootOf(oldSize), newRoot: rootOf(newSize) }
    await verifyConsistency(claim, primitives)
    await expect(verifyConsistency({ ...claim, newRoot: rootOf(7) }, primitives)).rejects.toMatchObject(invalid)
    await expect(verifyConsistency({ ...claim, oldRoot: rootOf(7) }, primitives)).rejects.toMatchObject(invalid)
  })
})

describe('proofs of any tree', () => {
  guards('LED-05')

  const many = Array.from({ length: 300 }, (_, seq) => leafHashOf(Buffer.from(`leaf ${seq}`)))
  const nodes = nodesOver(many)
  const tree = fc
    .integer({ min: 1, max: many.length })
    .chain((size) => fc.record({ size: fc.constant(size), index: fc.nat(size - 1), at: fc.nat(), bit: fc.nat(255) }))

  test('an inclusion proof holds, and no proof with one bit, one hash or one place changed does', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async ({ size, index, at, bit }) => {
        const proof = await inclusionProof(index, size, nodes, nodePrimitives)
        const claim = { index, size, proof, leafHash: many[index] as Buffer, root: treeHash(many.slice(0, size)) }
        await verifyInclusion(claim, nodePrimitives)
        const refuse = (change: object): Promise<void> =>
          expect(verifyInclusion({ ...claim, ...change }, nodePrimitives)).rejects.toMatchObject(invalid)
        await refuse({ proof: [...proof, many[0]] })
        await refuse({ leafHash: leafHashOf(Buffer.from('another')) })
        await refuse({ index: size })
        await refuse({ index: -1 })
        if (size > 1) await refuse({ index: (index + 1) % size })
        if (proof.length === 0) return
        await refuse({ proof: proof.slice(1) })
        await refuse({ proof: proof.with(at % proof.length, flipped(proof[at % proof.length] as Uint8Array, bit)) })
      }),
      { numRuns: 60 },
    )
  })

  test('a consistency proof holds, and no changed one does', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async ({ size, index, at, bit }) => {
        const oldSize = index + 1
        const proof = await consistencyProof(oldSize, size, nodes, nodePrimitives)
        const [oldRoot, newRoot] = [treeHash(many.slice(0, oldSize)), treeHash(many.slice(0, size))]
        const claim = { oldSize, newSize: size, proof, oldRoot, newRoot }
        await verifyConsistency(claim, nodePrimitives)
        const refuse = (change: object): Promise<void> =>
          expect(verifyConsistency({ ...claim, ...change }, nodePrimitives)).rejects.toMatchObject(invalid)
        await refuse({ proof: [...proof, many[0]] })
        await refuse({ oldRoot: flipped(oldRoot, bit) })
        await refuse({ newRoot: flipped(newRoot, bit) })
        await refuse({ oldSize: size + 1 })
        if (proof.length === 0) return
        await refuse({ proof: proof.slice(1) })
        await refuse({ proof: proof.with(at % proof.length, flipped(proof[at % proof.length] as Uint8Array, bit)) })
      }),
      { numRuns: 60 },
    )
  })

  test('a proof for a smaller tree does not pass as one for a larger, even under the root of the smaller', async () => {
    const root = treeHash(many.slice(0, 4))
    const path = await inclusionProof(0, 4, nodes, nodePrimitives)
    const inclusion = { index: 0, size: 4, proof: path, leafHash: many[0] as Buffer, root }
    await verifyInclusion(inclusion, nodePrimitives)
    const growth = await consistencyProof(2, 4, nodes, nodePrimitives)
    const consistency = { oldSize: 2, newSize: 4, proof: growth, oldRoot: treeHash(many.slice(0, 2)), newRoot: root }
    await verifyConsistency(consistency, nodePrimitives)
    for (const size of [5, 8, 1000]) {
      await expect(verifyInclusion({ ...inclusion, size }, nodePrimitives)).rejects.toMatchObject(invalid)
      await expect(verifyConsistency({ ...consistency, newSize: size }, nodePrimitives)).rejects.toMatchObject(invalid)
    }
  })

  test('trees beyond 32 bits keep their shape', async () => {
    const size = 2 ** 40 + 3
    const constant: NodeReader = (level) => leafHashOf(Buffer.of(level))
    const proof = await inclusionProof(2 ** 40 + 2, size, constant, nodePrimitives)
    expect(texts(proof)).toEqual(texts([constant(1, 2 ** 39) as Buffer, constant(40, 0) as Buffer]))
    expect(await consistencyProof(2 ** 40, size, constant, nodePrimitives)).toHaveLength(1)
    const path = await inclusionProof(5, 2 ** 52, constant, nodePrimitives)
    expect(path).toHaveLength(52)
  })

  test('everything extends the empty tree, and nothing else is its root', async () => {
    const claim = { oldSize: 0, newSize: 3, proof: [], oldRoot: treeHash([]), newRoot: treeHash(many.slice(0, 3)) }
    await verifyConsistency(claim, nodePrimitives)
    const forged = { ...claim, oldRoot: many[0] as Buffer }
    await expect(verifyConsistency(forged, nodePrimitives)).rejects.toMatchObject(invalid)
  })

  test('a proof has an end', async () => {
    const proof = Array.from({ length: 65 }, () => many[0] as Buffer)
    const claim = { index: 0, size: 2 ** 52, proof, leafHash: many[0] as Buffer, root: many[0] as Buffer }
    await expect(verifyInclusion(claim, nodePrimitives)).rejects.toMatchObject(invalid)
  })

  test('a frontier takes no larger subtree after a smaller one', async () => {
    const frontier = new Frontier(nodePrimitives)
    await frontier.append(many[0] as Buffer)
    await expect(frontier.append(many[1] as Buffer, 1)).rejects.toMatchObject(invalid)
    await expect(perfectRoot([], nodePrimitives)).rejects.toMatchObject(invalid)
  })
})

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
  return copy
}
