/** What one benchmark found. Latencies are of single operations, in microseconds. */
export interface Measured {
  readonly opsPerSec: number
  readonly p50Us: number
  readonly p99Us: number
  readonly n: number
  /** Processor time of all threads of the process, user and system: what a busy machine changes least. */
  readonly cpuUsPerOp?: number
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

  summary(spent: Spent, perSample: number): Measured {
    const kept = this.#ms.subarray(0, Math.min(this.#count, capacity)).sort()
    const at = (share: number): number =>
      ((kept[Math.min(kept.length - 1, Math.floor(kept.length * share))] ?? 0) * 1000) / perSample
    const n = this.#count * perSample
    return {
      opsPerSec: round((n / spent.ms) * 1000),
      p50Us: round(at(0.5)),
      p99Us: round(at(0.99)),
      n,
      cpuUsPerOp: round(spent.cpuUs / n),
    }
  }
}

interface Spent {
  readonly ms: number
  readonly cpuUs: number
}

function stopwatch(): () => Spent {
  const startMs = performance.now()
  const before = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(before)
    return { ms: performance.now() - startMs, cpuUs: user + system }
  }
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}

function warmupMs(seconds: number): number {
  return Math.min(2000, Math.max(200, seconds * 250))
}

type Operation = (index: number) => Promise<unknown>

/** Runs `operation` for the planned time after a warm-up, and times each. The operation gets a running number. */
export async function measure(operation: Operation, plan: Plan): Promise<Measured> {
  const { seconds, inFlight = 1 } = plan
  const samples = new Samples()
  let index = 0
  const next: Operation = () => operation(index++)
  const loops = (forMs: number, add?: (ms: number) => void): Promise<Spent> => {
    const untilMs = performance.now() + forMs
    return submitters(next, inFlight, (atMs) => atMs >= untilMs, add)
  }
  await loops(warmupMs(seconds))
  return samples.summary(await loops(seconds * 1000, (ms) => samples.add(ms)), 1)
}

/** Runs `operation` so many times, without a warm-up. */
export async function measureCount(operation: Operation, count: number, inFlight: number): Promise<Measured> {
  const samples = new Samples()
  let index = 0
  const spent = await submitters(
    () => operation(index++),
    inFlight,
    () => index >= count,
    (ms) => samples.add(ms),
  )
  return samples.summary(spent, 1)
}

async function submitters(
  next: Operation,
  inFlight: number,
  isOver: (atMs: number) => boolean,
  add: ((ms: number) => void) | undefined,
): Promise<Spent> {
  const spent = stopwatch()
  const loop = async (): Promise<void> => {
    for (let startMs = performance.now(); !isOver(startMs);) {
      await next(0)
      const endMs = performance.now()
      add?.(endMs - startMs)
      startMs = endMs
    }
  }
  await Promise.all(Array.from({ length: inFlight }, loop))
  return spent()
}

/** The same as `measure` for an operation that answers at once. */
export function measureSync(operation: (index: number) => unknown, plan: Plan): Measured {
  const { seconds, perSample = 1 } = plan
  let index = 0
  const samples = new Samples()
  const loop = (forMs: number, isTimed: boolean): Spent => {
    const spent = stopwatch()
    const beginMs = performance.now()
    let startMs = beginMs
    while (startMs < beginMs + forMs) {
      for (let left = perSample; left > 0; left--) operation(index++)
      const endMs = performance.now()
      if (isTimed) samples.add(endMs - startMs)
      startMs = endMs
    }
    return spent()
  }
  loop(warmupMs(seconds), false)
  return samples.summary(loop(seconds * 1000, true), perSample)
}
