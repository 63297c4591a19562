import type { Status } from '../../kernel/outcome.ts'
import { exitCodeOf, worseOf } from '../exit-code.ts'
import { readCount } from '../log-filter.ts'
import { outcomeLines } from '../render/outcome.ts'
import { readAs } from '../typed-request.ts'
import { withKernel } from '../with-kernel.ts'
import type { World } from '../world.ts'

export interface UndoOptions {
  readonly as?: string | undefined
  readonly force?: true | undefined
}

/** Undoes what entries did, in the order in which they are named, each as an action through the gate. */
export async function undo(world: World, seqTexts: readonly string[], options: UndoOptions): Promise<number> {
  const seqs = seqTexts.map((text) => readCount(text, 'the number of the entry'))
  const principal = readAs(options.as)
  const { terminal } = world
  const worst = await withKernel(world, async (kernel) => {
    const operator = kernel.operator(principal)
    let soFar: Status = 'ok'
    for (const seq of seqs) {
      if (terminal.interrupted.aborted) break
      const outcome = await operator.undo(seq, { force: options.force === true })
      soFar = worseOf(soFar, outcome.status)
      if (terminal.isJson) terminal.json(outcome)
      else terminal.say(...outcomeLines(outcome, terminal.paint, { isDryRun: false }))
    }
    return soFar
  })
  return exitCodeOf(worst)
}
