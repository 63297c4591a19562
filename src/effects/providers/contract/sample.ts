import type { JsonObject, JsonValue } from '../../../base/json.ts'
import { deepFreeze } from '../../../base/json.ts'
import { snapshot } from '../../../base/snapshot.ts'
import type { ActionDefinition, Call, ContentStore, Network, Provider } from '../../provider.ts'
import { demand } from './demand.ts'

/** A request that must succeed, for one action of the provider under test. */
export interface Sample {
  readonly resource: string
  readonly params?: JsonObject
  readonly mounts?: ReadonlyMap<string, string>
  /** What the policy lets the action reach; `public` unless said. */
  readonly network?: Network
  /** Whether the action reaches files of the host, so that it must refuse what is protected. */
  readonly touchesFiles?: boolean
  /**
   * What the world looks like, as far as the action can change it: a dry run and an `observe` must leave it equal, and what is
   * taken back must be equal again. An action with `reversal` needs it.
   */
  readonly world?: () => JsonValue | Promise<JsonValue>
  /**
   * Changes, as somebody else would, what the action has just changed, so that it can no longer be taken back without force. An
   * action with `reversal` needs it.
   */
  readonly disturb?: () => void | Promise<void>
}

/** One promise of the interface. `run` rejects with what is broken. */
export interface ContractCase {
  readonly name: string
  readonly run: () => Promise<void>
}

/** One action of the provider under test, with its sample. */
export interface Subject {
  readonly action: string
  readonly definition: ActionDefinition
  readonly provider: Provider
  readonly sample: Sample
}

/** What an action must hold. It throws, or rejects with, what is broken. */
export interface ActionCase {
  readonly name: string
  readonly check: (subject: Subject) => void | Promise<void>
}

/** The sample as the gate would hand it over. */
export function callOf({ action, definition, sample }: Subject): Call {
  const reading = definition.readResource(sample.resource)
  demand('canonical' in reading, 'the resource of the sample is refused')
  return Object.freeze({
    action,
    resource: reading.canonical,
    params: frozenCopy(sample.params ?? {}),
    mounts: sample.mounts,
    protection: { coversPath: () => false, coversIdentity: () => false },
    signal: new AbortController().signal,
    network: sample.network ?? 'public',
    judge: () => ({ network: sample.network ?? 'public' }),
    contents: keptInMemory(),
    report: () => undefined,
  })
}

/** Content that lasts as long as the store. */
export function keptInMemory(): ContentStore {
  const kept = new Map<string, readonly Uint8Array[]>()
  return {
    async keep(pieces) {
      const all: Uint8Array[] = []
      for await (const piece of pieces) all.push(Uint8Array.from(piece))
      const id = kept.size.toString(16).padStart(64, '0')
      kept.set(id, all)
      return { id, sizeBytes: all.reduce((sum, { length }) => sum + length, 0) }
    },
    async *open({ id }) {
      yield* kept.get(id) ?? []
    },
  }
}

/** As the gate hands JSON over: without prototypes, frozen all through. */
export function frozenCopy(value: JsonObject): JsonObject {
  return deepFreeze(snapshot(value, 'params') as JsonObject)
}

export async function fingerprint(sample: Sample): Promise<string> {
  return sample.world === undefined ? '' : JSON.stringify(await sample.world())
}
