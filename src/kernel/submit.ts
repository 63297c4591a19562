import { KernelError } from '../base/errors.ts'
import type { Caller, Gate } from './gate.ts'
import { refuse, type Judgement, type Outcome } from './outcome.ts'
import type { Attempt } from './attempt.ts'
import { decide } from './steps/decide.ts'
import { dedupe } from './steps/dedupe.ts'
import { foresee } from './foresee.ts'
import { hold } from './steps/hold.ts'
import { identify } from './steps/identify.ts'
import { meter } from './steps/meter.ts'
import { parse } from './steps/parse.ts'
import { perform } from './steps/perform.ts'
import { prepare } from './steps/prepare.ts'
import { conclude } from './steps/record.ts'
import { screen } from './steps/screen.ts'

/**
 * The gate: the only way from a request to an effect.
 *
 * Read it top to bottom; each step is one file in `steps/`. A step either lets the attempt pass (undefined) or ends it. Up to
 * `meter` nothing waits. Whatever happens, an attempt is concluded exactly once, and that writes exactly one entry.
 *
 * @throws KernelError KERNEL_SEALED or KERNEL_CLOSED; never for a refusal or a provider's failure
 */
export async function submit(gate: Gate, caller: Caller, input: unknown): Promise<Outcome> {
  assertOpen(gate)
  const attempt = identify(gate, caller)
  const judgement = judge(attempt, input)
  if (judgement?.answer !== undefined) return judgement.answer
  if (judgement?.ending !== undefined) return conclude(attempt, judgement.ending)
  return attempt.dryRun ? conclude(attempt, await foresee(attempt)) : carryOut(attempt)
}

/** May it? Synchronous, and fails closed: an error in here refuses. */
function judge(attempt: Attempt, input: unknown): Judgement | undefined {
  try {
    const unreadable = parse(attempt, input)
    if (unreadable !== undefined) return { ending: unreadable }
    const known = dedupe(attempt)
    if (known !== undefined) return known
    const ending = decide(attempt) ?? hold(attempt) ?? meter(attempt)
    return ending && { ending }
  } catch {
    return { ending: refuse('internal_error', 'the gate could not judge it, so it is refused') }
  }
}

async function carryOut(attempt: Attempt): Promise<Outcome> {
  const unprepared = await prepare(attempt)
  if (unprepared !== undefined) return conclude(attempt, unprepared)
  const effect = await perform(attempt)
  return conclude(attempt, screen(attempt, effect))
}

function assertOpen(gate: Gate): void {
  const { by } = gate.seal
  if (by !== undefined) {
    throw new KernelError('KERNEL_SEALED', `${by.message}; look at \`kestrel doctor\`, then start it again`, {
      cause: by,
    })
  }
  if (gate.closing.aborted) throw new KernelError('KERNEL_CLOSED', 'create another one to go on')
}
