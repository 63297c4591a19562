import { KernelError } from '../base/errors.ts'
import type { Caller, Gate } from './gate.ts'
import { keepRequest } from './request.ts'
import { refuse, type Judgement, type Outcome } from './outcome.ts'
import type { Attempt, ParsedRequest } from './attempt.ts'
import { decide } from './steps/decide.ts'
import { dedupe } from './steps/dedupe.ts'
import { foresee } from './foresee.ts'
import { hold } from './steps/hold.ts'
import { identify } from './steps/identify.ts'
import { meter } from './steps/meter.ts'
import { parse } from './steps/parse.ts'
import { perform } from './steps/perform.ts'
import { prepareToMutate, prepareToObserve } from './steps/prepare.ts'
import { conclude } from './steps/record.ts'
import { screen } from './steps/screen.ts'

/**
 * The gate: the only way from a request to an effect.
 *
 * Read it top to bottom; each step is one file in `steps/`. A step either lets the attempt pass (undefined) or ends it. Up to
 * `meter` nothing waits, and an observation whose provider answers at once waits for nothing but its entry. Whatever happens,
 * an attempt is concluded exactly once, and that writes exactly one entry.
 *
 * @throws KernelError KERNEL_SEALED, KERNEL_CLOSED or KERNEL_BUSY; never for a refusal or a provider's failure
 */
export function submit(gate: Gate, caller: Caller, input: unknown): Promise<Outcome> {
  const closed = whyClosed(gate)
  if (closed !== undefined) return Promise.reject(closed)
  if (gate.admission.tryBegin(caller.principal.id)) return attemptTo(gate, caller, input)
  return waitForTurn(gate, caller, input)
}

/** One attempt, once it has been let in. */
function attemptTo(gate: Gate, caller: Caller, input: unknown): Promise<Outcome> {
  const attempt = identify(gate, caller)
  const judgement = judge(attempt, input)
  if (judgement?.answer !== undefined) return answerAgain(attempt, judgement.answer)
  if (judgement?.ending !== undefined) return conclude(attempt, judgement.ending)
  if (attempt.dryRun) return foresee(attempt).then((ending) => conclude(attempt, ending))
  return isObservation(attempt) ? observe(attempt) : mutate(attempt)
}

/** What the caller changes in its object while it waits is not what it asked. */
function waitForTurn(gate: Gate, caller: Caller, input: unknown): Promise<Outcome> {
  const asked = keepRequest(input)
  return new Promise((resolve, reject) => {
    gate.admission.wait(caller.principal.id, () => {
      attemptTo(gate, caller, asked).then(resolve, reject)
    })
  })
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

function isObservation({ parsed }: Attempt): boolean {
  return (parsed as ParsedRequest).definition.kind === 'observe'
}

function observe(attempt: Attempt): Promise<Outcome> {
  const unprepared = prepareToObserve(attempt)
  if (unprepared !== undefined) return conclude(attempt, unprepared)
  const effect = perform(attempt)
  if (effect instanceof Promise) return effect.then((late) => conclude(attempt, screen(attempt, late)))
  return conclude(attempt, screen(attempt, effect))
}

/** Prepares, performs and concludes a mutation that was permitted. */
export async function mutate(attempt: Attempt): Promise<Outcome> {
  const unprepared = await prepareToMutate(attempt)
  if (unprepared !== undefined) return conclude(attempt, unprepared)
  const effect = await perform(attempt)
  return conclude(attempt, screen(attempt, effect))
}

/** The answer of an attempt that was made before, or is being made. */
function answerAgain({ gate, caller }: Attempt, known: Outcome | Promise<Outcome>): Promise<Outcome> {
  return Promise.resolve(known).finally(() => gate.admission.end(caller.principal.id))
}

/** Why nothing can be asked any more. */
export function whyClosed(gate: Gate): KernelError | undefined {
  const { by } = gate.seal
  if (by !== undefined) {
    return new KernelError('KERNEL_SEALED', `${by.message}; look at \`kestrel doctor\`, then start it again`, {
      cause: by,
    })
  }
  return gate.closing.aborted ? new KernelError('KERNEL_CLOSED', 'create another one to go on') : undefined
}
