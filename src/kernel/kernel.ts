import type { Policy } from '../authority/policy/index.ts'
import { readPrincipal, type Principal } from '../base/principal.ts'
import { pooledRandom } from '../base/random.ts'
import { protect } from '../effects/protection.ts'
import type { Provider } from '../effects/provider.ts'
import type { Ledger } from '../evidence/ledger/index.ts'
import { tableOfActions } from './actions.ts'
import { answersFrom } from './answers.ts'
import { closeProviders } from './close-providers.ts'
import { openDataDirectory } from './data-directory.ts'
import { evidenceFrom } from './evidence.ts'
import type { Caller, Gate } from './gate.ts'
import { resolveOptions, type KernelOptions, type ResolvedOptions } from './options.ts'
import type { Outcome } from './outcome.ts'
import { readPolicy } from './policy-source.ts'
import { catchUp, endInterrupted, recallOutcome } from './recover.ts'
import type { Request } from './request.ts'
import { breakSeal, closeRooms, openRooms, unlessSealed, type Rooms } from './rooms.ts'
import { submit } from './submit.ts'

/** What an agent holds: it can ask, and nothing else. */
export interface AgentHandle {
  /**
   * Sends one request through the gate. `request` is an object, or its JSON text.
   *
   * @returns the outcome, also for a refusal or a provider's failure
   * @throws KernelError KERNEL_SEALED or KERNEL_CLOSED
   */
  submit(request: Request | string): Promise<Outcome>
}

/** The owner's object. Never hand it to an agent: give it a handle from `as`. */
export interface Kernel extends AgentHandle, AsyncDisposable {
  /** The log's verifier key: with it anyone can verify what this kernel wrote. */
  readonly vkey: string
  /** A handle that asks on the authority of `principal`. @throws KernelError PRINCIPAL_INVALID */
  as(principal: { readonly id: string; readonly roles?: readonly string[] }): AgentHandle
  /** Ends what still runs, completes the published log, and lets go of the data directory. @throws what a provider's `close` threw, after all that */
  close(): Promise<void>
}

/** The agent of everything that is asked in process, and the principal of what nobody else asks. */
const local: Principal = readPrincipal({ id: 'local' })

/**
 * Opens a data directory (and makes it when it is missing) as its one writer, and wires the rooms behind the gate.
 *
 * @throws KernelError POLICY_…, OPTIONS_INVALID, PROVIDER_INVALID, KEY_…, LEDGER_LOCKED, LEDGER_CORRUPT, LEDGER_ROLLED_BACK, STATE_INVALID
 */
export async function createKernel(options: KernelOptions): Promise<Kernel> {
  const resolved = resolveOptions(options)
  // A policy or a provider that does not load must not leave a half-made data directory behind.
  const actions = tableOfActions(resolved.providers)
  const policy = readPolicy(resolved.policy)
  const { places, keys } = openDataDirectory(resolved.dataDir, resolved.keysDir)
  const random = pooledRandom()
  const rooms = await openRooms(places, keys, resolved.clock, random)
  const closing = new AbortController()
  try {
    const { ledger, vault, state, seal } = rooms
    await endInterrupted(ledger)
    await catchUp(state, ledger, vault)
    const gate: Gate = {
      clock: resolved.clock,
      actions,
      protection: protect(protectedPlaces(places.root, resolved)),
      policy: { policy, seq: await enterPolicy(ledger, policy) },
      evidence: evidenceFrom({
        ledger,
        vault,
        random,
        onAppended: (seq) => followLog(rooms, seq),
        onFailure: (error) => breakSeal(seal, error),
      }),
      answers: answersFrom(state, seal, (seq) => recallOutcome(ledger, vault, seq)),
      durability: resolved.durability,
      closing: closing.signal,
      seal,
    }
    return kernelOf(gate, rooms, resolved.providers, closing)
  } catch (error) {
    await closeRooms(rooms).catch(() => undefined)
    throw error
  }
}

function protectedPlaces(dataDir: string, { keysDir, policy }: ResolvedOptions): string[] {
  return [dataDir, keysDir, ...(typeof policy === 'string' ? [policy] : [])]
}

/** Entries between two notes of how far the index reflects the log: what a start after a crash has to catch up with. */
const stateInterval = 4096

function followLog({ state, seal }: Rooms, seq: number): void {
  // One interval behind, because an entry just before this one may not have its answer noted yet.
  if (seq % stateInterval === 0) {
    unlessSealed(seal, () => state.advance(Math.max(state.treeSize, seq - stateInterval)))
  }
}

/** Makes `policy` the one in force: an entry, unless it is in force already. Returns that entry's seq. */
async function enterPolicy(ledger: Ledger, policy: Policy): Promise<number> {
  if (ledger.policy?.digest === policy.digest) return ledger.policy.seq
  const draft = { kind: 'policy', agent: local.id, principal: local.id, digest: policy.digest } as const
  const { seq } = await ledger.append(draft, { durability: 'durable' })
  return seq
}

function kernelOf(gate: Gate, rooms: Rooms, providers: readonly Provider[], closing: AbortController): Kernel {
  const running = new Set<Promise<Outcome>>()
  const handleOf = (principal: Principal): AgentHandle => {
    const caller: Caller = Object.freeze({ principal, agent: local.id })
    return Object.freeze({
      submit(request: Request | string) {
        const outcome = submit(gate, caller, request)
        running.add(outcome)
        const forget = (): boolean => running.delete(outcome)
        outcome.then(forget, forget)
        return outcome
      },
    })
  }
  const shut = async (): Promise<void> => {
    closing.abort()
    // One whose request is being read at this very moment runs too, but is counted only once its `submit` has returned.
    await Promise.resolve()
    await Promise.allSettled(running)
    try {
      await closeProviders(providers)
    } finally {
      await closeRooms(rooms)
    }
  }
  let shutting: Promise<void> | undefined
  const close = (): Promise<void> => (shutting ??= shut())
  return Object.freeze({
    vkey: rooms.ledger.vkey,
    as: (principal: { readonly id: string; readonly roles?: readonly string[] }) => handleOf(readPrincipal(principal)),
    submit: handleOf(local).submit,
    close,
    [Symbol.asyncDispose]: close,
  })
}
