import { systemClock } from '../base/clock.ts'
import { limits } from '../base/limits.ts'
import type { Hurried } from './gate.ts'

/** Why a wait ended before there was an answer. */
export const timeIsUp: unique symbol = Symbol('time is up')
export const closed: unique symbol = Symbol('the kernel closes')
export const cancelled: unique symbol = Symbol('the caller cancelled')

interface Waiting {
  readonly dueMs: number
  /** Why it ends when it is due. */
  readonly late: typeof timeIsUp | typeof cancelled
  readonly end: (why: typeof timeIsUp | typeof closed | typeof cancelled) => void
}

/** Those who wait equally long, in the order in which their time is up, and the timer for the first. */
interface Line {
  readonly waiting: Set<Waiting>
  timer: NodeJS.Timeout | undefined
}

/**
 * Ends waits whose time is up, and all when the kernel closes. One timer and one listener for all of them: both cost more than
 * most of what is waited for.
 */
export class Deadlines {
  readonly #closing: AbortSignal
  /** By how long is waited, in ms. */
  readonly #lines: Map<number, Line> = new Map()

  constructor(closing: AbortSignal) {
    this.#closing = closing
    closing.addEventListener('abort', () => this.#endAll(), { once: true })
  }

  /**
   * What `answering` says. Rejects with `timeIsUp` or `closed` where that comes first, and with `cancelled` where it comes later
   * than `limits.cancelGraceMs` after it was hurried.
   */
  within(answering: Promise<unknown>, timeoutMs: number, hurried?: Hurried): Promise<unknown> {
    // One that closes the kernel itself, and then answers late, is not told again.
    if (this.#closing.aborted) return Promise.race([answering, Promise.reject(closed)])
    return new Promise((resolve, reject) => {
      let leave = this.#enter(timeoutMs, timeIsUp, reject)
      hurried?.(() => {
        if (leave()) leave = this.#enter(limits.cancelGraceMs, cancelled, reject)
      })
      Promise.resolve(answering).then(
        (answer) => {
          leave()
          resolve(answer)
        },
        (error: unknown) => {
          leave()
          reject(error)
        },
      )
    })
  }

  /** @returns what ends the wait, and tells whether it was still one */
  #enter(timeoutMs: number, late: Waiting['late'], end: Waiting['end']): () => boolean {
    const line = this.#lineFor(timeoutMs)
    const waiting: Waiting = { dueMs: systemClock.monotonicMs() + timeoutMs, late, end }
    this.#join(line, timeoutMs, waiting)
    return () => this.#leave(line, waiting)
  }

  #lineFor(timeoutMs: number): Line {
    const known = this.#lines.get(timeoutMs)
    if (known !== undefined) return known
    const line: Line = { waiting: new Set(), timer: undefined }
    this.#lines.set(timeoutMs, line)
    return line
  }

  #join(line: Line, timeoutMs: number, waiting: Waiting): void {
    line.waiting.add(waiting)
    if (line.timer === undefined) line.timer = setTimeout(() => this.#ring(line), timeoutMs)
    else if (line.waiting.size === 1) line.timer.ref()
  }

  /** A timer that nobody waits for does not keep the process alive. */
  #leave(line: Line, waiting: Waiting): boolean {
    const waited = line.waiting.delete(waiting)
    if (waited && line.waiting.size === 0) line.timer?.unref()
    return waited
  }

  #ring(line: Line): void {
    const nowMs = systemClock.monotonicMs()
    line.timer = undefined
    for (const waiting of line.waiting) {
      if (waiting.dueMs > nowMs) {
        line.timer = setTimeout(() => this.#ring(line), waiting.dueMs - nowMs)
        return
      }
      line.waiting.delete(waiting)
      waiting.end(waiting.late)
    }
  }

  #endAll(): void {
    for (const line of this.#lines.values()) {
      clearTimeout(line.timer)
      line.timer = undefined
      for (const waiting of line.waiting) waiting.end(closed)
      line.waiting.clear()
    }
  }
}
