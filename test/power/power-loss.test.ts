import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { policyEntry } from './ledger-after-power-loss.ts'
import { quickFolder } from './power-cut.ts'
import { aLedgerRoot, append, aUsedLedger, scenarios } from './scenarios.ts'
import { assertAllSurvive, cutsIn, someOf } from './sweep.ts'

const options = { seed: 1, most: 600 }
/** Of longer scenarios only some images are checked here; `node scripts/crash.ts --power` checks them all. */
const checked = 30

describe('a power loss', () => {
  guards('LED-12', 'LED-14', 'LED-15')

  test.each(scenarios.slice(0, 3))(
    'during %s leaves one of so many images, and each keeps all',
    async (_, scenario) => {
      using folder = quickFolder()
      const place = await aUsedLedger(folder.path)
      const { cuts, areAll } = await cutsIn(place, scenario, options)
      expect(areAll).toBe(true)
      expect(cuts.length).toBeGreaterThan(4)
      await assertAllSurvive(place, cuts, options)
    },
  )

  test.each(scenarios.slice(3))('during %s loses nothing durable', async (_, scenario) => {
    using folder = quickFolder()
    const place = await aUsedLedger(folder.path)
    const { cuts } = await cutsIn(place, scenario, { ...options, most: 48 })
    expect(cuts.length).toBeGreaterThan(checked)
    await assertAllSurvive(place, someOf(cuts, checked, options.seed), options)
  })

  test('while a log begins loses nothing durable, and never the log', async () => {
    using folder = quickFolder()
    const place = aLedgerRoot(folder.path)
    const { cuts } = await cutsIn(
      place,
      async (ledger, say) => {
        await ledger.append(policyEntry, { durability: 'durable' })
        await append(ledger, say, 'a')
        await ledger.publish()
        await append(ledger, say, 'b')
      },
      { ...options, most: 48 },
    )
    await assertAllSurvive(place, someOf(cuts, 2 * checked, options.seed), options)
  })
})
