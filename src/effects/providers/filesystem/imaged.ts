import type { Call } from '../../provider.ts'
import { conflict } from './ending.ts'
import { readImage, sightOf, type State } from './image.ts'
import { stampOf } from './stamp.ts'
import type { Found } from './tree.ts'
import type { Spot, Volume } from './volume.ts'

/*
 * Between the image and the effect, another process may have changed what is about to be changed. Putting the image back would
 * not bring that back, so the effect does not happen. Without an image there is nothing to hold it against.
 */

/** @throws Ended unless the file, or its absence, is the one in the image */
export function assertImaged(call: Call, spot: Spot | undefined): void {
  const before = imagedAt(call)
  if (before === undefined || before.kind === 'link') return
  const isSame =
    spot === undefined ? before.kind === 'absent' : before.kind !== 'absent' && before.facts?.seen === sightOf(spot)
  if (!isSame) throw conflict(call.resource, 'was changed')
}

/** @throws Ended unless the tree is the one in the image, as far as inodes and their times of change tell */
export function assertTreeImaged(call: Call, top: Found): void {
  const before = imagedAt(call)
  if (before !== undefined && !isImaged(top, before)) throw conflict(call.resource, 'was changed')
}

/** @throws Ended unless what is moved, and what it replaces, are those in the image */
export async function assertMoveImaged(
  volume: Volume,
  call: Call,
  spot: Spot,
  replaced: Spot | undefined,
): Promise<void> {
  if (call.image === undefined) return
  const { moved } = readImage(call.image)
  const isSame = moved?.stamp === (await stampOf(volume, spot, call.protection))
  const isLost = moved?.lost?.facts?.seen === (replaced && sightOf(replaced))
  if (!isSame || !isLost) throw conflict(call.resource, 'was changed')
}

function imagedAt({ image, resource }: Call): State | undefined {
  return image && readImage(image).changes.find(({ path }) => path === resource)?.before
}

function isImaged(found: Found, state: State): boolean {
  // A link has no content of its own, and its name leads to the same place or to another link.
  if (state.kind === 'link') return found.within === undefined
  if (state.kind === 'absent') return false
  const [dev, ino, , , ctimeNs] = state.facts?.seen.split(':') ?? []
  const isSame = dev === String(found.dev) && ino === String(found.ino) && ctimeNs === String(found.changedNs)
  if (!isSame || state.kind === 'file') return isSame && found.within === undefined
  const names = new Map(found.within?.map((each) => [each.name, each]))
  const entries = state.entries ?? []
  return names.size === entries.length && entries.every((entry) => isEntryImaged(names.get(entry.name), entry.state))
}

function isEntryImaged(found: Found | undefined, state: State): boolean {
  return found !== undefined && isImaged(found, state)
}
