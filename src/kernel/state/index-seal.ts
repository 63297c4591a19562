import { createHmac } from 'node:crypto'
import { sha256Hex } from '../../base/hash.ts'
import type { Relation } from './schema.ts'

/** A row of the index, as its seal counts it. */
export interface SealedRow {
  readonly table: 'keys' | Relation
  readonly seq: number
  /** What it holds beside the seq, as one text. */
  readonly content: string
}

const modulus = 1n << 256n

/**
 * Tells whether the rows of an index are those that Kestrel noted: none changed, none added, and none gone, which would let a
 * request take effect a second time. It is a sum of the rows' digests, so that noting one costs the same however many there
 * are, under a key that does not lie in the data directory.
 *
 * Who puts back an older index with its older tag wins nothing: it says of itself how much of the log it reflects.
 */
export class IndexSeal {
  readonly #key: string
  #sum = 0n

  /** @param key 32 bytes, from the key ring */
  constructor(key: Uint8Array, origin: string) {
    this.#key = createHmac('sha256', key).update(`kestrel state 1 ${origin}`).digest('hex')
  }

  get sum(): bigint {
    return this.#sum
  }

  restore(sum: bigint): void {
    this.#sum = sum
  }

  add(row: SealedRow): void {
    this.#sum = (this.#sum + this.#digestOf(row)) % modulus
  }

  remove(row: SealedRow): void {
    this.#sum = (this.#sum + modulus - this.#digestOf(row)) % modulus
  }

  /** 32 bytes over all rows and how much of the log they reflect. */
  tag(treeSize: number): Buffer {
    return Buffer.from(sha256Hex(`${this.#key} tag ${this.#sum} ${treeSize} ${this.#key}`), 'hex')
  }

  /** Keyed, so that nobody can look for rows whose digests cancel out. */
  #digestOf({ table, seq, content }: SealedRow): bigint {
    return BigInt(`0x${sha256Hex(`${this.#key} ${table} ${seq} ${content}`)}`)
  }
}
