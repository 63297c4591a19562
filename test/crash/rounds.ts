import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from '../../src/index.ts'
import { numbersFrom } from '../power/outcomes.ts'
import { quickFolder } from '../power/power-cut.ts'
import { startChild } from './child.ts'
import { History } from './history.ts'
import { drawPlan, type KillPlan } from './kill-plan.ts'
import { reconcile, type Problem } from './reconcile.ts'
import { copyRoot, makeRoot } from './root.ts'
import { asksOf } from './workload.ts'

/** What some rounds came to. */
export interface Tally {
  rounds: number
  /** Rounds whose process was killed before its end. */
  killed: number
  acknowledged: number
  lost: number
  unknown: number
  effects: number
  readonly problems: (Problem & { readonly round: number; readonly plan: KillPlan })[]
}

export interface RoundOptions {
  readonly seed: number
  readonly rounds: number
  /** Kills in a row of one data directory. */
  readonly roundsPerFolder?: number
  /** The plan of a round; drawn by the seed where absent. */
  readonly planOf?: (round: number) => KillPlan
  /** Data directories at a time. */
  readonly jobs?: number
  readonly onRound?: (tally: Tally) => void
}

/** About how many files a round of the workload changes. */
const changesInRound = 240

/**
 * Kills processes and reconciles what each left, over and over in one data directory: what is looked at is a copy, so that the
 * next process has the recovery to do, and may be killed in it.
 */
export async function runRounds(options: RoundOptions): Promise<Tally> {
  const { rounds, roundsPerFolder = 12 } = options
  const tally: Tally = { rounds: 0, killed: 0, acknowledged: 0, lost: 0, unknown: 0, effects: 0, problems: [] }
  const firsts = Array.from({ length: Math.ceil(rounds / roundsPerFolder) }, (_, index) => index * roundsPerFolder)
  const rest = firsts.values()
  const work = async (): Promise<void> => {
    for (const first of rest) {
      using place = quickFolder()
      await runFolder(place.path, first, Math.min(first + roundsPerFolder, rounds), options, tally)
    }
  }
  await Promise.all(Array.from({ length: options.jobs ?? 1 }, work))
  return tally
}

async function runFolder(
  place: string,
  first: number,
  end: number,
  { seed, planOf, onRound }: RoundOptions,
  tally: Tally,
): Promise<void> {
  const root = join(place, 'root')
  const random = numbersFrom(seed * 7919 + first)
  const history = new History()
  makeRoot(root)
  let unknown = 0
  let effects = 0
  for (let round = first; round < end; round++) {
    const plan = planOf?.(round) ?? drawPlan(random, changesInRound)
    history.ask(asksOf(seed, round).flat())
    const before = history.answered.size
    const { isKilled, problems: told } = await runChild(root, seed, round, plan, history)
    const copy = join(place, 'copy')
    copyRoot(root, copy)
    const findings = await reconcile(copy, history)
    rmSync(copy, { recursive: true })
    const problems = [...told, ...findings.problems].map((problem) => ({ ...problem, round, plan }))
    tally.problems.push(...problems)
    tally.rounds++
    tally.killed += isKilled ? 1 : 0
    tally.acknowledged += history.answered.size - before
    tally.lost += problems.filter(({ code }) => code === 'acknowledged_lost').length
    tally.unknown += Math.max(0, findings.unknown - unknown)
    tally.effects += Math.max(0, findings.effects - effects)
    ;({ unknown, effects } = findings)
    onRound?.(tally)
  }
}

async function runChild(
  root: string,
  seed: number,
  round: number,
  plan: KillPlan,
  history: History,
): Promise<{ isKilled: boolean; problems: Problem[] }> {
  const child = startChild(root, seed, round, plan)
  let text = ''
  let trouble = ''
  child.stderr.on('data', (chunk: Buffer) => (trouble += chunk.toString()))
  child.stdout.on('data', (chunk: Buffer) => {
    if (text === '' && plan.is === 'time') setTimeout(() => child.kill('SIGKILL'), plan.afterMs)
    text += chunk.toString()
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  const isKilled = signal === 'SIGKILL'
  const problems: Problem[] = []
  if (!isKilled && code !== 0)
    problems.push({ code: 'cannot_open', message: `the process ended with ${code}: ${trouble}` })
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    if (!line.startsWith('answer ')) continue
    const { name, outcome } = JSON.parse(line.slice('answer '.length)) as { name: string; outcome: Outcome }
    const wrong = history.answer(name, outcome)
    if (wrong !== undefined) problems.push({ code: 'contradiction', message: wrong })
  }
  return { isKilled, problems }
}
