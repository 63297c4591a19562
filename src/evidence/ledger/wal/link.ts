import type { Authenticator } from './authenticator.ts'
import { digestBytes, digestOf, putDigest, zeroDigest, type Digest } from '../digest.ts'

const keyLabel = Buffer.from('kestrel wal link 1')

const previousAt = digestBytes
const kindAt = previousAt + digestBytes
const numberAt = kindAt + 1
const digestAt = numberAt + 8
const messageBytes = digestAt + digestBytes

/**
 * The chain that authenticates frames: each link is SHA-256(key ‖ link before ‖ kind ‖ number ‖ digest of the content). One
 * short hash a frame, so that a frame can stand in the log by itself until its batch is closed.
 *
 * The key, derived from the WAL key for this alone, is hashed in front of a message of one fixed length: that SHA-256 lets a
 * message be extended gives nothing that a reader would take.
 */
export class LinkChain {
  readonly #message: Buffer = Buffer.alloc(messageBytes)
  #last: Digest = zeroDigest

  constructor(authenticator: Authenticator) {
    this.#message.write(authenticator.mac(keyLabel), 0, 'hex')
  }

  get last(): Digest {
    return this.#last
  }

  /** Goes on behind `link`. */
  restart(link: Digest): void {
    this.#last = link
  }

  /** The link of the next frame. @param number the intent that an entry settles, else 0 */
  next(kind: number, number: number, digest: Digest): Digest {
    const message = this.#message
    putDigest(message, previousAt, this.#last)
    message[kindAt] = kind
    message.writeUInt32BE(Math.floor(number / 2 ** 32), numberAt)
    message.writeUInt32BE(number % 2 ** 32, numberAt + 4)
    putDigest(message, digestAt, digest)
    return (this.#last = digestOf(message))
  }
}
