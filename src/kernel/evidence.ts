import type { KernelError } from '../base/errors.ts'
import { canonicalBytes } from '../base/canonical-json.ts'
import { commitmentOf } from '../base/hash.ts'
import type { JsonObject } from '../base/json.ts'
import type { RandomBytes } from '../base/random.ts'
import type { Ledger } from '../evidence/ledger/index.ts'
import type { Vault } from '../evidence/vault/index.ts'
import type { Evidence } from './gate.ts'

/** Bytes of the salt that keeps a commitment from being guessed (FORMATS, "Commitment"). */
const saltBytes = 16

/** What the vault seals where policy names no class. */
export const defaultClass = 'internal'

export interface EvidenceRooms {
  readonly ledger: Ledger
  readonly vault: Vault
  readonly random: RandomBytes
  /** Told of each entry after it was written. */
  readonly onAppended: (seq: number) => void
  /** Told when the vault cannot be written: without it no entry can be. */
  readonly onFailure: (error: KernelError) => void
}

/**
 * Joins ledger and vault for the gate: a payload is on disk, and for a durable entry synced, before the entry that commits to
 * it is written.
 */
export function evidenceFrom({ ledger, vault, random, onAppended, onFailure }: EvidenceRooms): Evidence {
  const settleVault = async (durable: boolean): Promise<void> => {
    if (!vault.hasUnwritten) return
    try {
      await (durable ? vault.sync() : vault.flush())
    } catch (error) {
      onFailure(error as KernelError)
      throw error
    }
  }
  return {
    get nextSeq() {
      return ledger.treeSize
    },
    keep(payload, sensitivity) {
      const kept = { salt: random(saltBytes), bytes: canonicalBytes(payload) }
      vault.put(sensitivity ?? defaultClass, kept)
      return commitmentOf(kept)
    },
    async intend(intent: JsonObject) {
      await settleVault(true)
      return ledger.intend(intent)
    },
    async append(draft, { durable, settles }) {
      await settleVault(durable)
      const appended = await ledger.append(draft, {
        durability: durable ? 'durable' : 'written',
        ...(settles !== undefined && { settles }),
      })
      onAppended(appended.seq)
      return appended
    },
  }
}
