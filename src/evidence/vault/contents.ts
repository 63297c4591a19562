import { createHash } from 'node:crypto'
import { KernelError } from '../../base/errors.ts'
import { parseJson } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import type { RandomBytes } from '../../base/random.ts'
import type { Payload, PayloadPlace, Vault } from './vault.ts'

/** Names content in a vault: the commitment of its one piece, or of the list of its pieces. */
export interface Kept {
  /** 64 hex. */
  readonly id: string
  readonly sizeBytes: number
}

const saltBytes = 16
const hexPerPiece = 64

/**
 * Content of any length, as payloads of a vault: pieces of `limits.contentPieceBytes`, and where there are several a payload
 * that lists them. What is in memory is one piece. Pieces that a vault was given before on the same day are not kept twice.
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
   * Keeps what `pieces` give, none of which may change afterwards. On disk as soon as an entry that is appended afterwards is.
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
    const [only] = ids
    if (ids.length === 1 && only !== undefined) return { id: only, sizeBytes }
    return { id: this.#put(Buffer.from(JSON.stringify(ids)), place), sizeBytes }
  }

  #keepPiece(piece: Uint8Array, place: PayloadPlace): string {
    const day = Math.floor(place.timeMs / 86_400_000)
    const digest = `${place.class} ${day} ${createHash('sha256').update(piece).digest('base64')}`
    const known = this.#known.get(digest)
    if (known !== undefined) return known
    const id = this.#put(piece, place)
    // What is written needs no memory. Less than a whole piece goes out with the entry that follows.
    if (piece.length === limits.contentPieceBytes) this.#vault.write()
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
    const isWhole = sizeBytes > 0 && sizeBytes <= limits.contentPieceBytes
    for (const piece of isWhole ? [id] : piecesIn(await this.#vault.get(id, place))) {
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
  let held: Uint8Array[] = []
  let used = 0
  for await (const given of pieces) {
    for (let at = 0; at < given.length;) {
      const taken = given.subarray(at, at + size - used)
      held.push(taken)
      used += taken.length
      at += taken.length
      if (used < size) continue
      yield joined(held)
      held = []
      used = 0
    }
  }
  if (used > 0) yield joined(held)
}

/** As a copy, unless it is one piece already. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces)
}

function tooLarge(): KernelError<'VALUE_INVALID'> {
  return new KernelError('VALUE_INVALID', `content may have at most ${limits.contentBytes} bytes`)
}
