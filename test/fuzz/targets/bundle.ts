import { decodeBundle, encodeBundle } from '../../../src/evidence/ledger/index.ts'
import { scanBundle } from '../../../src/evidence/ledger/tile.ts'
import { Random } from '../random.ts'
import { bytesOf, demand, ending, sameBytes, type Target } from '../target.ts'

/** An entry bundle of tlog-tiles. What is there before the damage is told the same by the reader and by the scanner. */
export const bundleTarget: Target = {
  name: 'bundle',
  words: ['\0\u0001a', '\0\0'],
  seeds() {
    const random = new Random(5)
    return [1, 2, 5, 255, 256].map((count) =>
      encodeBundle(Array.from({ length: count }, (_, at) => bytesOf(`{"seq":${at}}`.padEnd(8 + random.below(30))))),
    )
  },
  run(input) {
    const { entries, damage } = scanBundle(input)
    demand(entries.length <= 257, 'more entries than a bundle holds were told apart')
    return ending(
      () => decodeBundle(input),
      (decoded) => {
        demand(damage === undefined && decoded.length === entries.length, 'the scanner sees another bundle')
        demand(sameBytes(encodeBundle(decoded), input), 'a bundle was read that is written otherwise')
        return `ok ${decoded.length > 255}`
      },
      ['TILE_INVALID'],
    )
  },
}
