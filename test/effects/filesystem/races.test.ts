import { expect, describe, test } from 'vitest'
import { guards } from '../../guards.ts'
import { race } from './race.ts'

describe('names that another process swaps while the provider acts', () => {
  guards('GATE-02', 'GATE-13')

  test('lead out of the mounts in none of 3,000 tries', { timeout: 60_000 }, async () => {
    const { escapes, done, ...counts } = await race({ tries: 3000, seed: 1 })
    expect(escapes).toEqual([])
    expect(counts.tries).toBeGreaterThanOrEqual(3000)
    // All must have happened, or the race was none.
    for (const count of [counts.ok, counts.refused, counts.failed, counts.swaps]) expect(count).toBeGreaterThan(100)
    expect(Object.keys(done)).toHaveLength(8)
  })
})
