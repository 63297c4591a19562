import type { Protection } from '../../provider.ts'
import { refuse, type Ended } from './ending.ts'
import type { Spot } from './volume.ts'

/** Whether this very file or folder is Kestrel's own, whatever its name. */
export function isOwn({ facts }: Pick<Spot, 'facts'>, protection: Protection): boolean {
  const { dev, ino, nlink } = facts
  // A folder counts its subfolders as links, yet it cannot be linked elsewhere.
  return protection.coversIdentity({ dev, ino, links: facts.isDirectory() ? 1n : nlink })
}

/** Refuses what is Kestrel's own, which is neither changed nor kept nor taken along with its folder. @throws Ended */
export function assertNotOurs(spot: Spot, path: string, protection: Protection): void {
  if (protection.coversPath(spot.path) || isOwn(spot, protection)) throw ownEnding(path)
}

export function ownEnding(path: string): Ended {
  return refuse('self_protected', `\`${path}\` belongs to Kestrel itself, which no action may touch`)
}
