import { join } from 'node:path'
import { describe, test } from 'vitest'
import { guards } from '../guards.ts'
import { entryOf } from './ledger-after-power-loss.ts'
import { quickFolder } from './power-cut.ts'
import { aUsedLedger, scenarios } from './scenarios.ts'
import { assertAllSurvive, cutsAfterKill, cutsIn, cutsInRecovery, someOf } from './sweep.ts'

const options = { seed: 1, most: 48 }

describe('a power loss in recovery', () => {
  guards('LED-12', 'LED-15')

  test.each(scenarios)('during the recovery from one during %s loses nothing either', async (_, scenario) => {
    using folder = quickFolder()
    const place = await aUsedLedger(folder.path)
    const first = await cutsIn(place, scenario, options)
    for (const [index, cut] of someOf(first.cuts, 2, options.seed).entries()) {
      const { cuts } = await cutsInRecovery(place, cut, { most: 24, seed: options.seed + index })
      await assertAllSurvive(place, someOf(cuts, 8, options.seed), options)
    }
  })

  test.each(scenarios.filter(([name]) => name !== 'closing'))(
    'while another process recovers from a kill after %s loses nothing either',
    async (_, scenario) => {
      using folder = quickFolder()
      const place = await aUsedLedger(join(folder.path, 'first'))
      const { cuts, place: next } = await cutsAfterKill(
        place,
        async (ledger, say) => {
          await scenario(ledger, say)
          for (const name of ['x', 'y', 'z']) await ledger.append(entryOf(name), { durability: 'written' })
        },
        options,
      )
      await assertAllSurvive(next, someOf(cuts.cuts, 20, options.seed), options)
    },
  )
})
