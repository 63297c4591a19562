import { KernelError } from '../base/errors.ts'
import type { Asker } from './asker/asker.ts'
import type { Caller, Gate } from './gate.ts'
import { keepRequest } from './request.ts'
import { letOut, mayEndEarly } from './asker/out-of-turn.ts'
import { readAsker, type SubmitOptions } from './submit-options.ts'
import { withdrawn } from './asker/withdrawn.ts'
import { refuse, type Ending, type Judgement, type Outcome } from './outcome.ts'
import { imagedBy } from './turns.ts'
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
 * @throws KernelError KERNEL_SEALED, KERNEL_CLOSED, KERNEL_BUSY or OPTIONS_INVALID; never for a refusal or a provider's failure
 */
export function submit(gate: Gate, caller: Caller, input: unknown, options?: SubmitOptions): Promise<Outcome> {
  const closed = whyClosed(gate)
  if (closed !== undefined) return Promise.reject(closed)
  return options === undefined ? enter(gate, caller, input) : attend(gate, caller, input, options)
}

function enter(gate: Gate, caller: Caller, input: unknown, asker?: Asker): Promise<Outcome> {
  if (gate.admission.tryBegin(caller.principal.id)) return attemptTo(gate, caller, input, asker)
  return waitForTurn(gate, caller, input, asker)
}

/** For a caller that stays with its request. Nothing of it stays behind once it has its answer. */
async function attend(gate: Gate, caller: Caller, input: unknown, options: SubmitOptions): Promise<Outcome> {
  const asker = readAsker(options, gate.clock)
  try {
    return await enter(gate, caller, input, asker)
  } finally {
    asker?.leave()
  }
}

/** One attempt, once it has been let in. */
function attemptTo(gate: Gate, caller: Caller, input: unknown, asker?: Asker): Promise<Outcome> {
  const attempt = identify(gate, caller, asker)
  const judgement = judge(attempt, input)
  if (judgement?.answer !== undefined) return answerAgain(attempt, judgement.answer)
  if (judgement?.ending !== undefined) return conclude(attempt, judgement.ending)
  if (attempt.dryRun) return foresee(attempt).then((ending) => conclude(attempt, ending))
  return isObservation(attempt) ? observe(attempt) : mutate(attempt)
}

/** What the caller changes in its object while it waits is not what it asked. */
function waitForTurn(gate: Gate, caller: Caller, input: unknown, asker?: Asker): Promise<Outcome> {
  const asked = keepRequest(input)
  return new Promise((resolve, reject) => {
    let hasBegun = false
    let early: Promise<Outcome> | undefined
    const begin = (): void => {
      hasBegun = true
      // It has ended before, or is about to.
      if (early !== undefined) return gate.admission.end(caller.principal.id)
      asker?.ignoreCancelling()
      attemptTo(gate, caller, asked, asker).then(resolve, reject)
    }
    gate.admission.wait(caller.principal.id, begin)
    if (asker === undefined || hasBegun) return
    asker.whenCancelled(() => {
      if (!mayEndEarly(asked)) return
      letOut(gate, caller, (outOfTurn) => {
        if (hasBegun) return outOfTurn.admission.end(caller.principal.id)
        early = attemptTo(outOfTurn, caller, asked, asker)
        early.then(resolve, reject)
      })
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
    const ending = decide(attempt) ?? hold(attempt) ?? withdrawn(attempt) ?? meter(attempt)
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
  return conclude(attempt, await attempt.gate.turns.take(imagedBy(attempt), () => carryOut(attempt)))
}

async function carryOut(attempt: Attempt): Promise<Ending> {
  return withdrawn(attempt) ?? (await prepareToMutate(attempt)) ?? screen(attempt, await perform(attempt))
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
