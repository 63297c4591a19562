import { copyRoot } from '../crash/root.ts'
import type { LedgerRoot, Promised } from './ledger-after-power-loss.ts'
import { assertSurvived, openAt } from './ledger-after-power-loss.ts'
import { numbersFrom } from './outcomes.ts'
import { cutsOf, restore, volumeAfter, type Cut, type CutOptions, type Cuts } from './power-cut.ts'
import { append, type Scenario } from './scenarios.ts'

/** Opens the log at `place`, lets it live through `scenario`, and cuts the power at every moment on the way. */
export async function cutsIn(place: LedgerRoot, scenario: Scenario, options: CutOptions): Promise<Cuts<Promised>> {
  let close = (): Promise<void> => Promise.resolve()
  const cuts = await cutsOf<Promised>(place.root, options, async (say) => {
    const ledger = await openAt(place)
    close = () => ledger.close()
    await scenario(ledger, say)
  })
  await close()
  return cuts
}

/** Cuts the power in a log that is just being recovered from `cut`. */
export async function cutsInRecovery(
  place: LedgerRoot,
  cut: Cut<Promised>,
  options: CutOptions,
): Promise<Cuts<Promised>> {
  restore(place.root, cut.image)
  return cutsIn(
    place,
    async (ledger, say) => {
      for (const promised of cut.promises) say(promised)
      await append(ledger, say, 'recovered')
    },
    options,
  )
}

/**
 * Cuts the power in a process that recovers after another was killed at the end of `scenario`: nothing that the killed one
 * wrote is lost with it, but not all of that is on the disk yet.
 */
export async function cutsAfterKill(
  place: LedgerRoot,
  scenario: Scenario,
  options: CutOptions,
): Promise<{ cuts: Cuts<Promised>; place: LedgerRoot }> {
  const promises: Promised[] = []
  let close = (): Promise<void> => Promise.resolve()
  const next = { ...place, root: `${place.root}-next` }
  const volume = await volumeAfter(place.root, async () => {
    const ledger = await openAt(place)
    close = () => ledger.close()
    await scenario(ledger, (promised) => promises.push(promised))
  })
  copyRoot(place.root, next.root)
  volume.root = next.root
  await close()
  const cuts = await cutsIn(
    next,
    async (ledger, say) => {
      for (const promised of promises) say(promised)
      await append(ledger, say, 'recovered')
      await append(ledger, say, 'recovered too')
    },
    { ...options, volume },
  )
  return { cuts, place: next }
}

/** At most `most` of `cuts`, drawn by `seed`. */
export function someOf<Item>(cuts: readonly Item[], most: number, seed: number): readonly Item[] {
  if (cuts.length <= most) return cuts
  const random = numbersFrom(seed)
  return Array.from({ length: most }, () => cuts[Math.floor(random() * cuts.length)] as Item)
}

/** Restores each image and opens the log; the first that does not survive fails with all that is needed to see it again. */
export async function assertAllSurvive(
  place: LedgerRoot,
  cuts: readonly Cut<Promised>[],
  { seed }: CutOptions,
): Promise<void> {
  for (const [index, { image, promises, moment }] of cuts.entries()) {
    restore(place.root, image)
    try {
      await assertSurvived(place, promises, index % 4 === 0)
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      throw new Error(`seed ${seed}, ${moment}, image ${index}: ${what}`, { cause: error })
    }
  }
}
