import { randomFillSync } from 'node:crypto'

/** Where randomness comes from. Injected where a test must repeat it. */
export type RandomBytes = (length: number) => Uint8Array

const poolBytes = 4096

/** Random bytes from a pool, because one call to the system's source costs more than the rest of a decision. */
export function pooledRandom(): RandomBytes {
  const pool = new Uint8Array(poolBytes)
  let used = poolBytes
  return (length) => {
    if (length > poolBytes) return randomFillSync(new Uint8Array(length))
    if (used + length > poolBytes) {
      randomFillSync(pool)
      used = 0
    }
    const bytes = pool.slice(used, used + length)
    pool.fill(0, used, used + length)
    used += length
    return bytes
  }
}
