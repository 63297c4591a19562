import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { logFiles, openLog, parseEntry, type Entry } from '../../src/evidence/ledger/index.ts'
import { verifyLog } from '../../src/evidence/receipt/index.ts'
import { isSameAnswer, type History } from './history.ts'
import { effectsIn } from './outside.ts'
import { openKernelIn } from './small-kernel.ts'
import { acting, mutating, type Ask } from './workload.ts'

/** What is wrong with a data directory after a kill. */
export interface Problem {
  readonly code: ProblemCode
  readonly message: string
}

export type ProblemCode =
  | 'published_log_invalid'
  | 'cannot_open'
  | 'acknowledged_lost'
  | 'two_entries'
  | 'effect_without_entry'
  | 'entry_without_effect'
  | 'unknown_without_cause'
  | 'key_forgotten'
  | 'log_invalid'
  | 'broken_chain'
  | 'contradiction'

/** What one look at a data directory found. */
export interface Findings {
  readonly problems: readonly Problem[]
  readonly entries: number
  readonly effects: number
  /** Attempts that a kill cut where nothing could tell whether they took effect. */
  readonly unknown: number
}

/** Retries of each sort that follow a kill. */
const retries = 3

/**
 * Looks at what a killed kernel left in `root`: first at the published files as they are, then opens a kernel over it, tries
 * keys again, closes, and holds every entry and every effect against what is known. Changes `root`: give it a copy.
 */
export async function reconcile(root: string, history: History): Promise<Findings> {
  const problems: Problem[] = []
  const report = (code: ProblemCode, message: string): void => void problems.push({ code, message })
  await checkPublished(root, history, report)
  const retried = new Set<string>()
  try {
    await reopen(root, history, retried, report)
  } catch (error) {
    report('cannot_open', error instanceof Error ? error.message : String(error))
    return { problems, entries: 0, effects: 0, unknown: 0 }
  }
  const size = await checkWhole(root, report)
  const entries = await attemptsIn(root, report)
  checkAnswers(entries, history, report)
  const unknown = checkUnknown(entries, history, retried, report)
  const effects = checkEffects(root, entries, history, report)
  return { problems, entries: size, effects, unknown }
}

type Report = (code: ProblemCode, message: string) => void

async function verify(root: string): Promise<{ size: number; problems: string }> {
  const folder = join(root, 'data', 'ledger')
  const vkey = readFileSync(join(folder, 'vkey'), 'utf8').trim()
  const { ok, size, problems } = await verifyLog(logFiles(folder), { vkey })
  return { size, problems: ok ? '' : JSON.stringify(problems) }
}

async function checkPublished(root: string, history: History, report: Report): Promise<void> {
  if (!existsSync(join(root, 'data', 'ledger', 'checkpoint'))) {
    if (history.publishedSize > 0) report('published_log_invalid', 'the checkpoint is gone')
    return
  }
  const { size, problems } = await verify(root)
  if (problems !== '') report('published_log_invalid', problems)
  if (size < history.publishedSize) report('published_log_invalid', `${size} entries, were ${history.publishedSize}`)
  Object.assign(history, { publishedSize: Math.max(size, history.publishedSize) })
}

async function reopen(root: string, history: History, retried: Set<string>, report: Report): Promise<void> {
  const kernel = await openKernelIn(root)
  try {
    for (const [name, before] of keyed(history, (ask) => history.answered.has(ask.name))) {
      const again = await kernel.as({ id: before.principal.id }).submit(before.request)
      if (!isSameAnswer(history.answered.get(name) as typeof again, again)) {
        report(
          'key_forgotten',
          `\`${name}\` was ${JSON.stringify(history.answered.get(name))}, is ${JSON.stringify(again)}`,
        )
      }
    }
    for (const [name, cut] of keyed(history, (ask) => !history.answered.has(ask.name))) {
      retried.add(name)
      await kernel.as({ id: cut.principal.id }).submit(cut.request)
    }
  } finally {
    await kernel.close()
  }
}

