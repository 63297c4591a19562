import { KernelError } from '../../base/errors.ts'
import { digestBytes, digestOf, putDigest, type Digest } from './digest.ts'
import { tileHeight } from './tile.ts'

const leftAt = 1
const rightAt = leftAt + digestBytes
const pair = Buffer.alloc(rightAt + digestBytes, 1)

/** RFC 6962 hash of an interior node. @see RFC 9162 §2.1.1 */
export function nodeDigest(left: Digest, right: Digest): Digest {
  putDigest(pair, leftAt, left)
  putDigest(pair, rightAt, right)
  return digestOf(pair)
}

/**
 * The right edge of a Merkle tree: the roots of its full subtrees, one for each bit of its size. Enough to append and to tell
 * the root, in memory that does not grow.
 *
 * @see RFC 9162 §2.1.2
 */
export class Frontier {
  #size = 0
  /** At h the root of the full subtree of 2^h leaves when bit h of the size is set. */
  readonly #subtrees: Digest[] = []

  get size(): number {
    return this.#size
  }

  /** @param full told the root of each subtree of a whole tile that the leaf completes, from the leaves up */
  append(leaf: Digest, full?: (root: Digest) => void): void {
    let node = leaf
    let height = 0
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      node = nodeDigest(this.#subtrees[height++] as Digest, node)
      if (full !== undefined && height % tileHeight === 0) full(node)
    }
    this.#subtrees[height] = node
    this.#size++
  }

  /** The root hash; that of the empty tree is the hash of nothing. */
  root(): Digest {
    let root: Digest | undefined
    for (let height = 0, rest = this.#size; rest > 0; height++, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 0) continue
      const subtree = this.#subtrees[height] as Digest
      root = root === undefined ? subtree : nodeDigest(subtree, root)
    }
    return root ?? digestOf('')
  }

  /** The subtree roots, largest first: what `fromPeaks` takes. */
  peaks(): Digest[] {
    const peaks: Digest[] = []
    for (let height = 0, rest = this.#size; rest > 0; height++, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) peaks.unshift(this.#subtrees[height] as Digest)
    }
    return peaks
  }

  /** @throws KernelError LEDGER_CORRUPT when there is not one digest for each set bit of `size` */
  static fromPeaks(size: number, peaks: readonly Digest[]): Frontier {
    const frontier = new Frontier()
    let used = peaks.length
    for (let height = 0, rest = size; rest > 0; height++, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 0) continue
      const peak = peaks[--used]
      if (peak?.length !== digestBytes)
        throw new KernelError('LEDGER_CORRUPT', 'a saved tree edge does not fit its size')
      frontier.#subtrees[height] = peak
    }
    if (used !== 0) throw new KernelError('LEDGER_CORRUPT', 'a saved tree edge does not fit its size')
    frontier.#size = size
    return frontier
  }
}
