import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { runSequences } from './sequences.ts'

describe('random sequences of actions on random trees', () => {
  guards('UNDO-02', 'UNDO-08', 'UNDO-09')

  test('are undone in reverse, each to the tree that was there before', { timeout: 60_000 }, async () => {
    const seed = Number(process.env['KESTREL_SEED'] ?? 11)
    const tally = await runSequences({ sequences: 120, seed })
    expect(tally.problems).toEqual([])
    expect(tally.sequences).toBe(120)
    expect(tally.undone).toBeGreaterThan(120)
    expect(tally.redone).toBeGreaterThan(20)
  })
})
