import type { Primitives } from '../../base/primitives.ts'

export type Sha256 = Pick<Primitives, 'sha256'>

const leafPrefix = 0x00
const nodePrefix = 0x01

/** SHA-256(0x00 ‖ entry). @see RFC 9162 §2.1.1 */
export function leafHash(entry: Uint8Array, primitives: Sha256): Uint8Array | Promise<Uint8Array> {
  const input = new Uint8Array(1 + entry.length)
  input[0] = leafPrefix
  input.set(entry, 1)
  return primitives.sha256(input)
}

/** SHA-256(0x01 ‖ left ‖ right). @see RFC 9162 §2.1.1 */
export function nodeHash(left: Uint8Array, right: Uint8Array, primitives: Sha256): Uint8Array | Promise<Uint8Array> {
  const input = new Uint8Array(1 + left.length + right.length)
  input[0] = nodePrefix
  input.set(left, 1)
  input.set(right, 1 + left.length)
  return primitives.sha256(input)
}

/** The root of the tree without leaves: SHA-256 of nothing. */
export function emptyRoot(primitives: Sha256): Uint8Array | Promise<Uint8Array> {
  return primitives.sha256(new Uint8Array(0))
}

/**
 * All of `hashes`. Where the primitive answers at once (Node) they are passed on as they are: a million promises cost more
 * than the hashing.
 */
export async function settled(hashes: readonly (Uint8Array | Promise<Uint8Array>)[]): Promise<readonly Uint8Array[]> {
  return hashes.every((hash) => hash instanceof Uint8Array) ? hashes : Promise.all(hashes.map(async (hash) => hash))
}
