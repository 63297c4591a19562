import { isUtf8 } from 'node:buffer'
import { once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'
import type { JsonObject } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import type { ContentStore, KeptContent } from '../../provider.ts'

/** What a program wrote to one stream, as far as a result holds it. */
export interface Written {
  readonly text: string
  readonly isBase64: boolean
  /** There where the text is cut. */
  readonly truncated: JsonObject | undefined
}

/**
 * Takes in one output stream: the first `limits.execOutputBytes` for the result and, once there is more, all up to
 * `limits.execKeptBytes` for the vault.
 *
 * The program waits while the vault does, so memory holds little more than what goes into the result.
 */
export class Output {
  readonly done: Promise<Written>
  private readonly stream: Readable
  private readonly contents: () => ContentStore
  private readonly head: Uint8Array[] = []
  private headBytes = 0
  private sizeBytes = 0
  private vault: Keeping | undefined
  private isTaking = false
  private watch: NodeJS.Timeout | undefined
  private isBroken = false
  private isOver = false

  constructor(stream: Readable, contents: () => ContentStore) {
    this.stream = stream
    this.contents = contents
    this.done = this.takeAll()
  }

  /** The program is over: a stream that says nothing for `limits.execDrainMs` is held open by something that got away. */
  expectEnd(): void {
    if (this.isOver) return
    let seenBytes = -1
    this.watch ??= setInterval(() => {
      if (!this.isTaking && seenBytes === this.sizeBytes) this.stream.destroy()
      seenBytes = this.sizeBytes
    }, limits.execDrainMs)
  }

  /** There will be no result: nothing is kept. */
  abandon(): void {
    this.isBroken = true
    this.vault?.abandon()
    this.stream.destroy()
  }

  private async takeAll(): Promise<Written> {
    try {
      for await (const chunk of this.stream) {
        this.isTaking = true
        await this.take(chunk as Buffer)
        this.isTaking = false
      }
    } catch {
      // A stream that breaks off or is destroyed has ended; what was read of it counts.
    }
    this.isOver = true
    clearInterval(this.watch)
    return this.written()
  }

  private async take(chunk: Buffer): Promise<void> {
    const before = this.sizeBytes
    this.sizeBytes += chunk.length
    const fitting = chunk.subarray(0, limits.execOutputBytes - this.headBytes)
    if (fitting.length > 0) {
      // A copy, since a small piece would keep alive the large block that it was cut from.
      this.head.push(Uint8Array.from(fitting))
      this.headBytes += fitting.length
    }
    if (this.sizeBytes <= limits.execOutputBytes || this.isBroken) return
    if (this.vault === undefined) {
      this.vault = new Keeping(this.contents)
      await this.vault.give(Buffer.concat(this.head))
      await this.vault.give(chunk.subarray(fitting.length))
    } else if (before < limits.execKeptBytes) {
      await this.vault.give(chunk.subarray(0, limits.execKeptBytes - before))
    }
  }

  private async written(): Promise<Written> {
    const kept = this.isBroken ? undefined : await this.vault?.end()
    const whole = Buffer.concat(this.head)
    const isCut = this.sizeBytes > this.headBytes
    const bytes = isCut ? whole.subarray(0, whole.length - splitTail(whole)) : whole
    const isText = isUtf8(bytes)
    const truncated = { sizeBytes: this.sizeBytes, ...(kept && { kept: { id: kept.id, sizeBytes: kept.sizeBytes } }) }
    return {
      text: isText ? bytes.toString('utf8') : whole.toString('base64'),
      isBase64: !isText,
      truncated: isCut ? truncated : undefined,
    }
  }
}

/** Content on its way into the vault. A vault that fails takes nothing more, and the program never notices. */
class Keeping {
  private readonly pipe = new PassThrough()
  private readonly kept: Promise<KeptContent | undefined>
  private isOver = false

  constructor(contents: () => ContentStore) {
    // What is thrown into a pipe that nobody reads any more concerns nobody.
    this.pipe.on('error', () => undefined)
    this.kept = this.keep(contents)
  }

  /** Resolves when there is room for more. */
  async give(piece: Uint8Array): Promise<void> {
    if (this.isOver || piece.length === 0 || this.pipe.write(piece)) return
    const settled = new AbortController()
    const { signal } = settled
    await Promise.race([once(this.pipe, 'drain', { signal }), once(this.pipe, 'close', { signal })]).catch(
      () => undefined,
    )
    settled.abort()
  }

  end(): Promise<KeptContent | undefined> {
    this.pipe.end()
    return this.kept
  }

  abandon(): void {
    this.pipe.destroy(new Error('the program was stopped'))
  }

  private async keep(contents: () => ContentStore): Promise<KeptContent | undefined> {
    try {
      return await contents().keep(this.pipe)
    } catch {
      return undefined
    } finally {
      this.isOver = true
      this.pipe.destroy()
    }
  }
}

/** How many bytes at the end begin a character that the cut has split. */
function splitTail(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? back : 0
  }
  return 0
}
