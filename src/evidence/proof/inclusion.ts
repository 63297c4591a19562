import { equalBytes } from '../../base/bytes.ts'
import { KernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { nodeHash, type Sha256 } from './hash.ts'
import { rangeHash, splitPoint, type NodeReader } from './subtree.ts'

/** The claim that `leafHash` is leaf `index` of the tree of `size` leaves whose root is `root`. */
export interface Inclusion {
  readonly index: number
  readonly size: number
  readonly leafHash: Uint8Array
  /** From the leaf's sibling up to the root's child. */
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

/**
 * The hashes that lead from leaf `index` to the root of the tree of `size` leaves.
 *
 * @throws KernelError LEDGER_PROOF_INVALID when the tree has no such leaf
 * @see RFC 9162 §2.1.3.1
 */
export async function inclusionProof(
  index: number,
  size: number,
  node: NodeReader,
  primitives: Sha256,
): Promise<Uint8Array[]> {
  assertLeaf(index, size)
  const path: Promise<Uint8Array>[] = []
  let [start, end] = [0, size]
  while (end - start > 1) {
    const middle = start + splitPoint(end - start)
    if (index < middle) {
      path.push(rangeHash(middle, end, node, primitives))
      end = middle
    } else {
      path.push(rangeHash(start, middle, node, primitives))
      start = middle
    }
  }
  return (await Promise.all(path)).reverse()
}

/** @throws KernelError LEDGER_PROOF_INVALID unless the proof leads to the root. @see RFC 9162 §2.1.3.2 */
export async function verifyInclusion(claim: Inclusion, primitives: Sha256): Promise<void> {
  const { index, size, leafHash, proof, root } = claim
  assertLeaf(index, size)
  if (proof.length > limits.proofHashes) throw new KernelError('LEDGER_PROOF_INVALID', 'it is too long')
  let node = index
  let last = size - 1
  let hash = leafHash
  for (const sibling of proof) {
    if (last === 0) throw new KernelError('LEDGER_PROOF_INVALID', 'it is too long for the tree')
    if (node % 2 === 1 || node === last) {
      hash = await nodeHash(sibling, hash, primitives)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      hash = await nodeHash(hash, sibling, primitives)
    }
    ;[node, last] = [half(node), half(last)]
  }
  if (last !== 0) throw new KernelError('LEDGER_PROOF_INVALID', 'it is too short for the tree')
  if (!equalBytes(hash, root))
    throw new KernelError('LEDGER_PROOF_INVALID', 'the entry is not in the tree of this root')
}

function assertLeaf(index: number, size: number): void {
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new KernelError('LEDGER_PROOF_INVALID', `a tree of size ${size} has no leaf ${index}`)
  }
}

function half(count: number): number {
  return Math.floor(count / 2)
}
