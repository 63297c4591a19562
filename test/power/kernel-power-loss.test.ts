// First, because one room keeps a function of `node:fs` when it is loaded.
import '../crash/file-tap.ts'
import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { History } from '../crash/history.ts'
import { reconcile } from '../crash/reconcile.ts'
import { makeRoot } from '../crash/root.ts'
import { openKernelIn } from '../crash/small-kernel.ts'
import { asksOf, mutating, type Ask } from '../crash/workload.ts'
import { guards } from '../guards.ts'
import { cutsOf, quickFolder, restore, type Cut, type Cuts } from './power-cut.ts'
import { someOf } from './sweep.ts'
import type { Outcome } from '../../src/index.ts'

interface Answer {
  readonly name: string
  readonly outcome: Outcome
}

const seed = 3

/** A kernel's life from opening to closing. Promised is what is durable before it is answered: how mutations ended. */
async function cutsInLife(root: string, asks: readonly Ask[], most: number): Promise<Cuts<Answer>> {
  return cutsOf<Answer>(root, { most, seed }, async (promise) => {
    const kernel = await openKernelIn(root)
    for (const { name, kind, principal, request } of asks) {
      const outcome = await kernel.as({ id: principal.id }).submit(request)
      if (mutating.has(kind)) promise({ name, outcome })
    }
    await kernel.close()
  })
}

/** Starts over each image, with the index of the log lost, or kept as it was last and so ahead of the log. */
async function assertReconciled(root: string, asks: readonly Ask[], cuts: readonly Cut<Answer>[]): Promise<void> {
  using aside = quickFolder()
  for (const name of indexIn(root)) cpSync(join(root, 'data', name), join(aside.path, name))
  for (const [index, { image, promises, moment }] of cuts.entries()) {
    restore(root, image)
    const isIndexKept = index % 2 === 1 && image.has('data/ledger/vkey')
    if (isIndexKept)
      for (const name of readdirSync(aside.path)) cpSync(join(aside.path, name), join(root, 'data', name))
    const history = new History()
    history.ask(asks)
    for (const { name, outcome } of promises) history.answer(name, outcome)
    const { problems } = await reconcile(root, history)
    expect(problems, `seed ${seed}, ${moment}, index ${isIndexKept ? 'kept' : 'lost'}`).toEqual([])
  }
}

function indexIn(root: string): string[] {
  return readdirSync(join(root, 'data')).filter((name) => name.startsWith('state.db'))
}

describe('a power loss under a kernel', () => {
  guards('LED-12', 'GATE-09', 'GATE-11')

  test('that has run before loses no answer to a mutation, no intent, and no payload', async () => {
    using place = quickFolder()
    const root = join(place.path, 'root')
    makeRoot(root)
    const before = asksOf(seed, 0).flat()
    await cutsInLife(root, before.slice(0, 6), 1)
    const asks = asksOf(seed, 1).flat().slice(0, 16)
    const { cuts } = await cutsInLife(root, asks, 16)
    expect(cuts.length).toBeGreaterThan(100)
    await assertReconciled(root, [...before, ...asks], someOf(cuts, 70, seed))
  })

  test('at its first start never makes a data directory that does not open', async () => {
    using place = quickFolder()
    const root = join(place.path, 'root')
    makeRoot(root)
    const asks = asksOf(seed, 2).flat().slice(0, 4)
    const { cuts } = await cutsInLife(root, asks, 24)
    await assertReconciled(root, asks, someOf(cuts, 80, seed))
  })
})
