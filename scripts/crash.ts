import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { History } from '../test/crash/history.ts'
import { imagesOfKills } from '../test/crash/kill-images.ts'
import { reconcile } from '../test/crash/reconcile.ts'
import { makeRoot } from '../test/crash/root.ts'
import { runRounds, type Tally } from '../test/crash/rounds.ts'
import { asksOf } from '../test/crash/workload.ts'
import { quickFolder } from '../test/power/power-cut.ts'
import { aUsedLedger, scenarios } from '../test/power/scenarios.ts'
import { assertAllSurvive, cutsIn, cutsInRecovery, someOf } from '../test/power/sweep.ts'

/**
 * Kills a working kernel with SIGKILL, over and over, and holds what each left against what it had acknowledged and done:
 * `node scripts/crash.ts --rounds 1000 [--seed N] [--jobs N]`.
 *
 * `--moments` instead looks at what a kill would leave at every single change of a file, and at every one of the recovery from
 * some of these; `--power [--images N]` at what a power loss can leave, up to N images a moment.
 *
 * The last line is a JSON object; exits 1 when anything was wrong.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    moments: { type: 'boolean', default: false },
    power: { type: 'boolean', default: false },
    images: { type: 'string', default: '512' },
  },
})
const seed = Number(values.seed)
const startMs = performance.now()

function seconds(): number {
  return Math.round((performance.now() - startMs) / 100) / 10
}

function tell({ rounds, killed, acknowledged, lost, unknown, problems }: Tally): void {
  if (rounds % 100 !== 0) return
  const counts = `${acknowledged} acknowledged, ${lost} lost, ${unknown} unknown, ${problems.length} problems`
  console.log(`${rounds} rounds, ${killed} killed, ${counts}, ${seconds()} s`)
}

function finish(facts: object, problems: readonly object[]): void {
  for (const problem of problems.slice(0, 20)) console.error(JSON.stringify(problem))
  console.log(JSON.stringify({ ...facts, problems: problems.length, seed, seconds: seconds() }))
  process.exitCode = problems.length === 0 ? 0 : 1
}

async function kill(): Promise<void> {
  const tally = await runRounds({ seed, rounds: Number(values.rounds), jobs: Number(values.jobs), onRound: tell })
  finish(tally, tally.problems)
}

/** Every moment of a first and a second life of a data directory, and every moment of the recovery from some of them. */
async function everyMoment(): Promise<void> {
  using place = quickFolder()
  const root = join(place.path, 'root')
  makeRoot(root)
  const history = new History()
  const problems: object[] = []
  let checked = 0
  for (const round of [1, 2]) {
    const asks = asksOf(seed, round)
    history.ask(asks.flat())
    const { images } = await imagesOfKills(root, history, asks, () => true)
    console.log(`life ${round}: ${images.length} moments`)
    for (const [index, { folder, history: known, moment }] of images.entries()) {
      const second = index % 12 === 0 ? (await imagesOfKills(folder, known, [], () => true, 'again')).images : []
      const found = index % 12 === 0 ? [] : (await reconcile(folder, known)).problems
      problems.push(...found.map((problem) => ({ ...problem, moment })))
      for (const again of second) {
        const worse = (await reconcile(again.folder, again.history)).problems
        problems.push(...worse.map((problem) => ({ ...problem, moment: `${moment}, then ${again.moment}` })))
      }
      checked += Math.max(1, second.length)
    }
  }
  finish({ checked }, problems)
}

async function cutPower(): Promise<void> {
  const options = { seed, most: Number(values.images) }
  const problems: object[] = []
  let checked = 0
  const attempt = async (name: string, check: () => Promise<unknown>): Promise<void> => {
    await check().catch((error: unknown) => problems.push({ name, message: String(error) }))
  }
  for (const [name, scenario] of scenarios) {
    using folder = quickFolder()
    const place = await aUsedLedger(folder.path)
    const { cuts, drawn, areAll } = await cutsIn(place, scenario, options)
    console.log(`${name}: ${drawn} drawn${areAll ? ', which are all' : ''}, ${cuts.length} different, ${seconds()} s`)
    await attempt(name, () => assertAllSurvive(place, cuts, options))
    checked += cuts.length
    for (const [index, cut] of someOf(cuts, 20, seed).entries()) {
      const again = { most: 64, seed: seed + index }
      const second = await cutsInRecovery(place, cut, again)
      await attempt(`${name}, recovery ${index}`, () => assertAllSurvive(place, someOf(second.cuts, 100, seed), again))
      checked += Math.min(second.cuts.length, 100)
    }
  }
  finish({ checked }, problems)
}

await (values.power ? cutPower() : values.moments ? everyMoment() : kill())
