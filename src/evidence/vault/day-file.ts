import { readSync } from 'node:fs'
import { decodeHead, headMaxBytes, indexIn, recordMagic } from './record.ts'

/** Where a payload lies in a day's file. */
export interface Found {
  /** Offset of the record. */
  readonly offset: number
  /** Offset and length of its sealed part. */
  readonly sealedAt: number
  readonly sealedBytes: number
  /** Which of its payloads. */
  readonly index: number
}

/**
 * Walks the records of a day's file by their heads, without reading what is sealed. Behind a damaged or torn place it looks for
 * the next head, so that one bad record costs no other.
 */
export class DayFileWalk {
  readonly #fd: number
  readonly #size: number
  readonly #window: Buffer = Buffer.alloc(2 * headMaxBytes)
  #windowAt = 0
  #windowBytes = 0

  constructor(fd: number, sizeBytes: number) {
    this.#fd = fd
    this.#size = sizeBytes
  }

  /** The payload with `commitment` in the records that start in `[from, to)`. @param commitment 32 bytes */
  find(commitment: Buffer, from: number, to: number): Found | undefined {
    let at: number | undefined = from
    while (at !== undefined && at < to) {
      const bytes = this.#bytesAt(at)
      const head = decodeHead(bytes)
      if (head === undefined) {
        at = this.#nextMagic(at + 1)
        continue
      }
      const index = indexIn(bytes, head, commitment)
      const sealedAt = at + head.headBytes
      if (index >= 0) return { offset: at, sealedAt, sealedBytes: head.sealedBytes, index }
      at = sealedAt + head.sealedBytes
    }
    return undefined
  }

  /** Where the next record may start: behind all that is no zero, and behind what a torn last record claims. */
  end(): number {
    let at: number | undefined = 0
    let end = this.#written()
    while (at !== undefined && at < this.#size) {
      const head = decodeHead(this.#bytesAt(at))
      if (head === undefined) at = this.#nextMagic(at + 1)
      else end = Math.max(end, (at += head.headBytes + head.sealedBytes))
    }
    return end
  }

  /** What follows was made ready and never written, or the file ends there. */
  #written(): number {
    const window = Buffer.alloc(65_536)
    for (let end = this.#size; end > 0;) {
      const from = Math.max(0, end - window.length)
      const length = readSync(this.#fd, window, 0, end - from, from)
      for (let i = length - 1; i >= 0; i--) if (window[i] !== 0) return from + i + 1
      end = from
    }
    return 0
  }

  #nextMagic(from: number): number | undefined {
    for (let at = from; at < this.#size;) {
      const bytes = this.#bytesAt(at)
      const found = bytes.indexOf(recordMagic)
      if (found >= 0) return at + found
      at += Math.max(1, bytes.length - recordMagic.length + 1)
    }
    return undefined
  }

  /** What the window shows from `at` on: at least a whole head, or all up to the end of the file. */
  #bytesAt(at: number): Buffer {
    const isEnough =
      at >= this.#windowAt && this.#windowAt + this.#windowBytes >= Math.min(at + headMaxBytes, this.#size)
    if (!isEnough) {
      this.#windowAt = at
      this.#windowBytes = readSync(this.#fd, this.#window, 0, this.#window.length, at)
    }
    return this.#window.subarray(at - this.#windowAt, this.#windowBytes)
  }
}
