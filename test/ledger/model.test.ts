import { rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { IntentId, Ledger } from '../../src/evidence/ledger/index.ts'
import { aPlace, aRead, policyDraft, readEntry } from './a-ledger.ts'

type Step =
  | { readonly do: 'append'; readonly size: number; readonly durable: boolean }
  | { readonly do: 'burst'; readonly count: number }
  | { readonly do: 'intend' | 'settle' | 'publish' | 'sync' | 'reopen' | 'crash' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append' as const), size: fc.nat(2000), durable: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('burst' as const), count: fc.integer({ min: 1, max: 700 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('intend', 'settle', 'publish', 'sync', 'reopen', 'crash') }),
  },
) as fc.Arbitrary<Step>

/** What must be there: the resource of every entry that was acknowledged, and the open intents. */
interface Model {
  readonly resources: Map<number, string>
  readonly open: Map<IntentId, number>
  steps: number
}

test('whatever is done in whatever order, the log holds what was acknowledged', { timeout: 120_000 }, async () => {
  const run = async (steps: readonly Step[]): Promise<void> => {
    using place = aPlace()
    const bounds = { walSegmentBytes: 262_144, publishIntervalMs: 5 }
    let directory = place.directory
    let ledger = await place.open({ bounds })
    await ledger.append(policyDraft, { durability: 'written' })
    const model: Model = { resources: new Map(), open: new Map(), steps: 0 }
    for (const item of steps) {
      model.steps++
      if (item.do === 'reopen') {
        await ledger.close()
        ledger = await place.open({ bounds, directory })
        await check(ledger, model)
      } else if (item.do === 'crash') {
        // A crash of the process: what is in the folder at this moment, with the head of this moment.
        await ledger.publish()
        const name = `crash-${model.steps}`
        const copied = place.copyTo(name, join(directory, '..'))
        await ledger.close()
        if (directory !== place.directory) rmSync(join(directory, '..'), { recursive: true })
        directory = join(copied, 'ledger')
        ledger = await place.open({ bounds, directory })
        await check(ledger, model)
      } else {
        await apply(ledger, model, item)
      }
    }
    await ledger.close()
    const { problems } = await place.verify(directory)
    expect(problems).toEqual([])
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), run), { numRuns: 25 })
})

async function apply(ledger: Ledger, model: Model, item: Step): Promise<void> {
  const resource = `${model.steps}`
  if (item.do === 'append') {
    const long = resource.padEnd(item.size, '-')
    const { seq } = await ledger.append(aRead(long), { durability: item.durable ? 'durable' : 'written' })
    model.resources.set(seq, `/workspace/${long}`)
  } else if (item.do === 'burst') {
    const names = Array.from({ length: item.count }, (_, n) => `${resource}-${n}`)
    const places = await Promise.all(names.map((name) => ledger.append(aRead(name), { durability: 'written' })))
    for (const [index, { seq }] of places.entries()) model.resources.set(seq, `/workspace/${names[index]}`)
  } else if (item.do === 'intend') {
    model.open.set(await ledger.intend({ step: model.steps }), model.steps)
  } else if (item.do === 'settle') {
    const [settles] = model.open.keys()
    if (settles === undefined) return
    const { seq } = await ledger.append(aRead(resource), { durability: 'durable', settles })
    model.open.delete(settles)
    model.resources.set(seq, `/workspace/${resource}`)
  } else if (item.do === 'publish') await ledger.publish()
  else await ledger.sync()
}

async function check(ledger: Ledger, model: Model): Promise<void> {
  expect(ledger.unsettled.map(({ id, intent }) => [id, intent['step']])).toEqual([...model.open])
  const seqs = [...model.resources.keys()]
  expect(ledger.treeSize).toBeGreaterThan(Math.max(0, ...seqs))
  const sampled = seqs.filter((_, index) => index % Math.ceil(seqs.length / 100) === 0)
  for (const seq of sampled) expect((await readEntry(ledger, seq))['resource']).toBe(model.resources.get(seq))
}
