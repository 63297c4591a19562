import { toHex } from '../../../base/bytes.ts'
import type { RandomBytes } from '../../../base/random.ts'

/** A name beside others for what has none yet or any more. After a crash it tells where it came from. */
export function spareName(random: RandomBytes): string {
  return `.kestrel-${toHex(random(8))}.tmp`
}
