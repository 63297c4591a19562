import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isKernelError } from '../../src/base/errors.ts'
import type { AppendOptions, EntryDraft, Ledger } from '../../src/evidence/ledger/index.ts'
import { guards } from '../guards.ts'
import { assertSurvived, entryOf, openAt, policyEntry, type Promised } from '../power/ledger-after-power-loss.ts'
import { quickFolder } from '../power/power-cut.ts'
import { aLedgerRoot, type Say } from '../power/scenarios.ts'
import { failingFiles, faultsAt, type Fault } from './failing-files.ts'
import { History } from './history.ts'
import { effectsIn } from './outside.ts'
import { reconcile } from './reconcile.ts'
import { makeRoot } from './root.ts'
import { openKernelIn } from './small-kernel.ts'
import { acting, asksOf, type Ask } from './workload.ts'

/** Appends, intents, two publications and rolls of the WAL; tells what is acknowledged. */
async function live(ledger: Ledger, say: Say): Promise<void> {
  const append = async (draft: EntryDraft, options: AppendOptions): Promise<void> => {
    const { seq, leafHash } = await ledger.append(draft, options)
    say({ is: 'entry', seq, leafHash })
  }
  await append(policyEntry, { durability: 'durable' })
  await append(entryOf('a'), { durability: 'written' })
  await ledger.publish()
  await append(entryOf('b'), { durability: 'durable', settles: await ledger.intend({ name: 'b' }) })
  for (let i = 0; i < 12; i++) await append(entryOf(`${i}${'x'.repeat(2500)}`), { durability: 'written' })
  await ledger.publish()
  for (let i = 0; i < 12; i++) await append(entryOf(`${i}${'y'.repeat(2500)}`), { durability: 'written' })
  await append(entryOf('last'), { durability: 'durable' })
}

/** Entries that `live` is acknowledged where nothing fails. */
const promised = 28

function assertTellsWhatToDo(error: unknown, fault: Fault): void {
  const what = JSON.stringify(fault)
  expect(isKernelError(error, 'LEDGER_UNWRITABLE'), `${what}: ${String(error)}`).toBe(true)
  expect(String(error), what).toMatch(/check the (?:disk|folder)|free space/)
}

/** What everybody is told once something was refused. */
async function assertRefusesAll(ledger: Ledger): Promise<void> {
  const code = { code: 'LEDGER_UNWRITABLE' }
  await expect(ledger.append(entryOf('x'), { durability: 'written' })).rejects.toMatchObject(code)
  await expect(ledger.intend({})).rejects.toMatchObject(code)
}

/** One life of a log on a disk that fails, and the start after it on a disk that is well. */
async function failAndRecover(fault: Fault): Promise<string | undefined> {
  using folder = quickFolder()
  const place = aLedgerRoot(folder.path)
  const disk = failingFiles(fault)
  const promises: Promised[] = []
  let refusal: unknown
  const refuse = (error: unknown): void => void (refusal ??= error)
  const ledger = await openAt(place, disk.files).catch(refuse)
  if (ledger !== undefined) {
    await live(ledger, (promised) => promises.push(promised)).catch(refuse)
    if (refusal !== undefined) await assertRefusesAll(ledger)
    await ledger.close().catch(refuse)
  }
  // What nobody needed any more, as a segment made ready before the end, may fail unseen.
  if (refusal !== undefined) assertTellsWhatToDo(refusal, fault)
  else expect(promises, JSON.stringify(fault)).toHaveLength(promised)
  if (disk.failed() === 'sync' || disk.failed() === 'write') {
    const again = disk.later.filter((name) => name === 'sync' || name === 'write')
    expect(again, `written or synced again after ${JSON.stringify(fault)}`).toEqual([])
  }
  await assertSurvived(place, promises).catch((cause: unknown) => {
    throw new Error(`after ${JSON.stringify(fault)} of ${disk.failed()}`, { cause })
  })
  return disk.failed()
}

describe('a disk that fails', () => {
  guards('LED-06')

  test('at any one call ends all writing with words that help, and a start on a well disk loses nothing', async () => {
    const counting = failingFiles()
    {
      using folder = quickFolder()
      const ledger = await openAt(aLedgerRoot(folder.path), counting.files)
      await live(ledger, () => undefined)
      await ledger.close()
    }
    const failed = new Set<string | undefined>()
    expect(counting.calls()).toBeGreaterThan(50)
    for (let call = 1; call <= counting.calls(); call++) {
      for (const fault of faultsAt(call).slice(call % 4, (call % 4) + 1)) failed.add(await failAndRecover(fault))
    }
    for (const name of ['open', 'write', 'sync', 'put', 'zeros', 'replace', 'syncDirectory']) {
      expect(failed).toContain(name)
    }
  })
})

/** One life of a kernel whose disk fails: what was asked is answered or refused, and what was refused did not happen. */
async function askAndFail(root: string, asks: readonly Ask[], fault: Fault, history: History): Promise<void> {
  const disk = failingFiles(fault)
  const kernel = await openKernelIn(root, undefined, disk.files).catch((error: unknown) => {
    expect(isKernelError(error), String(error)).toBe(true)
  })
  for (const { name, kind, principal, request } of kernel === undefined ? [] : asks) {
    const outcome = await kernel
      ?.as({ id: principal.id })
      .submit(request)
      .catch((error: unknown) => {
        expect(isKernelError(error, 'KERNEL_SEALED'), String(error)).toBe(true)
      })
    if (outcome === undefined) continue
    if (outcome.seq >= 0) history.answer(name, outcome)
    else if (outcome.status === 'unknown') expect(acting.has(kind) || kind === 'refuse', name).toBe(true)
    else {
      expect(outcome, JSON.stringify(fault)).toMatchObject({ status: 'denied', reason: { code: 'sealed' } })
      expect(effectsIn(root), JSON.stringify(fault)).not.toContain(request.resource)
    }
  }
  await kernel?.close().catch((error: unknown) => expect(isKernelError(error), String(error)).toBe(true))
}

describe('a kernel on a disk that fails', () => {
  guards('LED-06', 'GATE-11')

  test('at any one call does nothing without an intent, and says unknown of what it cannot record', async () => {
    using place = quickFolder()
    const root = join(place.path, 'root')
    const asks = asksOf(5, 1).flat().slice(0, 14)
    for (let call = 1; call < 120; call += 2) {
      rmSync(root, { recursive: true, force: true })
      makeRoot(root)
      const history = new History()
      history.ask(asks)
      const fault = faultsAt(call)[((call - 1) / 2) % 4] as Fault
      await askAndFail(root, asks, fault, history)
      expect((await reconcile(root, history)).problems, JSON.stringify(fault)).toEqual([])
    }
  })
})
