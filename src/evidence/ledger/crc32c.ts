/** Reflected Castagnoli polynomial. @see RFC 3720 §12.1 */
const polynomial = 0x82f63b78

/** Bytes that one step takes: for each a table of 256 CRCs, of one byte with so many zero bytes behind it. */
const stride = 8
const rowOf = [7, 6, 5, 4, 3, 2, 1, 0].map((row) => row * 256)
const table = makeTable()

/**
 * CRC-32C of `bytes[start, end)`. It finds damage, not malice: what must not be forged has a MAC as well.
 *
 * @param seed the CRC of what comes before, 0 for nothing
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  const [r7, r6, r5, r4, r3, r2, r1] = rowOf as [number, number, number, number, number, number, number]
  let crc = ~seed
  let at = start
  for (const stop = end - stride; at <= stop; at += stride) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc =
      table[r7 + (crc & 255)]! ^
      table[r6 + ((crc >>> 8) & 255)]! ^
      table[r5 + ((crc >>> 16) & 255)]! ^
      table[r4 + (crc >>> 24)]! ^
      table[r3 + bytes[at + 4]!]! ^
      table[r2 + bytes[at + 5]!]! ^
      table[r1 + bytes[at + 6]!]! ^
      table[bytes[at + 7]!]!
  }
  for (; at < end; at++) crc = table[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8)
  return ~crc >>> 0
}

function makeTable(): Int32Array {
  const rows = new Int32Array(stride * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial
    rows[byte] = crc
  }
  for (let at = 256; at < rows.length; at++) {
    const before = rows[at - 256]!
    rows[at] = rows[before & 255]! ^ (before >>> 8)
  }
  return rows
}