/** The last few asks with a key that are as wanted. */
function keyed(history: History, isWanted: (ask: Ask) => boolean): [string, Ask][] {
  const found = [...history.asked].filter(([, ask]) => ask.request.idempotencyKey !== undefined && isWanted(ask))
  return found.slice(-retries)
}

async function checkWhole(root: string, report: Report): Promise<number> {
  const { size, problems } = await verify(root)
  if (problems !== '') report('log_invalid', problems)
  return size
}

/** Entries of attempts by name of what was asked; the agents' chains are counted on the way. */
async function attemptsIn(root: string, report: Report): Promise<Map<string, Entry>> {
  const found = new Map<string, Entry>()
  const next = new Map<string, number>()
  const log = await openLog(join(root, 'data', 'ledger'))
  for await (const { bytes } of log.entries(0)) {
    const entry = parseEntry(bytes)
    if (entry.kind !== 'head') {
      if (entry.agentSeq !== (next.get(entry.agent) ?? 0)) report('broken_chain', `entry ${entry.seq}`)
      next.set(entry.agent, (entry.agentSeq ?? 0) + 1)
    }
    // A retry of a cut attempt may be refused, which is an attempt of its own.
    if (entry.kind !== 'action' || entry.outcome?.error === 'idempotency_conflict') continue
    const name = `${entry.action} ${entry.resource}`
    if (found.has(name)) report('two_entries', `\`${name}\`: ${found.get(name)?.seq} and ${entry.seq}`)
    found.set(name, entry)
  }
  return found
}

function checkAnswers(entries: ReadonlyMap<string, Entry>, history: History, report: Report): void {
  for (const [name, { seq, status }] of history.answered) {
    const entry = entries.get(name)
    const ask = history.asked.get(name)
    if (entry?.seq !== seq) report('acknowledged_lost', `\`${name}\` had entry ${seq}, has ${entry?.seq}`)
    else if (entry.outcome?.status !== status || entry.principal !== ask?.principal.id) {
      report('acknowledged_lost', `\`${name}\` was ${status}, is ${entry.outcome?.status} of ${entry.principal}`)
    }
  }
}

/** `unknown` is for mutations whose provider said so, or that were cut without an answer. */
function checkUnknown(
  entries: ReadonlyMap<string, Entry>,
  history: History,
  retried: ReadonlySet<string>,
  report: Report,
): number {
  let cut = 0
  for (const [name, { seq, outcome }] of entries) {
    if (outcome?.status !== 'unknown') continue
    const kind = history.asked.get(name)?.kind
    const isCut = kind !== undefined && mutating.has(kind) && !history.answered.has(name)
    if (kind !== 'unsure' && !isCut) report('unknown_without_cause', `\`${name}\`, entry ${seq}`)
    if (kind !== 'unsure' && isCut && !retried.has(name)) cut++
  }
  return cut
}

function checkEffects(root: string, entries: ReadonlyMap<string, Entry>, history: History, report: Report): number {
  const counts = new Map<string, number>()
  for (const resource of effectsIn(root)) counts.set(resource, (counts.get(resource) ?? 0) + 1)
  let effects = 0
  for (const [name, ask] of history.asked) {
    const count = effectsOf(root, ask, counts)
    effects += count
    const outcome = entries.get(name)?.outcome
    const mayBe = outcome?.effect === 'done' || outcome?.effect === 'uncertain'
    if (count > 0 && (!acting.has(ask.kind) || !mayBe || count > 1)) {
      report('effect_without_entry', `\`${name}\` happened ${count} times, its entry says ${JSON.stringify(outcome)}`)
    }
    if (count === 0 && outcome?.effect === 'done' && acting.has(ask.kind)) {
      report('entry_without_effect', `\`${name}\` did not happen, entry ${entries.get(name)?.seq} says that it did`)
    }
  }
  return effects
}

function effectsOf(root: string, { request }: Ask, counts: ReadonlyMap<string, number>): number {
  const resource = String(request.resource)
  if (request.action !== 'fs.write') return counts.get(resource) ?? 0
  return existsSync(join(root, resource)) ? 1 : 0
}
