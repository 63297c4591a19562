import type { Clock } from '../base/clock.ts'
import { KernelError } from '../base/errors.ts'
import { Fifo } from '../base/fifo.ts'
import { limits } from '../base/limits.ts'
import type { Space } from '../evidence/ledger/index.ts'

/** The attempts of one principal. */
interface Share {
  /** Begun and not answered. */
  running: number
  /** Wait for their turn, oldest first. */
  readonly waiting: Fifo<() => void>
  isDraining: boolean
  /** What it may still begin while space is low, and since when that is counted. */
  allowance: number
  sinceMs: number
}

/**
 * Lets attempts in, so that nobody is silenced by another's flood (GATE-16): of each principal only so many run at once, the
 * others wait in the principal's own queue; and while the disk of the log runs low, each principal begins only so many a second.
 */
export class Admission {
  readonly #clock: Clock
  readonly #space: () => Space
  readonly #shares: Map<string, Share> = new Map()
  #running = 0
  #waiting = 0
  #idle: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param space how much room the disk of the log has */
  constructor(clock: Clock, space: () => Space) {
    this.#clock = clock
    this.#space = space
  }

  /** Takes a place among the principal's running attempts, if there is one now. `end` must follow. */
  tryBegin(principal: string): boolean {
    const share = this.#shares.get(principal) ?? this.#newShare(principal)
    if (share.waiting.size > 0 || share.isDraining || !this.#mayBegin(share)) return false
    share.running++
    this.#running++
    return true
  }

  /**
   * Calls `begin` when there is a place; it has one then.
   *
   * @throws KernelError KERNEL_BUSY when more wait than memory should hold
   */
  wait(principal: string, begin: () => void): void {
    if (this.#waiting >= limits.waitingAttempts) {
      throw new KernelError('KERNEL_BUSY', `${this.#waiting} requests wait already; send it again later`)
    }
    this.#waiting++
    const share = this.#shares.get(principal) ?? this.#newShare(principal)
    share.waiting.add(begin)
    this.#drain(share)
  }

  /** An attempt was answered. */
  end(principal: string): void {
    this.#running--
    const share = this.#shares.get(principal)
    if (share !== undefined) {
      share.running--
      if (share.waiting.size > 0) this.#drain(share)
      else if (share.running === 0 && this.#shares.size > limits.principalsKnown) this.#shares.delete(principal)
    }
    if (this.#running === 0 && this.#waiting === 0) this.#idle?.()
  }

  /** Resolves when none runs or waits. Asked once, when no further attempt comes. */
  idle(): Promise<void> {
    if (this.#running === 0 && this.#waiting === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle = resolve
    })
  }

  #newShare(principal: string): Share {
    const sinceMs = this.#clock.monotonicMs()
    const share: Share = { running: 0, waiting: new Fifo(), isDraining: false, allowance: 0, sinceMs }
    this.#shares.set(principal, share)
    return share
  }

  /** Begins what may begin. One that is answered at once ends within: this loop takes the next, not a call inside a call. */
  #drain(share: Share): void {
    if (share.isDraining) return
    share.isDraining = true
    while (share.waiting.size > 0 && this.#mayBegin(share)) {
      const begin = share.waiting.take()
      share.running++
      this.#running++
      this.#waiting--
      begin?.()
    }
    share.isDraining = false
    if (share.waiting.size > 0 && share.running < limits.attemptsPerPrincipal) this.#drainLater()
  }

  #mayBegin(share: Share): boolean {
    if (share.running >= limits.attemptsPerPrincipal) return false
    if (this.#space() !== 'low') return true
    const nowMs = this.#clock.monotonicMs()
    const earned = ((nowMs - share.sinceMs) / 1000) * limits.attemptsPerSecondLow
    share.allowance = Math.min(limits.attemptsPerSecondLow, share.allowance + earned)
    share.sinceMs = nowMs
    if (share.allowance < 1) return false
    share.allowance--
    return true
  }

  /** While space is low, time opens the door, not only an answer. */
  #drainLater(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      for (const share of this.#shares.values()) if (share.waiting.size > 0) this.#drain(share)
    }, 1000 / limits.attemptsPerSecondLow)
  }
}
