import { resolve } from 'node:path'
import { systemClock } from '../base/clock.ts'
import type { JsonValue } from '../base/json.ts'
import { readPrincipal, type Principal } from '../base/principal.ts'
import { protect } from '../effects/protection.ts'
import type { Provider } from '../effects/provider.ts'
import { placesOf, tableOfActions } from './actions.ts'
import { Deadlines } from './deadlines.ts'
import type { Evidence, Gate } from './gate.ts'
import type { Outcome } from './outcome.ts'
import { resolvePlaces } from './options.ts'
import { readPolicy } from './policy-source.ts'
import { submit } from './submit.ts'

/** What a prediction needs; the data directory is only named, to be protected, and need not exist. */
export interface PredictionOptions {
  readonly policy: string | object
  readonly dataDir: string
  readonly keysDir?: string
  readonly providers: readonly Provider[]
  /** Entries in the log now: the seq that the outcome would get. */
  readonly treeSize: number
}

/**
 * How a request would end, without a data directory: nothing is opened, made, written or performed.
 *
 * @throws KernelError POLICY_…, PROVIDER_INVALID, PRINCIPAL_INVALID
 */
export function predict(
  options: PredictionOptions,
  principal: Partial<Principal> & { id: string },
  request: JsonValue,
): Promise<Outcome> {
  const { policy, providers, treeSize } = options
  const { dataDir, keysDir } = resolvePlaces(options.dataDir, options.keysDir)
  const file = typeof policy === 'string' ? resolve(policy) : policy
  const closing = new AbortController().signal
  const gate: Gate = {
    clock: systemClock,
    actions: tableOfActions(providers),
    protection: protect([dataDir, keysDir, ...(typeof file === 'string' ? [file] : []), ...placesOf(providers)]),
    policy: { policy: readPolicy(file), seq: 0 },
    evidence: noEvidence(treeSize),
    answers: { find: () => undefined, expect: never, remember: never, forget: never },
    durability: 'default',
    closing,
    deadlines: new Deadlines(closing),
    turns: { take: never },
    seal: { by: undefined },
    admission: { tryBegin: () => true, wait: never, end: () => undefined },
  }
  return submit(gate, { principal: readPrincipal(principal), agent: 'local', dryRun: true }, request)
}

function noEvidence(nextSeq: number): Evidence {
  return {
    nextSeq,
    full: undefined,
    keep: never,
    contents: never,
    images: { keep: never, contents: never, read: never },
    intend: never,
    append: never,
  }
}

function never(): never {
  throw new Error('a prediction writes nothing')
}
