import { hash } from 'node:crypto'
import { KernelError } from '../../base/errors.ts'

const hashBytes = 32
/** Heights that a tree of up to 2^53 leaves can have. */
const heights = 54

/**
 * SHA-256 into `target`. A one-shot hash to a one-byte-a-character string costs a third of one to a Buffer.
 */
export function hashInto(bytes: Uint8Array, target: Buffer, offset: number): void {
  target.write(hash('sha256', bytes, 'binary'), offset, 'latin1')
}

/** RFC 6962 hash of an interior node. @see RFC 9162 §2.1.1 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const pair = Buffer.allocUnsafe(1 + 2 * hashBytes)
  pair[0] = 1
  pair.set(left, 1)
  pair.set(right, 1 + hashBytes)
  const node = Buffer.allocUnsafe(hashBytes)
  hashInto(pair, node, 0)
  return node
}

/**
 * The right edge of a Merkle tree: the roots of its full subtrees, one for each bit of its size. Enough to append and to tell
 * the root, in memory that does not grow.
 *
 * @see RFC 9162 §2.1.2
 */
export class Frontier {
  #size = 0
  /** Slot h holds the root of the full subtree of 2^h leaves when bit h of the size is set. */
  readonly #slots: Buffer = Buffer.alloc(heights * hashBytes)
  readonly #pair: Buffer = Buffer.alloc(1 + 2 * hashBytes, 1)

  get size(): number {
    return this.#size
  }

  /** @param leafHash 64 hex */
  append(leafHash: string): void {
    const pair = this.#pair
    let height = 0
    let rest = this.#size
    pair.write(leafHash, 1 + hashBytes, 'hex')
    for (; rest % 2 === 1; rest = (rest - 1) / 2, height++) {
      this.#slots.copy(pair, 1, height * hashBytes, (height + 1) * hashBytes)
      hashInto(pair, pair, 1 + hashBytes)
    }
    pair.copy(this.#slots, height * hashBytes, 1 + hashBytes)
    this.#size++
  }

  /** The root hash, 32 bytes, into `target`; that of the empty tree is the hash of nothing. */
  rootInto(target: Buffer, offset: number): void {
    if (this.#size === 0) return hashInto(Buffer.alloc(0), target, offset)
    const pair = this.#pair
    let begun = false
    for (let height = 0, rest = this.#size; rest > 0; height++, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 0) continue
      const slot = height * hashBytes
      this.#slots.copy(pair, begun ? 1 : 1 + hashBytes, slot, slot + hashBytes)
      if (begun) hashInto(pair, pair, 1 + hashBytes)
      begun = true
    }
    pair.copy(target, offset, 1 + hashBytes)
  }

  root(): Buffer {
    const root = Buffer.allocUnsafe(hashBytes)
    this.rootInto(root, 0)
    return root
  }

  /** The subtree roots, largest first: what `fromPeaks` takes. */
  peaks(): Buffer[] {
    const peaks: Buffer[] = []
    for (let height = 0, rest = this.#size; rest > 0; height++, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) {
        peaks.unshift(Buffer.from(this.#slots.subarray(height * hashBytes, (height + 1) * hashBytes)))
      }
    }
    return peaks
  }

  copy(): Frontier {
    return Frontier.fromPeaks(this.#size, this.peaks())
  }

  /** @throws KernelError LEDGER_CORRUPT when there is not one hash of 32 bytes for each set bit of `size` */
  static fromPeaks(size: number, peaks: readonly Uint8Array[]): Frontier {
    const frontier = new Frontier()
    let used = peaks.length
    for (let height = 0, rest = size; rest > 0; height++, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 0) continue
      const peak = peaks[--used]
      if (peak?.length !== hashBytes) throw new KernelError('LEDGER_CORRUPT', 'a saved tree edge does not fit its size')
      frontier.#slots.set(peak, height * hashBytes)
    }
    if (used !== 0) throw new KernelError('LEDGER_CORRUPT', 'a saved tree edge does not fit its size')
    frontier.#size = size
    return frontier
  }
}
