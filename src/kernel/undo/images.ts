import type { Clock } from '../../base/clock.ts'
import type { RandomBytes } from '../../base/random.ts'
import { fromUtf8 } from '../../base/bytes.ts'
import { canonicalBytes } from '../../base/canonical-json.ts'
import { KernelError } from '../../base/errors.ts'
import { isJsonObject, parseJson, type JsonObject } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import type { ContentStore } from '../../effects/provider.ts'
import type { EntryDraft, Ledger } from '../../evidence/ledger/index.ts'
import { Contents, type Vault } from '../../evidence/vault/index.ts'
import { defaultClass, keepIn } from '../payload.ts'

/** A before-image as the vault keeps it: what a provider took, and for which of its actions. */
export interface KeptImage {
  readonly action: string
  readonly image: JsonObject
}

/** Before-images. They lie in a vault of their own, whose days are destroyed as a whole when their time is up. */
export interface Images {
  /** Keeps one, and returns what the entry says of it. On disk as soon as an intent that follows is. */
  keep(image: KeptImage, sensitivity: string | undefined): Taken
  /** What a provider keeps the content of an image in. @param taken for one that is kept already */
  contents(sensitivity: string | undefined, taken?: Taken): ContentStore
  /** @throws KernelError VAULT_NOT_FOUND when it is not kept any more, SEAL_INVALID when it is damaged */
  read(taken: Taken, sensitivity: string | undefined): Promise<KeptImage>
}

/** What an entry says of a before-image (FORMATS, "Entry"). */
type Taken = NonNullable<EntryDraft['undo']>

/** The entry of an attempt that was cut may be written days later: only this leads to the day of the image. */
function takenAtMs({ until }: Taken): number {
  return until - limits.undoMs
}

const dayMs = 86_400_000

/** Nesting of an image: a tree of folders, a few levels a folder. */
const imageDepth = 1024

/** What images are kept with. */
export interface ImageRooms {
  /** The vault of before-images. */
  readonly images: Vault
  readonly ledger: Ledger
  readonly random: RandomBytes
  readonly clock: Clock
}

export function imagesFrom({ images: vault, ledger, random, clock }: ImageRooms): Images {
  const contents = new Contents(vault, random)
  /** An image must not use up the space that the log needs. */
  async function* whileAmple(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of pieces) {
      if (ledger.space !== 'ample') throw new KernelError('LEDGER_FULL', 'no before-image is kept meanwhile')
      yield piece
    }
  }
  const now = (): number => Math.max(clock.now(), ledger.timeMs)
  let sweptDay = Math.floor(now() / dayMs)
  /** Once a day, for a kernel that runs long: a start does it too. */
  const destroyExpired = (): void => {
    const day = Math.floor(now() / dayMs)
    if (day === sweptDay) return
    sweptDay = day
    vault.expire(now() - limits.undoMs)
  }
  return {
    keep({ action, image }, sensitivity) {
      destroyExpired()
      const commitment = keepIn(vault, random, sensitivity, canonicalBytes({ action, image }))
      return { image: commitment, until: now() + limits.undoMs }
    },
    contents(sensitivity, taken) {
      const place = { class: sensitivity ?? defaultClass, timeMs: taken === undefined ? now() : takenAtMs(taken) }
      return { keep: (pieces) => contents.keep(whileAmple(pieces), place), open: (kept) => contents.open(kept, place) }
    },
    async read(taken, sensitivity) {
      const { bytes } = await vault.get(taken.image, { class: sensitivity ?? defaultClass, timeMs: takenAtMs(taken) })
      const kept = parseJson(fromUtf8(bytes), imageDepth)
      if (isJsonObject(kept) && typeof kept['action'] === 'string' && isJsonObject(kept['image'])) {
        return { action: kept['action'], image: kept['image'] }
      }
      throw new KernelError('SEAL_INVALID', 'a payload that should be a before-image is none')
    },
  }
}
