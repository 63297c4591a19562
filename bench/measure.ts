/** What one benchmark found. Latencies are of single operations, in microseconds. */
export interface Measured {
  readonly opsPerSec: number
  readonly p50Us: number
  readonly p99Us: number
  readonly n: number
}

export interface Plan {
  readonly seconds: number
  /** Operations in flight at once. Default 1. */
  readonly inFlight?: number
  /** Operations timed as one sample; for those that take about as long as reading the clock. Default 1. */
  readonly perSample?: number
}

/** Samples kept; when there are more, the newest replace the oldest. 32 MiB, taken before the clock starts. */
const capacity = 2 ** 22

class Samples {
  readonly #ms = new Float64Array(capacity)
  #count = 0

  add(ms: number): void {
    this.#ms[this.#count++ % capacity] = ms
  }

  summary(elapsedMs: number, perSample: number): Measured {
    const kept = this.#ms.subarray(0, Math.min(this.#count, capacity)).sort()
    const at = (share: number): number =>
      ((kept[Math.min(kept.length - 1, Math.floor(kept.length * share))] ?? 0) * 1000) / perSample
    const n = this.#count * perSample
    return { opsPerSec: round((n / elapsedMs) * 1000), p50Us: round(at(0.5)), p99Us: round(at(0.99)), n }
  }
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}

function warmupMs(seconds: number): number {
  return Math.min(2000, Math.max(200, seconds * 250))
}

/** Runs `operation` for the planned time after a warm-up, and times each. The operation gets a running number. */
export async function measure(operation: (index: number) => Promise<unknown>, plan: Plan): Promise<Measured> {
  const { seconds, inFlight = 1 } = plan
  let index = 0
  const samples = new Samples()
  const loop = async (untilMs: number, add: ((ms: number) => void) | undefined): Promise<void> => {
    for (let startMs = performance.now(); startMs < untilMs;) {
      await operation(index++)
      const endMs = performance.now()
      add?.(endMs - startMs)
      startMs = endMs
    }
  }
  const loops = async (forMs: number, add?: (ms: number) => void): Promise<number> => {
    const startMs = performance.now()
    await Promise.all(Array.from({ length: inFlight }, () => loop(startMs + forMs, add)))
    return performance.now() - startMs
  }
  await loops(warmupMs(seconds))
  return samples.summary(await loops(seconds * 1000, (ms) => samples.add(ms)), 1)
}

/** The same for an operation that answers at once. */
export function measureSync(operation: (index: number) => unknown, plan: Plan): Measured {
  const { seconds, perSample = 1 } = plan
  let index = 0
  const samples = new Samples()
  const loop = (forMs: number, isTimed: boolean): number => {
    const beginMs = performance.now()
    let startMs = beginMs
    while (startMs < beginMs + forMs) {
      for (let left = perSample; left > 0; left--) operation(index++)
      const endMs = performance.now()
      if (isTimed) samples.add(endMs - startMs)
      startMs = endMs
    }
    return startMs - beginMs
  }
  loop(warmupMs(seconds), false)
  return samples.summary(loop(seconds * 1000, true), perSample)
}
