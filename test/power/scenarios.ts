import { join } from 'node:path'
import { createKeys } from '../../src/base/keys.ts'
import type { Ledger } from '../../src/evidence/ledger/index.ts'
import { entryOf, openAt, policyEntry, type LedgerRoot, type Promised } from './ledger-after-power-loss.ts'

/** Told of each thing that the ledger acknowledges as durable. */
export type Say = (promised: Promised) => void

/** What a ledger does while the power may fail. */
export type Scenario = (ledger: Ledger, say: Say) => Promise<void>

const bounds = { walSegmentBytes: 16_384, publishIntervalMs: 600_000 }
const written = { durability: 'written' } as const

export async function append(ledger: Ledger, say: Say, name: string): Promise<void> {
  const { seq, leafHash } = await ledger.append(entryOf(name), { durability: 'durable' })
  say({ is: 'entry', seq, leafHash })
}

async function act(ledger: Ledger, say: Say, name: string): Promise<void> {
  const id = await ledger.intend({ name })
  say({ is: 'intent', id, name })
  const { seq, leafHash } = await ledger.append(entryOf(name), { durability: 'durable', settles: id })
  say({ is: 'entry', seq, leafHash })
}

/** Keys, and no log yet. */
export function aLedgerRoot(path: string): LedgerRoot {
  return { root: path, origin: createKeys(join(path, 'keys')).origin, bounds }
}

/** A log that was closed: what it holds is on the disk. */
export async function aUsedLedger(path: string): Promise<LedgerRoot> {
  const place = aLedgerRoot(path)
  const ledger = await openAt(place)
  await ledger.append(policyEntry, { durability: 'durable' })
  await ledger.append(entryOf('first'), { durability: 'written' })
  await ledger.close()
  return place
}

/** By name. The ledger is closed afterwards, with the power on. */
export const scenarios: readonly (readonly [string, Scenario])[] = [
  ['one append', (ledger, say) => append(ledger, say, 'a')],
  ['an intent', async (ledger, say) => say({ is: 'intent', id: await ledger.intend({ name: 'open' }), name: 'open' })],
  ['an intent and its entry', (ledger, say) => act(ledger, say, 'a')],
  [
    'three appends',
    async (ledger, say) => {
      for (const name of ['a', 'b', 'c']) await append(ledger, say, name)
    },
  ],
  [
    'appends of which some are only written',
    async (ledger, say) => {
      for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
        void ledger.append(entryOf(`${name}${'x'.repeat(300)}`), written)
        await ledger.append(entryOf(name), written)
        if (name === 'c') await append(ledger, say, 'kept')
      }
      await append(ledger, say, 'kept too')
    },
  ],
  [
    'an intent and its entry, beside an intent that stays open',
    async (ledger, say) => {
      say({ is: 'intent', id: await ledger.intend({ name: 'open' }), name: 'open' })
      await Promise.all(['a', 'b'].map((name) => act(ledger, say, name)))
      await append(ledger, say, 'c')
    },
  ],
  [
    'two publications',
    async (ledger, say) => {
      await append(ledger, say, 'a')
      await ledger.publish()
      for (const name of ['b', 'c']) await ledger.append(entryOf(name), written)
      await ledger.publish()
      await append(ledger, say, 'd')
    },
  ],
  [
    'closing',
    async (ledger, say) => {
      await act(ledger, say, 'a')
      await ledger.close()
    },
  ],
  [
    'the roll to a new segment, with an intent open',
    async (ledger, say) => {
      say({ is: 'intent', id: await ledger.intend({ name: 'open' }), name: 'open' })
      for (let i = 0; i < 5; i++) await ledger.append(entryOf(`${i}${'x'.repeat(3000)}`), written)
      await append(ledger, say, 'a')
      await act(ledger, say, 'b')
    },
  ],
  [
    'the reuse of segments',
    async (ledger, say) => {
      for (let i = 0; i < 24; i++) {
        await ledger.append(entryOf(`${i}${'x'.repeat(2500)}`), written)
        if (i % 8 === 7) await ledger.publish()
      }
      await act(ledger, say, 'a')
      say({ is: 'intent', id: await ledger.intend({ name: 'open' }), name: 'open' })
    },
  ],
]
