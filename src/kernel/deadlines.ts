import { systemClock } from '../base/clock.ts'

/** Why a wait ended before there was an answer. */
export const timeIsUp: unique symbol = Symbol('time is up')
export const closed: unique symbol = Symbol('the kernel closes')

interface Waiting {
  readonly dueMs: number
  readonly end: (why: typeof timeIsUp | typeof closed) => void
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

  /** What `answering` says. Rejects with `timeIsUp` or `closed` where that comes first. */
  within(answering: Promise<unknown>, timeoutMs: number): Promise<unknown> {
    // One that closes the kernel itself, and then answers late, is not told again.
    if (this.#closing.aborted) return Promise.race([answering, Promise.reject(closed)])
    return new Promise((resolve, reject) => {
      const line = this.#lineFor(timeoutMs)
      const waiting: Waiting = { dueMs: systemClock.monotonicMs() + timeoutMs, end: reject }
      this.#join(line, timeoutMs, waiting)
      Promise.resolve(answering).then(
        (answer) => {
          this.#leave(line, waiting)
          resolve(answer)
        },
        (error: unknown) => {
          this.#leave(line, waiting)
          reject(error)
        },
      )
    })
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
  #leave(line: Line, waiting: Waiting): void {
    if (line.waiting.delete(waiting) && line.waiting.size === 0) line.timer?.unref()
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
      waiting.end(timeIsUp)
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
