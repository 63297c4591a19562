import { canonicalBytes } from '../base/canonical-json.ts'
import { KernelError } from '../base/errors.ts'
import { commitmentOf } from '../base/hash.ts'
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
      if (ledger.space !== 'spent') return undefined
      return new KernelError('LEDGER_FULL', 'free some space; nothing is begun until then')
    },
    keep(payload, sensitivity) {
      const kept = { salt: random(saltBytes), bytes: canonicalBytes(payload) }
      vault.put(sensitivity ?? defaultClass, kept)
      return commitmentOf(kept)
    },
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
