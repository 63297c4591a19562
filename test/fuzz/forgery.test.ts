import { afterAll, describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { acts } from './edits.ts'
import { walTarget } from './targets/wal.ts'

describe('what is written into a log by someone without its WAL key', () => {
  guards('LED-13')

  afterAll(() => walTarget.close?.())

  const act = acts.findIndex(({ name }) => name === 'donateTail')

  test('is refused at the start, wherever it begins', { timeout: 60_000 }, async () => {
    const endings: string[] = []
    // In the segment: the bytes of the forger's own log, from each place where it begins to differ, to the end.
    for (let place = 0; place < 100; place++) {
      endings.push(await walTarget.run(Uint8Array.of(act, 0, 0, 0, 0, place, 0, 0)))
    }
    const others = endings.filter((ended) => !ended.startsWith('LEDGER_CORRUPT'))
    // A seam inside the last frames, which were never synced, looks like a torn write: those are dropped, and none is taken.
    expect(others.filter((ended) => !ended.startsWith('ok 10 '))).toEqual([])
    expect(others.length).toBeLessThan(10)
  })
})
