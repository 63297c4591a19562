import { canonicalBytes } from '../base/canonical-json.ts'
import type { Clock } from '../base/clock.ts'
import type { RandomBytes } from '../base/random.ts'
import type { Ledger } from '../evidence/ledger/index.ts'
import { Contents, type Vault } from '../evidence/vault/index.ts'
import type { Evidence } from './gate.ts'
import { imagesFrom } from './undo/images.ts'
import { defaultClass, keepIn } from './payload.ts'

export interface EvidenceRooms {
  readonly ledger: Ledger
  readonly vault: Vault
  /** The vault of before-images. */
  readonly images: Vault
  readonly random: RandomBytes
  readonly clock: Clock
  /** Told of each entry after it was written. */
  readonly onAppended: (seq: number) => void
}

/** Joins ledger and vault for the gate. A payload goes to the disk with the entry or intent that commits to it. */
export function evidenceFrom(rooms: EvidenceRooms): Evidence {
  const { ledger, vault, random, clock, onAppended } = rooms
  const contents = new Contents(vault, random)
  return {
    get nextSeq() {
      return ledger.treeSize
    },
    get full() {
      return ledger.full
    },
    keep: (payload, sensitivity) => keepIn(vault, random, sensitivity, canonicalBytes(payload)),
    contents(sensitivity) {
      const place = { class: sensitivity ?? defaultClass, timeMs: Math.max(clock.now(), ledger.timeMs) }
      return { keep: (pieces) => contents.keep(pieces, place), open: (kept) => contents.open(kept, place) }
    },
    images: imagesFrom(rooms),
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
