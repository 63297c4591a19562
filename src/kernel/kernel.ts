import type { Policy } from '../authority/policy/index.ts'
import { readPrincipal, type Principal } from '../base/principal.ts'
import { pooledRandom } from '../base/random.ts'
import { protect } from '../effects/protection.ts'
import type { Provider } from '../effects/provider.ts'
import type { FileLayer, Ledger } from '../evidence/ledger/index.ts'
import { placesOf, tableOfActions } from './actions.ts'
import { Admission } from './admission.ts'
import { answersFrom, type NotedAnswers } from './answers.ts'
import { closeProviders } from './close-providers.ts'
import { openDataDirectory } from './data-directory.ts'
import { Deadlines } from './deadlines.ts'
import { evidenceFrom } from './evidence.ts'
import type { Caller, Gate } from './gate.ts'
import { resolveOptions, type KernelOptions, type ResolvedOptions } from './options.ts'
import type { Outcome, Reason } from './outcome.ts'
import { readPolicy } from './policy-source.ts'
import { bringUpToDate, recallNoted } from './recover.ts'
import type { Request } from './request.ts'
import type { SubmitOptions } from './submit-options.ts'
import { resolveUnknown, type Resolution, type Resolved } from './resolve.ts'
import { closeRooms, openRooms, unlessSealed, type Rooms } from './rooms.ts'
import { submit } from './submit.ts'
import { Turns } from './turns.ts'
import { undo, whyNotUndo, type UndoOptions } from './undo/undo.ts'

/** What an agent holds: it can ask, and nothing else. */
export interface AgentHandle {
  /**
   * Sends one request through the gate. `request` is an object, or its JSON text.
   *
   * @returns the outcome, also for a refusal or a provider's failure
   * @throws KernelError KERNEL_SEALED, KERNEL_CLOSED, KERNEL_BUSY or OPTIONS_INVALID
   */
  submit(request: Request | string, options?: SubmitOptions): Promise<Outcome>
}

/** What a person who looks after agents holds. Never hand it to an agent. */
export interface OperatorHandle {
  /**
   * Undoes what entry `seq` did, as an attempt of its own through the gate, which can be undone too.
   *
   * @returns the outcome, also for a refusal: `undo_conflict`, `undo_expired`, `already_undone`, `nothing_to_undo`
   * @throws KernelError ENTRY_NOT_FOUND, KERNEL_SEALED or KERNEL_CLOSED
   */
  undo(seq: number, options?: UndoOptions): Promise<Outcome>
  /** Why an undo of entry `seq` would be refused now, as far as rules and times tell; undefined when it would not. @throws KernelError ENTRY_NOT_FOUND */
  whyNotUndo(seq: number): Promise<Reason | undefined>
}

/** The owner's object. Never hand it to an agent: give it a handle from `as`. */
export interface Kernel extends AgentHandle, AsyncDisposable {
  /** The log's verifier key: with it anyone can verify what this kernel wrote. */
  readonly vkey: string
  /** A handle that asks on the authority of `principal`. @throws KernelError PRINCIPAL_INVALID */
  as(principal: { readonly id: string; readonly roles?: readonly string[] }): AgentHandle
  /** A handle for what only people may do, on the authority of `principal`. @throws KernelError PRINCIPAL_INVALID */
  operator(principal: { readonly id: string; readonly roles?: readonly string[] }): OperatorHandle
  /**
   * Settles an entry that ended `unknown`: a person says whether it took effect. Never let an agent do that.
   *
   * @throws KernelError RESOLUTION_INVALID, ENTRY_NOT_FOUND, KERNEL_SEALED or KERNEL_CLOSED
   */
  resolve(seq: number, resolution: Resolution): Promise<Resolved>
  /** Ends what still runs, completes the published log, and lets go of the data directory. @throws what a provider's `close` threw, after all that */
  close(): Promise<void>
}

/** The agent of everything that is asked in process, and the principal of what nobody else asks. */
const local: Principal = readPrincipal({ id: 'local' })

/** What only tests replace. */
export interface KernelInternals {
  /** The file system under log and vault. */
  readonly files?: FileLayer
}

