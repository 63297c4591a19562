/** Reflected Castagnoli polynomial. @see RFC 3720 §12.1 */
const polynomial = 0x82f63b78

const tables = makeTables()

/**
 * CRC-32C of `bytes[start, end)`. It finds damage, not malice: what must not be forged has a MAC as well.
 *
 * @param seed the CRC of what comes before, 0 for nothing
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  const [t0, t1, t2, t3] = tables
  let crc = ~seed
  let at = start
  for (; at + 4 <= end; at += 4) {
    crc ^= word(bytes, at)
    crc = t3[crc & 255]! ^ t2[(crc >>> 8) & 255]! ^ t1[(crc >>> 16) & 255]! ^ t0[crc >>> 24]!
  }
  for (; at < end; at++) crc = t0[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8)
  return ~crc >>> 0
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

/** Four tables take four bytes a step; each row is the CRC of one byte with so many zero bytes behind it. */
function makeTables(): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const rows = [new Int32Array(256), new Int32Array(256), new Int32Array(256), new Int32Array(256)] as const
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial
    rows[0][byte] = crc
  }
  for (let byte = 0; byte < 256; byte++) {
    for (let row = 1; row < 4; row++) {
      const before = rows[row - 1]![byte]!
      rows[row]![byte] = rows[0][before & 255]! ^ (before >>> 8)
    }
  }
  return rows
}
