import { limits } from '../../../base/limits.ts'
import { fail, unlessAborted } from './stop.ts'

/** What all requests of one provider share: connections, lookups of names, and memory for what comes back. */
export class Capacity {
  readonly #sockets: number
  #busy = 0
  #lookups = 0
  #heldBytes = 0
  /** Who waits for a connection, in the order in which they came. The gate bounds how many. */
  readonly #waiting: Set<() => void> = new Set()

  constructor(sockets: number = limits.httpSockets) {
    this.#sockets = sockets
  }

  /** Does `work` as soon as a connection may be made for it. */
  async inTurn<Value>(signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
    await this.#turn(signal)
    try {
      return await work()
    } finally {
      this.#pass()
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#busy < this.#sockets) {
      this.#busy++
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    try {
      await unlessAborted(promise, signal)
    } catch (error) {
      // A turn that was given in the same moment goes on to the next.
      if (!this.#waiting.delete(resolve)) this.#pass()
      throw error
    }
  }

  #pass(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#busy--
      return
    }
    this.#waiting.delete(next)
    next()
  }

  /** A lookup cannot be called off, so it counts until it ends, also when nobody waits for it any more. */
  async lookUp<Value>(signal: AbortSignal, ask: () => Promise<Value>): Promise<Value> {
    if (this.#lookups >= limits.httpLookups) throw fail('busy', 'too many names are looked up; try again later', true)
    this.#lookups++
    const asking = (async () => ask())().finally(() => {
      this.#lookups--
    })
    return await unlessAborted(asking, signal)
  }

  /** Makes room for more of a response. @throws Stop `busy` */
  hold(bytes: number): void {
    if (this.#heldBytes + bytes > limits.httpHeldBytes) {
      throw fail('busy', 'too many large responses are being read; try again later', true)
    }
    this.#heldBytes += bytes
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes
  }
}
