import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { LedgerBounds } from '../../src/evidence/ledger/index.ts'
import { guards } from '../guards.ts'
import { ALogPlace } from '../model/a-log-place.ts'
import { effort } from '../model/effort.ts'
import { commands, reopen, type LedgerModel } from '../model/ledger-commands.ts'
import { ReferenceLog } from '../model/reference-log.ts'
import { policyDraft } from './a-ledger.ts'

const walSegmentBytes = 262_144

describe('a ledger and its model', () => {
  guards('LED-07', 'LED-10', 'LED-15')

  const bounds: readonly [string, Partial<LedgerBounds>][] = [
    [
      'that publishes all the time',
      { walSegmentBytes, publishIntervalMs: 1, syncIntervalMs: 1, unpublishedEntries: 64 },
    ],
    ['that publishes when it is told to', { walSegmentBytes, publishIntervalMs: 600_000 }],
  ]

  test.each(bounds)('hold the same in one %s', { timeout: effort.timeoutMs }, async (_, given) => {
    const run = async (steps: Iterable<fc.AsyncCommand<LedgerModel, ALogPlace>>): Promise<void> => {
      const real = new ALogPlace(given)
      try {
        await real.start()
        await real.ledger.append(policyDraft, { durability: 'written' })
        const log = new ReferenceLog(() => real.nowMs)
        log.append({ kind: 'policy', principal: 'local' })
        const model: LedgerModel = { log, intents: new Map(), compared: 0, serial: 0 }
        await fc.asyncModelRun(() => ({ model, real }), steps)
        await reopen(model, real)
      } finally {
        await real.end()
      }
    }
    const sequences = fc.commands([...commands], { maxCommands: 30, size: 'max' })
    await fc.assert(fc.asyncProperty(sequences, run), effort.of(8))
  })
})
