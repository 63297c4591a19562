import type { Minimatch } from 'minimatch'
import type { Entry } from '../evidence/ledger/index.ts'
import { usage } from './typed-request.ts'

export interface LogFilter {
  readonly status?: string | undefined
  readonly action?: string | undefined
  readonly agent?: string | undefined
  readonly since?: string | undefined
}

export type Matches = (entry: Entry) => boolean

/** Patterns mean what they mean in a policy. */
const globOptions = { dot: true, noext: true, nobrace: true, nonegate: true, nocomment: true } as const
const patternLength = 1024
const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** All filters must match; undefined when there are none. @throws KernelError USAGE_INVALID */
export async function matcherOf(filter: LogFilter, nowMs: number): Promise<Matches | undefined> {
  const { status, agent } = filter
  const glob = filter.action === undefined ? undefined : await readGlob(filter.action)
  const sinceMs = filter.since === undefined ? undefined : readTime(filter.since, nowMs)
  if (status === undefined && agent === undefined && glob === undefined && sinceMs === undefined) return undefined
  return (entry) =>
    (status === undefined || entry.outcome?.status === status) &&
    (agent === undefined || entry.agent === agent || entry.principal === agent) &&
    (sinceMs === undefined || entry.time >= sinceMs) &&
    (glob === undefined || (entry.action !== undefined && glob.match(entry.action)))
}

async function readGlob(text: string): Promise<Minimatch> {
  if (text.length > patternLength) throw usage(`\`--action\` has more than ${patternLength} characters`)
  const { Minimatch: Glob } = await import('minimatch')
  return new Glob(text, globOptions)
}

/** A point in time (ISO 8601, without a zone: of this machine) or how long ago. */
export function readTime(text: string, nowMs: number): number {
  const [, amount, unit = ''] = /^(\d{1,9})([smhdw])$/.exec(text) ?? []
  if (amount !== undefined) return nowMs - Number(amount) * (unitsMs[unit] ?? 0)
  const timeMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(timeMs)) throw usage('`--since` must be a time as `2026-01-31T12:00:00Z`, or `15m`, `2h`, `7d`')
  return timeMs
}

/** A whole number from 0. @throws KernelError USAGE_INVALID */
export function readCount(text: string, name: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw usage(`${name} must be a whole number from 0`)
  return value
}
