import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Outcome } from '../../src/index.ts'
import { guards } from '../guards.ts'
import { quickFolder } from '../power/power-cut.ts'
import { startChild } from './child.ts'
import { History } from './history.ts'
import { reconcile } from './reconcile.ts'
import { makeRoot } from './root.ts'
import { asksOf } from './workload.ts'

interface End {
  readonly code: number
  readonly said: string
  readonly trouble: string
}

/** @param onStop what happens while the process stands still at its n-th change of a file */
async function run(
  root: string,
  round: number,
  number = 0,
  onStop = (): Promise<void> => Promise.resolve(),
): Promise<End> {
  const child = startChild(root, 1, round, { is: 'stop', number })
  let said = ''
  let trouble = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const before = said
    said += chunk.toString()
    const isNow = said.includes('stopped') && !before.includes('stopped')
    if (isNow) void onStop().finally(() => child.kill('SIGCONT'))
  })
  child.stderr.on('data', (chunk: Buffer) => (trouble += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number]
  return { code, said, trouble }
}

/** Whoever does not get in is told why, one gets in at least, and the log holds what each was answered. */
async function assertOneLog(root: string, ends: readonly End[]): Promise<void> {
  const history = new History()
  for (const round of [0, 1, 2, 3]) history.ask(asksOf(1, round).flat())
  for (const { code, said, trouble } of ends) {
    for (const line of said.split('\n').filter((text) => text.startsWith('answer '))) {
      const { name, outcome } = JSON.parse(line.slice('answer '.length)) as { name: string; outcome: Outcome }
      history.answer(name, outcome)
    }
    if (code !== 0) expect(trouble).toContain('LEDGER_LOCKED')
  }
  expect(ends.some(({ code }) => code === 0)).toBe(true)
  expect((await reconcile(root, history)).problems).toEqual([])
}

describe('processes that start at once over one data directory', () => {
  guards('LED-02', 'GATE-09')

  test('that is used: one gets in, and the log is whole', async () => {
    using place = quickFolder()
    const root = join(place.path, 'root')
    makeRoot(root)
    const first = await run(root, 0)
    const ends = await Promise.all([1, 2, 3].map((round) => run(root, round)))
    await assertOneLog(root, [first, ...ends])
  })

  test.each([2, 8, 14, 20, 26])(
    'that is new, while the first stops before its change %i: both know one log',
    async (number) => {
      using place = quickFolder()
      const root = join(place.path, 'root')
      makeRoot(root)
      const ends: End[] = []
      ends.push(await run(root, 1, number, async () => void ends.push(await run(root, 2))))
      expect(ends).toHaveLength(2)
      await assertOneLog(root, ends)
    },
  )
})
