import type { Clock } from '../../base/clock.ts'
import type { Progress } from '../../effects/provider.ts'
import { isAborted, watchAbort } from './abort-watch.ts'
import { Telling } from './telling.ts'

/** The one who asked, as far as it stays with its attempt: it may cancel it, and may want to hear how far it is. */
export class Asker {
  /** Absent where nobody listens. */
  readonly progress: Telling | undefined
  readonly #signal: AbortSignal | undefined
  #unwatch: (() => void) | undefined

  constructor(signal: AbortSignal | undefined, onProgress: ((progress: Progress) => void) | undefined, clock: Clock) {
    this.#signal = signal
    this.progress = onProgress && new Telling(onProgress, clock)
  }

  get hasCancelled(): boolean {
    return this.#signal !== undefined && isAborted(this.#signal)
  }

  /** What is done when it cancels, in place of what was said before; at once where it has. */
  whenCancelled(act: () => void): void {
    this.#unwatch?.()
    this.#unwatch = undefined
    if (this.#signal === undefined) return
    if (isAborted(this.#signal)) act()
    else this.#unwatch = watchAbort(this.#signal, act)
  }

  /** From here on there is nothing to cancel. */
  ignoreCancelling(): void {
    this.#unwatch?.()
    this.#unwatch = undefined
  }

  /** It has its answer: nothing of it stays behind. */
  leave(): void {
    this.ignoreCancelling()
    this.progress?.stop()
  }
}
