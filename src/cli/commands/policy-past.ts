import { existsSync } from 'node:fs'
import { visible } from '../../base/display.ts'
import { systemClock } from '../../base/clock.ts'
import { isKernelError } from '../../base/errors.ts'
import { isJsonObject, parseJson, type JsonObject } from '../../base/json.ts'
import { pooledRandom } from '../../base/random.ts'
import { wasDecidedByPolicy, type PastRequest } from '../../authority/policy/index.ts'
import { parseEntry, type Entry } from '../../evidence/ledger/index.ts'
import { openVault, type Vault } from '../../evidence/vault/index.ts'
import { findDataDirectory } from '../../kernel/data-directory.ts'
import { defaultClass } from '../../kernel/payload.ts'
import { entriesFrom, entryAt } from '../log-source.ts'
import { recoverIfNeeded } from '../recover-if-needed.ts'
import type { World } from '../world.ts'

/** A request of the log, with what reads its params. */
export interface LoggedRequest extends PastRequest {
  /** What was sent: the commitment of it, where anything was. */
  readonly sealed: { readonly commitment: string; readonly class: string; readonly timeMs: number } | undefined
}

/** Every so many entries a terminal learns how far it is. */
const progressEntries = 20_000

/** The requests of a log, each as policy was asked. Reads only. */
export class Past implements AsyncDisposable {
  readonly #world: World
  readonly #digests: Map<number, string> = new Map()
  #vault: Vault | 'closed' | undefined

  private constructor(world: World) {
    this.#world = world
  }

  /** @throws KernelError LEDGER_NOT_FOUND */
  static async open(world: World): Promise<Past> {
    await recoverIfNeeded(world)
    return new Past(world)
  }

  /** Requests that a policy could decide, oldest first: undos are decided by what they undo, malformed requests by nobody. */
  async *requests(from = 0): AsyncGenerator<LoggedRequest> {
    const { terminal, places } = this.#world
    try {
      for await (const { seq, bytes, size } of entriesFrom(places.ledger, from)) {
        if (terminal.interrupted.aborted) return
        if (seq % progressEntries === 0 && seq > 0) terminal.progress(`reading: ${seq} of ${size} entries`)
        const entry = parseEntry(bytes)
        if (entry.digest !== undefined) this.#digests.set(seq, entry.digest)
        const request = await this.requestOf(entry)
        if (request !== undefined) yield request
      }
    } finally {
      terminal.progress('')
    }
  }

  /** @throws KernelError ENTRY_NOT_FOUND */
  async entry(seq: number): Promise<Entry> {
    return parseEntry((await entryAt(this.#world.places.ledger, seq)).found.bytes)
  }

  /** What `entry` was asked; undefined for what is no request of an action, or was never decided. */
  async requestOf(entry: Entry): Promise<LoggedRequest | undefined> {
    const { seq, kind, action, decision } = entry
    if (kind !== 'action' || action === undefined || decision === undefined || action === 'undo') return undefined
    const { params } = entry
    return {
      seq,
      action,
      resources: entry.resources ?? [entry.resource ?? ''],
      principal: entry.principal,
      agent: entry.agent,
      timeMs: entry.time,
      was: { effect: decision.effect, reason: decision.reason, rules: decision.rules ?? [] },
      policyDigest: entry.policy === undefined ? undefined : await this.#digestOf(entry.policy),
      hasParams: params !== undefined,
      sealed:
        params === undefined
          ? undefined
          : { commitment: params, class: entry.class ?? defaultClass, timeMs: entry.time },
    }
  }

  async #digestOf(seq: number): Promise<string | undefined> {
    const known = this.#digests.get(seq)
    if (known !== undefined) return known
    const { digest } = await this.entry(seq)
    if (digest !== undefined) this.#digests.set(seq, digest)
    return digest
  }

  /** What was sent; undefined where it is not kept any more, or its keys are not here. */
  async params({ sealed }: Pick<LoggedRequest, 'sealed'>): Promise<JsonObject | undefined> {
    if (sealed === undefined) return noParams
    const vault = (this.#vault ??= this.#openVault())
    if (vault === 'closed') return undefined
    try {
      const { bytes } = await vault.get(sealed.commitment, sealed)
      const value = parseJson(Buffer.from(bytes).toString('utf8'))
      return isJsonObject(value) ? value : undefined
    } catch (error) {
      if (isKernelError(error)) return undefined
      throw error
    }
  }

  #openVault(): Vault | 'closed' {
    const { places, terminal } = this.#world
    try {
      const { keys, places: own } = findDataDirectory(places.dataDir, places.keysDir)
      if (!existsSync(own.vault)) return 'closed'
      return openVault({ directory: own.vault, key: keys.vaultKey, clock: systemClock, random: pooledRandom() })
    } catch (error) {
      if (!isKernelError(error)) throw error
      terminal.note(`kestrel: params cannot be read; ${visible(error.message)}`)
      return 'closed'
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#vault !== undefined && this.#vault !== 'closed') await this.#vault.close()
  }
}

const noParams: JsonObject = Object.freeze(Object.create(null) as JsonObject)

/** Whether a rule could have decided otherwise. */
export function isDenial(request: PastRequest): boolean {
  return request.was.effect === 'forbid' && wasDecidedByPolicy(request.was)
}
