import type { Outbox } from './outbox.ts'

const mostWaiting = 1000
const retryMs = 60_000

/** Messages that wait for their time, also over a restart: their names say when it is. */
export class Waiting {
  readonly #outbox: Outbox
  readonly #send: (name: string, signal: AbortSignal) => Promise<'ended' | 'again'>
  readonly #timers: Map<string, NodeJS.Timeout> = new Map()
  readonly #sending: Set<Promise<void>> = new Set()
  readonly #closing: AbortController = new AbortController()

  /** @param send hands over a message that is in `sending`, and says whether it must be tried again */
  constructor(outbox: Outbox, send: (name: string, signal: AbortSignal) => Promise<'ended' | 'again'>) {
    this.#outbox = outbox
    this.#send = send
    // A process that died in the middle of it told nobody how it ended.
    for (const name of outbox.names('sending')) outbox.move(name, 'sending', 'uncertain')
    for (const name of outbox.names('waiting')) this.add(name)
  }

  get isFull(): boolean {
    return this.#timers.size >= mostWaiting
  }

  add(name: string, atLeastMs = 0): void {
    const dueMs = Number.parseInt(name, 10)
    this.#timers.set(name, setTimeout(() => this.#begin(name), Math.max(atLeastMs, dueMs - Date.now())).unref())
  }

  /** It does not wait any more. */
  drop(name: string): void {
    clearTimeout(this.#timers.get(name))
    this.#timers.delete(name)
  }

  /** What waits goes on waiting on the disk; what is being sent ends first. */
  async close(): Promise<void> {
    this.#closing.abort()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    await Promise.allSettled(this.#sending)
  }

  #begin(name: string): void {
    this.#timers.delete(name)
    // Taken by its name: one that was taken out at this moment is not sent, and the other way round.
    if (!this.#outbox.move(name, 'waiting', 'sending')) return
    const sending = this.#carry(name).finally(() => this.#sending.delete(sending))
    this.#sending.add(sending)
  }

  async #carry(name: string): Promise<void> {
    const what = await this.#send(name, this.#closing.signal)
    if (what === 'ended' || !this.#outbox.move(name, 'sending', 'waiting')) return
    if (!this.#closing.signal.aborted) this.add(name, retryMs)
  }
}
