const lengthBytes = 2
const startBytes = 131_072
/** UTF-8 takes at most so many bytes for each UTF-16 unit. */
const bytesPerUnit = 3

/** An entry bundle that is being filled, in its published form: each entry behind its length as a big-endian uint16. */
export class OpenBundle {
  readonly firstSeq: number
  #bytes: Buffer = Buffer.allocUnsafeSlow(startBytes)
  #used = 0
  #count = 0

  constructor(firstSeq: number) {
    this.firstSeq = firstSeq
  }

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#used
  }

  /** @param text of an entry that the log takes */
  add(text: string): void {
    const most = this.#used + lengthBytes + bytesPerUnit * text.length
    if (most > this.#bytes.length) this.#grow(most)
    const written = this.#bytes.write(text, this.#used + lengthBytes)
    this.#bytes.writeUInt16BE(written, this.#used)
    this.#used += lengthBytes + written
    this.#count++
  }

  #grow(most: number): void {
    const larger = Buffer.allocUnsafeSlow(2 * most)
    this.#bytes.copy(larger, 0, 0, this.#used)
    this.#bytes = larger
  }

  /** What it holds so far, valid until more is added. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#used)
  }

  /** A copy of its entry `index`, or undefined when it has fewer. */
  entry(index: number): Uint8Array | undefined {
    let at = 0
    for (let before = 0; before < index && at < this.#used; before++) at += lengthBytes + this.#bytes.readUInt16BE(at)
    if (at >= this.#used) return undefined
    const start = at + lengthBytes
    return Uint8Array.from(this.#bytes.subarray(start, start + this.#bytes.readUInt16BE(at)))
  }
}
