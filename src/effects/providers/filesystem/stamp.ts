import { createHash } from 'node:crypto'
import { limits } from '../../../base/limits.ts'
import type { Protection } from '../../provider.ts'
import { Unable } from './capture.ts'
import { assertNotOurs } from './own.ts'
import { settableNs } from './draft.ts'
import type { Spot, Volume } from './volume.ts'

/**
 * Tells whether something that was moved is still the same, without reading content: of a file its size and when it was
 * changed, of a folder that of all it holds. Not the inode: what was deleted and put back in between has another one.
 *
 * @throws Unable for a tree beyond `limits.treeEntries`, Ended for one that holds what is Kestrel's own
 */
export async function stampOf(volume: Volume, spot: Spot, protection: Protection): Promise<string> {
  return new Stamping(volume, protection).of(spot)
}

/** Files that are looked at before others get their turn. */
const stride = 256

class Stamping {
  readonly #volume: Volume
  readonly #protection: Protection
  #entries = 0

  constructor(volume: Volume, protection: Protection) {
    this.#volume = volume
    this.#protection = protection
  }

  async of(spot: Spot): Promise<string> {
    const { facts } = spot
    if (++this.#entries > limits.treeEntries) throw new Unable(`it holds more than ${limits.treeEntries} files`)
    if (this.#entries % stride === 0) await new Promise(setImmediate)
    if (facts.isFile()) return `file ${facts.size} ${settableNs(facts.mtimeNs)}`
    return facts.isDirectory() ? this.#folder(spot) : 'other'
  }

  async #folder(folder: Spot): Promise<string> {
    const hash = createHash('sha256')
    const names = [...this.#volume.entries(folder)].map(({ name }) => name).sort()
    for (const name of names) {
      const spot = this.#volume.step(folder, name)
      try {
        assertNotOurs(spot, name, this.#protection)
        hash.update(`${JSON.stringify(name)} ${await this.of(spot)}\n`)
      } finally {
        this.#volume.close(spot)
      }
    }
    return `folder ${hash.digest('hex')}`
  }
}
