import { KernelError } from '../../base/errors.ts'
import { emptyRoot, nodeHash, type Sha256 } from './hash.ts'

interface Peak {
  readonly level: number
  readonly hash: Uint8Array
}

/**
 * The right edge of a growing tree: the roots of its perfect subtrees, largest first. Enough to append and to say the root, in
 * memory that grows with the logarithm of the tree.
 */
export class Frontier {
  private peaks: Peak[] = []
  private readonly primitives: Sha256

  constructor(primitives: Sha256) {
    this.primitives = primitives
  }

  /**
   * Appends a leaf hash, or with `level` the root over 2^level leaves.
   *
   * @throws KernelError LEDGER_PROOF_INVALID when a larger subtree comes after a smaller one
   */
  async append(hash: Uint8Array, level: number = 0): Promise<void> {
    let peak: Peak = { level, hash }
    let last = this.peaks.at(-1)
    if (last !== undefined && last.level < level) {
      throw new KernelError('LEDGER_PROOF_INVALID', 'a larger subtree follows a smaller one')
    }
    while (last !== undefined && last.level === peak.level) {
      this.peaks.pop()
      peak = { level: peak.level + 1, hash: await nodeHash(last.hash, peak.hash, this.primitives) }
      last = this.peaks.at(-1)
    }
    this.peaks.push(peak)
  }

  /** The root over all that was appended; SHA-256 of nothing for an empty tree. */
  async root(): Promise<Uint8Array> {
    let root: Uint8Array | undefined
    for (const { hash } of this.peaks.toReversed()) {
      root = root === undefined ? hash : await nodeHash(hash, root, this.primitives)
    }
    return root ?? emptyRoot(this.primitives)
  }
}
