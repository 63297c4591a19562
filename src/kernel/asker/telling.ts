import { fitsUtf8 } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { limits } from '../../base/limits.ts'
import type { Progress } from '../../effects/provider.ts'

/**
 * Tells a listener how far its attempt is: the newest report, no oftener than each `limits.progressMs`.
 *
 * It is told in a turn of its own, never inside the provider's: there it could act between a check of the provider and its effect.
 */
export class Telling {
  readonly #listener: (progress: Progress) => unknown
  readonly #clock: Clock
  /** Not told yet. */
  #newest: Progress | undefined
  #toldMs = Number.NEGATIVE_INFINITY
  #isDue = false
  #takesMore = true
  #timer: NodeJS.Timeout | undefined

  constructor(listener: (progress: Progress) => unknown, clock: Clock) {
    this.#listener = listener
    this.#clock = clock
  }

  take(report: unknown): void {
    if (!this.#takesMore) return
    const progress = readProgress(report)
    if (progress === undefined) return
    this.#newest = progress
    if (this.#isDue) return
    this.#isDue = true
    const waitMs = this.#toldMs + limits.progressMs - this.#clock.monotonicMs()
    if (waitMs <= 0) queueMicrotask(() => this.#tell())
    else this.#timer = setTimeout(() => this.#tell(), Math.min(waitMs, limits.progressMs)).unref()
  }

  /** The provider has answered: what it reported last is told now, and it reports no more. */
  finish(): void {
    if (!this.#takesMore) return
    this.#takesMore = false
    clearTimeout(this.#timer)
    queueMicrotask(() => this.#tell())
  }

  /** The outcome is there: nothing is told any more. */
  stop(): void {
    this.#takesMore = false
    this.#newest = undefined
    clearTimeout(this.#timer)
  }

  #tell(): void {
    const progress = this.#newest
    this.#newest = undefined
    this.#isDue = false
    if (progress === undefined) return
    this.#toldMs = this.#clock.monotonicMs()
    try {
      // A listener that throws later must not end the process.
      Promise.resolve(this.#listener(progress)).catch(() => undefined)
    } catch {
      // What a listener throws is its own affair.
    }
  }
}

/** What a provider reported, or undefined where it is malformed. Each member is read once. */
function readProgress(report: unknown): Progress | undefined {
  try {
    const { done, total, message } = report as Record<string, unknown>
    if (!isAmount(done) || (total !== undefined && !isAmount(total))) return undefined
    if (message !== undefined && typeof message !== 'string') return undefined
    return Object.freeze({
      done,
      ...(total !== undefined && { total }),
      ...(message !== undefined && { message: cut(message) }),
    })
  } catch {
    return undefined
  }
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

/** Whole characters that fit; a text of any length costs no more than that. */
function cut(message: string): string {
  if (fitsUtf8(message.slice(0, limits.progressBytes + 1), limits.progressBytes)) return message.toWellFormed()
  const { read } = new TextEncoder().encodeInto(message, new Uint8Array(limits.progressBytes))
  return message.slice(0, read).toWellFormed()
}
