import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Benchmark, Finding } from '../benchmark.ts'

/** What the process that opened the log says of itself. */
interface Round {
  readonly ms: number
  readonly cpuUs: number
  readonly maxRssBytes: number
}

const child = fileURLToPath(new URL('./recover-child.ts', import.meta.url))

/** Opens the kernel over a log whose writer was killed. Each round starts from the same copy, in a process of its own. */
export const recoverBenchmark: Benchmark = {
  name: 'recover',
  run({ entries }) {
    const killed = mkdtempSync(join(tmpdir(), 'kestrel-bench-'))
    try {
      const writer = spawnSync(process.execPath, [child, 'write', killed, String(entries)], { stdio: 'inherit' })
      if (writer.signal !== 'SIGKILL') throw new Error('the writer of `recover` did not die as it should')
      const rounds = Array.from({ length: entries > 100_000 ? 3 : 5 }, () => recoverCopy(killed))
      return Promise.resolve(summaryOf(rounds, entries))
    } finally {
      rmSync(killed, { recursive: true, force: true })
    }
  },
}

function recoverCopy(killed: string): Round {
  const copy = mkdtempSync(join(tmpdir(), 'kestrel-bench-'))
  try {
    // With modes: keys that others may read are refused.
    execFileSync('cp', ['-a', `${killed}/.`, copy])
    const { stdout, status } = spawnSync(process.execPath, [child, 'recover', copy], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (status !== 0) throw new Error('a round of `recover` failed')
    return JSON.parse(stdout) as Round
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function summaryOf(rounds: readonly Round[], entries: number): Finding {
  const sorted = rounds.map(({ ms }) => ms).sort((a, b) => a - b)
  const at = (share: number): number =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 1000)
  const totalMs = sorted.reduce((sum, ms) => sum + ms, 0)
  return {
    opsPerSec: Number(((rounds.length / totalMs) * 1000).toPrecision(3)),
    p50Us: at(0.5),
    p99Us: at(0.99),
    n: rounds.length,
    cpuUsPerOp: Math.round(rounds.reduce((sum, { cpuUs }) => sum + cpuUs, 0) / rounds.length),
    conditions: {
      entries,
      maxRssBytes: Math.max(...rounds.map(({ maxRssBytes }) => maxRssBytes)),
      was: 'writer killed by SIGKILL after its last answer; time of createKernel in a new process',
    },
  }
}
