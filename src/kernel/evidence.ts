import { canonicalBytes } from '../base/canonical-json.ts'
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
}

/** Joins ledger and vault for the gate. A payload goes to the disk with the entry or intent that commits to it. */
export function evidenceFrom({ ledger, vault, random, onAppended }: EvidenceRooms): Evidence {
  return {
    get nextSeq() {
      return ledger.treeSize
    },
    get full() {
      return ledger.full
    },
    keep: (payload, sensitivity) => keepIn(vault, random, sensitivity, canonicalBytes(payload)),
    intend: (intent) => ledger.intend(intent),
    append(draft, { durable, settles }, done) {
      const durability = durable ? 'durable' : 'written'
      ledger.enter(draft, settles === undefined ? { durability } : { durability, settles }, (error, entry) => {
        if (entry !== undefined) onAppended(entry.seq)
        done(error, entry?.seq)
      })
    },
  }
}

/** Keeps a payload for the entry that comes next, and returns what that says of it: 64 hex. */
export function keepIn(vault: Vault, random: RandomBytes, sensitivity: string | undefined, bytes: Uint8Array): string {
  return vault.put(sensitivity ?? defaultClass, { salt: random(saltBytes), bytes })[0] as string
}