/**
 * Opens a data directory (and makes it when it is missing) as its one writer, and wires the rooms behind the gate.
 *
 * @throws KernelError POLICY_…, OPTIONS_INVALID, PROVIDER_INVALID, KEY_…, LEDGER_LOCKED, LEDGER_CORRUPT, LEDGER_ROLLED_BACK, STATE_INVALID
 */
export async function createKernel(options: KernelOptions, internals: KernelInternals = {}): Promise<Kernel> {
  const resolved = resolveOptions(options)
  // A policy or a provider that does not load must not leave a half-made data directory behind.
  const actions = tableOfActions(resolved.providers)
  const policy = readPolicy(resolved.policy)
  const { places, keys } = openDataDirectory(resolved.dataDir, resolved.keysDir, resolved.clock)
  const random = pooledRandom()
  const rooms = await openRooms(places, keys, resolved.clock, random, internals.files)
  const closing = new AbortController()
  try {
    const { ledger, state, seal } = rooms
    await bringUpToDate(rooms, { actions, mounts: policy.mounts ?? hostMounts })
    const answers = answersFrom(state, seal, ledger, (key, noted) => recallNoted(rooms, key, noted))
    const admission = new Admission(resolved.clock, () => ledger.space)
    const gate: Gate = {
      clock: resolved.clock,
      actions,
      protection: protect(protectedPlaces(places.root, resolved)),
      policy: { policy, seq: await enterPolicy(ledger, policy) },
      evidence: evidenceFrom({
        ...rooms,
        onAppended: () => followLog(rooms, answers),
      }),
      answers,
      durability: resolved.durability,
      closing: closing.signal,
      seal,
      admission,
      deadlines: new Deadlines(closing.signal),
      turns: new Turns(),
    }
    return kernelOf(gate, rooms, resolved.providers, admission, closing)
  } catch (error) {
    await closeRooms(rooms).catch(() => undefined)
    throw error
  }
}

/** A policy without mounts names the host's own paths. */
const hostMounts: ReadonlyMap<string, string> = new Map([['/', '/']])

function protectedPlaces(dataDir: string, { keysDir, policy, providers }: ResolvedOptions): string[] {
  return [dataDir, keysDir, ...(typeof policy === 'string' ? [policy] : []), ...placesOf(providers)]
}

/** Entries between two notes of how far the index reflects the log: what a start after a crash has to catch up with. */
const stateInterval = 1024

function followLog({ ledger, state, seal, resolving, undoing }: Rooms, answers: NotedAnswers): void {
  if (ledger.treeSize - state.treeSize < stateInterval || resolving.size + undoing.size > 0) return
  const noted = answers.notedBelow()
  if (noted - state.treeSize >= stateInterval) unlessSealed(seal, () => state.advance(noted))
}

/** Makes `policy` the one in force: an entry, unless it is in force already. Returns that entry's seq. */
async function enterPolicy(ledger: Ledger, policy: Policy): Promise<number> {
  if (ledger.policy?.digest === policy.digest) return ledger.policy.seq
  const draft = { kind: 'policy', agent: local.id, principal: local.id, digest: policy.digest } as const
  const { seq } = await ledger.append(draft, { durability: 'durable' })
  return seq
}

function kernelOf(
  gate: Gate,
  rooms: Rooms,
  providers: readonly Provider[],
  admission: Admission,
  closing: AbortController,
): Kernel {
  const handleOf = (principal: Principal): AgentHandle => {
    const caller: Caller = Object.freeze({ principal, agent: local.id })
    return Object.freeze({
      submit: (request: Request | string, options?: SubmitOptions) => submit(gate, caller, request, options),
    })
  }
  const shut = async (): Promise<void> => {
    closing.abort()
    await admission.idle()
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
    operator: (principal: { readonly id: string; readonly roles?: readonly string[] }) => {
      const caller: Caller = Object.freeze({ principal: readPrincipal(principal), agent: local.id })
      return Object.freeze({
        undo: (seq: number, how?: UndoOptions) => undo(gate, rooms, caller, seq, how),
        whyNotUndo: (seq: number) => whyNotUndo(gate, rooms, caller, seq),
      })
    },
    resolve: (seq: number, resolution: Resolution) => resolveUnknown(rooms, seq, resolution),
    close,
    [Symbol.asyncDispose]: close,
  })
}
