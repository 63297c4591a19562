import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Benchmark } from '../benchmark.ts'

const entries = 10_000
const rounds = 5

const child = fileURLToPath(new URL('./recover-child.ts', import.meta.url))

/** Opens the kernel over a log whose writer was killed. Each round starts from the same copy, in a process of its own. */
export const recoverBenchmark: Benchmark = {
  name: 'recover',
  run() {
    const killed = mkdtempSync(join(tmpdir(), 'kestrel-bench-'))
    const copies: string[] = []
    try {
      const writer = spawnSync(process.execPath, [child, 'write', killed, String(entries)], { stdio: 'inherit' })
      if (writer.signal !== 'SIGKILL') throw new Error('the writer of `recover` did not die as it should')
      const found = Array.from({ length: rounds }, () => {
        const copy = mkdtempSync(join(tmpdir(), 'kestrel-bench-'))
        copies.push(copy)
        // With modes: keys that others may read are refused.
        execFileSync('cp', ['-a', `${killed}/.`, copy])
        const { stdout, status } = spawnSync(process.execPath, [child, 'recover', copy], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        if (status !== 0) throw new Error('a round of `recover` failed')
        return JSON.parse(stdout) as { readonly ms: number; readonly maxRssBytes: number }
      })
      return Promise.resolve(summaryOf(found))
    } finally {
      for (const folder of [killed, ...copies]) rmSync(folder, { recursive: true, force: true })
    }
  },
}

function summaryOf(
  found: readonly { readonly ms: number; readonly maxRssBytes: number }[],
): Awaited<ReturnType<Benchmark['run']>> {
  const sorted = found.map(({ ms }) => ms).sort((a, b) => a - b)
  const at = (share: number): number =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 1000)
  const totalMs = sorted.reduce((sum, ms) => sum + ms, 0)
  return {
    opsPerSec: Number(((found.length / totalMs) * 1000).toPrecision(3)),
    p50Us: at(0.5),
    p99Us: at(0.99),
    n: found.length,
    conditions: {
      entries,
      maxRssBytes: Math.max(...found.map(({ maxRssBytes }) => maxRssBytes)),
      was: 'writer killed by SIGKILL after its last answer; time of createKernel in a new process',
    },
  }
}
