import type { Asker } from '../asker/asker.ts'
import type { Attempt } from '../attempt.ts'
import type { Caller, Gate } from '../gate.ts'

/** Begins an attempt on the authority of the handle that carried the request; nothing in the request can change it. */
export function identify(gate: Gate, caller: Caller, asker?: Asker): Attempt {
  return {
    gate,
    caller,
    asker,
    startedMs: gate.clock.monotonicMs(),
    inForce: gate.policy,
    action: '',
    resource: '',
    parsed: undefined,
    dryRun: caller.dryRun === true,
    key: undefined,
    keyedRequest: undefined,
    verdict: undefined,
    params: undefined,
    intent: undefined,
    tier: undefined,
    of: undefined,
    undoes: undefined,
    image: undefined,
    undo: undefined,
  }
}
