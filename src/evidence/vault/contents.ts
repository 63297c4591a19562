import { createHash } from 'node:crypto'
import { KernelError } from '../../base/errors.ts'
import { parseJson } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import type { RandomBytes } from '../../base/random.ts'
import type { Payload, PayloadPlace, Vault } from './vault.ts'

/** Names content in a vault: the commitment of the list of its pieces. */
export interface Kept {
  /** 64 hex. */
  readonly id: string
  readonly sizeBytes: number
}

const saltBytes = 16
const hexPerPiece = 64

/**
 * Content of any length, as payloads of a vault: pieces of `limits.contentPieceBytes`, and a payload that lists them. What is
 * in memory is one piece. Pieces that a vault was given before on the same day are not kept twice.
 */
export class Contents {
  readonly #vault: Vault
  readonly #random: RandomBytes
  /** By class, day and digest; the oldest first. */
  readonly #known: Map<string, string> = new Map()

  constructor(vault: Vault, random: RandomBytes) {
    this.#vault = vault
    this.#random = random
  }

  /**
   * Keeps what `pieces` give. On disk as soon as an entry that is appended afterwards is.
   *
   * @throws KernelError VALUE_INVALID for more than `limits.contentBytes`, VAULT_UNWRITABLE, and whatever `pieces` throws
   */
  async keep(pieces: AsyncIterable<Uint8Array>, place: PayloadPlace): Promise<Kept> {
    const ids: string[] = []
    let sizeBytes = 0
    for await (const piece of cut(pieces)) {
      sizeBytes += piece.length
      if (sizeBytes > limits.contentBytes) throw tooLarge()
      ids.push(this.#keepPiece(piece, place))
    }
    return { id: this.#put(Buffer.from(JSON.stringify(ids)), place), sizeBytes }
  }

  #keepPiece(piece: Uint8Array, place: PayloadPlace): string {
    const day = Math.floor(place.timeMs / 86_400_000)
    const digest = `${place.class} ${day} ${createHash('sha256').update(piece).digest('base64')}`
    const known = this.#known.get(digest)
    if (known !== undefined) return known
    // The vault keeps what it is given until it is written, and the next piece overwrites this memory.
    const id = this.#put(piece, place)
    this.#vault.write()
    this.#known.set(digest, id)
    if (this.#known.size > limits.knownPieces) this.#known.delete(this.#known.keys().next().value as string)
    return id
  }

  #put(bytes: Uint8Array, place: PayloadPlace): string {
    return this.#vault.put(place.class, { salt: this.#random(saltBytes), bytes })[0] as string
  }

  /** The pieces, each proven before it is given. @throws KernelError VAULT_NOT_FOUND, SEAL_INVALID */
  async *open({ id, sizeBytes }: Kept, place: PayloadPlace): AsyncGenerator<Uint8Array, void, undefined> {
    let rest = sizeBytes
    for (const piece of piecesIn(await this.#vault.get(id, place))) {
      const { bytes } = await this.#vault.get(piece, place)
      rest -= bytes.length
      yield bytes
    }
    if (rest !== 0) throw new KernelError('SEAL_INVALID', `the content \`${id}\` has another length than was kept`)
  }
}

function piecesIn({ bytes }: Payload): readonly string[] {
  const list = parseJson(Buffer.from(bytes).toString('utf8'), 2)
  if (Array.isArray(list) && list.every((id) => typeof id === 'string' && id.length === hexPerPiece)) {
    return list as string[]
  }
  throw new KernelError('SEAL_INVALID', 'a payload that should list the pieces of content lists none')
}

/** The same bytes in pieces of one size; the last is shorter. */
async function* cut(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const size = limits.contentPieceBytes
  const piece = Buffer.allocUnsafe(size)
  let used = 0
  for await (const given of pieces) {
    for (let at = 0; at < given.length;) {
      const taken = Math.min(size - used, given.length - at)
      piece.set(given.subarray(at, at + taken), used)
      used += taken
      at += taken
      if (used < size) continue
      yield piece
      used = 0
    }
  }
  if (used > 0) yield piece.subarray(0, used)
}

function tooLarge(): KernelError<'VALUE_INVALID'> {
  return new KernelError('VALUE_INVALID', `content may have at most ${limits.contentBytes} bytes`)
}
