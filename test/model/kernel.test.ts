import fc from 'fast-check'
import { describe, test } from 'vitest'
import { guards } from '../guards.ts'
import { AKernel, initialFiles } from './a-kernel.ts'
import { effort } from './effort.ts'
import { commands, reopen } from './kernel-commands.ts'
import { ReferenceGate } from './reference-gate.ts'
import { ReferenceLog } from './reference-log.ts'

describe('a kernel and its model', () => {
  guards('GATE-09', 'GATE-12', 'LED-07', 'LED-15')

  test('answer and log the same, whatever is asked, closed or crashed', { timeout: effort.timeoutMs }, async () => {
    const run = async (steps: Iterable<fc.AsyncCommand<ReferenceGate, AKernel>>): Promise<void> => {
      const real = new AKernel()
      try {
        await real.start('wide')
        const model = new ReferenceGate(new ReferenceLog(() => real.nowMs), 'wide', initialFiles)
        await fc.asyncModelRun(() => ({ model, real }), steps)
        await reopen(model, real, 'wide', true)
      } finally {
        await real.end()
      }
    }
    const sequences = fc.commands([...commands], { maxCommands: 40, size: 'max' })
    await fc.assert(fc.asyncProperty(sequences, run), effort.of(14))
  })
})
