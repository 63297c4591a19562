import { equalBytes } from '../../base/bytes.ts'
import { KernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { emptyRoot, nodeHash, type Sha256 } from './hash.ts'
import { largestPowerOfTwo, rangeHash, splitPoint, type NodeReader } from './subtree.ts'

/** The claim that the tree of `newRoot` begins with the leaves of the tree of `oldRoot`. */
export interface Consistency {
  readonly oldSize: number
  readonly oldRoot: Uint8Array
  readonly newSize: number
  readonly newRoot: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/**
 * The hashes from which both roots follow; none when either tree is empty or both are equal.
 *
 * @throws KernelError LEDGER_PROOF_INVALID when the old tree is larger
 * @see RFC 9162 §2.1.4.1
 */
export async function consistencyProof(
  oldSize: number,
  newSize: number,
  node: NodeReader,
  primitives: Sha256,
): Promise<Uint8Array[]> {
  assertSizes(oldSize, newSize)
  if (oldSize === 0 || oldSize === newSize) return []
  const path: Promise<Uint8Array>[] = []
  let [start, end] = [0, newSize]
  while (end !== oldSize) {
    const middle = start + splitPoint(end - start)
    if (oldSize <= middle) {
      path.push(rangeHash(middle, end, node, primitives))
      end = middle
    } else {
      path.push(rangeHash(start, middle, node, primitives))
      start = middle
    }
  }
  // the old tree's root itself is what the verifier holds: it is left out
  if (start !== 0) path.push(rangeHash(start, end, node, primitives))
  return (await Promise.all(path)).reverse()
}

/** @throws KernelError LEDGER_PROOF_INVALID unless the proof leads to both roots. @see RFC 9162 §2.1.4.2 */
export async function verifyConsistency(claim: Consistency, primitives: Sha256): Promise<void> {
  const { oldSize, oldRoot, newSize, newRoot, proof } = claim
  assertSizes(oldSize, newSize)
  if (proof.length > limits.proofHashes) throw new KernelError('LEDGER_PROOF_INVALID', 'it is too long')
  if (oldSize === 0 || oldSize === newSize) {
    const expected = oldSize === newSize ? newRoot : await emptyRoot(primitives)
    if (proof.length > 0 || !equalBytes(oldRoot, expected)) throw forked()
    return
  }
  const path = largestPowerOfTwo(oldSize) === oldSize ? [oldRoot, ...proof] : proof
  const first = path[0]
  if (first === undefined) throw new KernelError('LEDGER_PROOF_INVALID', 'it is empty')
  let [node, last] = [oldSize - 1, newSize - 1]
  while (node % 2 === 1) [node, last] = [half(node), half(last)]
  let [oldHash, newHash] = [first, first]
  for (const hash of path.slice(1)) {
    if (last === 0) throw new KernelError('LEDGER_PROOF_INVALID', 'it is too long for the trees')
    if (node % 2 === 1 || node === last) {
      oldHash = await nodeHash(hash, oldHash, primitives)
      newHash = await nodeHash(hash, newHash, primitives)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      newHash = await nodeHash(newHash, hash, primitives)
    }
    ;[node, last] = [half(node), half(last)]
  }
  if (last !== 0) throw new KernelError('LEDGER_PROOF_INVALID', 'it is too short for the trees')
  if (!equalBytes(oldHash, oldRoot) || !equalBytes(newHash, newRoot)) throw forked()
}

function assertSizes(oldSize: number, newSize: number): void {
  if (!Number.isSafeInteger(oldSize) || !Number.isSafeInteger(newSize) || oldSize < 0 || oldSize > newSize) {
    throw new KernelError('LEDGER_PROOF_INVALID', `a tree of size ${newSize} does not extend one of size ${oldSize}`)
  }
}

function forked(): KernelError<'LEDGER_PROOF_INVALID'> {
  return new KernelError('LEDGER_PROOF_INVALID', 'the new tree does not begin with the old one')
}

function half(count: number): number {
  return Math.floor(count / 2)
}
