import type { Clock } from '../../../base/clock.ts'

export interface KeptOptions<Value> {
  /** Beyond it the oldest goes. */
  readonly most: number
  readonly ageMs: number
  /** Called once for each value that is kept no longer. */
  readonly drop: (value: Value) => void
  readonly clock: Clock
}

interface Item<Value> {
  readonly value: Value
  readonly untilMs: number
}

/** What costs much to open and is soon asked for again: a few values, each for a short time, however often it is used. */
export class Kept<Value> {
  private readonly items = new Map<string, Item<Value>>()
  private readonly options: KeptOptions<Value>
  private readonly clock: Clock
  private timer: NodeJS.Timeout | undefined

  constructor(options: KeptOptions<Value>) {
    this.options = options
    this.clock = options.clock
  }

  get(key: string): Value | undefined {
    const item = this.items.get(key)
    if (item === undefined) return undefined
    if (this.clock.monotonicMs() < item.untilMs) return item.value
    this.delete(key)
    return undefined
  }

  set(key: string, value: Value): void {
    this.delete(key)
    const { most, ageMs } = this.options
    if (this.items.size >= most) this.delete(this.items.keys().next().value as string)
    this.items.set(key, { value, untilMs: this.clock.monotonicMs() + ageMs })
    this.timer ??= setTimeout(() => this.sweep(), ageMs).unref()
  }

  delete(key: string): void {
    const item = this.items.get(key)
    if (item === undefined) return
    this.items.delete(key)
    this.options.drop(item.value)
  }

  clear(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    for (const key of this.items.keys()) this.delete(key)
  }

  /** Lets go of what nobody asks for any more. */
  private sweep(): void {
    const nowMs = this.clock.monotonicMs()
    for (const [key, { untilMs }] of this.items) if (untilMs <= nowMs) this.delete(key)
    this.timer = undefined
    if (this.items.size > 0) this.timer = setTimeout(() => this.sweep(), this.options.ageMs).unref()
  }
}
