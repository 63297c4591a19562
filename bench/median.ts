import type { Finding } from './benchmark.ts'

/** Of several findings of one name: each figure's median, under the conditions of the run whose rate is the median. */
export function medianOf(findings: readonly Finding[]): Finding {
  const byRate = findings.toSorted((a, b) => a.opsPerSec - b.opsPerSec)
  const middle = byRate[(byRate.length - 1) >> 1]
  if (middle === undefined) throw new Error('nothing was measured')
  if (findings.length === 1) return middle
  const figure = (of: (finding: Finding) => number): number =>
    findings.map(of).sort((a, b) => a - b)[(findings.length - 1) >> 1] ?? 0
  return {
    ...middle,
    p50Us: figure(({ p50Us }) => p50Us),
    p99Us: figure(({ p99Us }) => p99Us),
    ...(middle.cpuUsPerOp !== undefined && { cpuUsPerOp: figure(({ cpuUsPerOp = 0 }) => cpuUsPerOp) }),
    conditions: {
      ...middle.conditions,
      repeat: findings.length,
      opsPerSecOfEach: findings.map(({ opsPerSec }) => opsPerSec).join(' '),
    },
  }
}
