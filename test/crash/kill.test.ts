import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { quickFolder } from '../power/power-cut.ts'
import { History } from './history.ts'
import { imagesOfKills, type KillImage } from './kill-images.ts'
import type { KillPlan } from './kill-plan.ts'
import { reconcile } from './reconcile.ts'
import { makeRoot } from './root.ts'
import { runRounds } from './rounds.ts'
import { asksOf } from './workload.ts'

const seed = 7
/** Every n-th moment is checked here, each time others; `node scripts/crash.ts --moments` checks them all. */
const every = 9

async function assertReconciled({ folder, history, moment }: KillImage): Promise<void> {
  const { problems } = await reconcile(folder, history)
  expect(problems, `seed ${seed}, ${moment}`).toEqual([])
}

describe('kill -9', () => {
  guards('LED-02', 'GATE-09', 'GATE-11')

  test("at any moment of a kernel's life leaves what was acknowledged, and what happened", async () => {
    using place = quickFolder()
    const root = join(place.path, 'root')
    makeRoot(root)
    const history = new History()
    for (const round of [1, 2]) {
      const asks = asksOf(seed, round)
      history.ask(asks.flat())
      const { images, moments } = await imagesOfKills(root, history, asks, (moment) => moment % every === round)
      expect(moments).toBeGreaterThan(150)
      for (const image of images) await assertReconciled(image)
    }
  })

  test('at any moment of a first start leaves a data directory that opens', async () => {
    using place = quickFolder()
    const root = join(place.path, 'root')
    makeRoot(root)
    const { images, moments } = await imagesOfKills(root, new History(), [], () => true)
    expect(moments).toBeGreaterThan(30)
    for (const image of images) await assertReconciled(image)
  })

  test('during the recovery from a kill leaves the same', async () => {
    using place = quickFolder()
    const root = join(place.path, 'root')
    makeRoot(root)
    const history = new History()
    const asks = asksOf(seed, 3)
    history.ask(asks.flat())
    const { images } = await imagesOfKills(root, history, asks, (moment) => moment > 40 && moment % 61 === 0)
    for (const { folder, history: known } of images) {
      const second = await imagesOfKills(folder, known, [], (moment) => moment % 5 === 1, 'again')
      expect(second.moments).toBeGreaterThan(5)
      for (const image of second.images) await assertReconciled(image)
    }
  })

  const plans: KillPlan[] = [
    { is: 'effect', number: 1, when: 'before' },
    { is: 'effect', number: 2, when: 'after' },
    { is: 'change', number: 3, when: 'after' },
    { is: 'change', number: 9, when: 'half' },
    { is: 'time', afterMs: 5 },
    { is: 'time', afterMs: 35 },
    { is: 'change', number: 90, when: 'half' },
    { is: 'never' },
  ]

  test('of a process, over and over in one data directory, loses nothing', async () => {
    const tally = await runRounds({ seed, rounds: plans.length, planOf: (round) => plans[round] as KillPlan })
    expect(tally.problems).toEqual([])
    expect(tally.killed).toBeGreaterThan(4)
    expect(tally.acknowledged).toBeGreaterThan(30)
  })
})
