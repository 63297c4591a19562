import { KernelError } from '../../base/errors.ts'
import { nodeHash, settled, type Sha256 } from './hash.ts'

/**
 * The hash over the 2^level leaves from `index` · 2^level on: a node of a perfect subtree, so it is the same in every tree that
 * has those leaves.
 */
export type NodeReader = (level: number, index: number) => Uint8Array | Promise<Uint8Array>

/** The root over `hashes`, whose number is a power of two. */
export async function perfectRoot(hashes: readonly Uint8Array[], primitives: Sha256): Promise<Uint8Array> {
  let row = hashes
  while (row.length > 1) {
    const above: (Uint8Array | Promise<Uint8Array>)[] = []
    for (let i = 0; i + 1 < row.length; i += 2) {
      above.push(nodeHash(row[i] as Uint8Array, row[i + 1] as Uint8Array, primitives))
    }
    row = await settled(above)
  }
  const root = row[0]
  if (root === undefined) throw new KernelError('LEDGER_PROOF_INVALID', 'a subtree has no leaves')
  return root
}

/**
 * The hash over leaves `start` to `end` of a tree, where `start` is a multiple of the range's largest power of two, as it is
 * for every node that a proof names.
 */
export async function rangeHash(start: number, end: number, node: NodeReader, primitives: Sha256): Promise<Uint8Array> {
  const width = end - start
  const left = largestPowerOfTwo(width)
  if (left === width) return node(Math.log2(width), start / width)
  const [first, rest] = await Promise.all([
    node(Math.log2(left), start / left),
    rangeHash(start + left, end, node, primitives),
  ])
  return nodeHash(first, rest, primitives)
}

/** The largest power of two that is at most `count`; tree sizes go beyond 32 bits, so no bit operators. */
export function largestPowerOfTwo(count: number): number {
  let power = 2 ** Math.floor(Math.log2(count))
  while (power > count) power /= 2
  while (power * 2 <= count) power *= 2
  return power
}

/** Where the tree over `width` ≥ 2 leaves divides: the largest power of two smaller than `width`. */
export function splitPoint(width: number): number {
  const power = largestPowerOfTwo(width)
  return power === width ? width / 2 : power
}
