import { closeSync, type BigIntStats } from 'node:fs'
import type { Clock } from '../../../base/clock.ts'
import { limits } from '../../../base/limits.ts'
import type { Protection } from '../../provider.ts'
import { Kept } from './kept.ts'
import type { MountedPath } from './mount.ts'
import { join } from './path.ts'
import { isUnchanged, pathOf, type Place, type Volume } from './volume.ts'

/** A file that a walk has reached, judged and opened for reading. */
interface OpenFile {
  readonly fd: number
  readonly place: Place
  readonly facts: BigIntStats
  /** The mount's folder that the walk began in. */
  readonly folder: string
  /** Whose word it was that nothing on the way is Kestrel's own. */
  readonly protection: Protection
  /** When it was last seen to stand at its path. */
  placeSeenMs: number
}

/**
 * Files that were just read, kept open for the next read.
 *
 * A kept file is read again only when all of this holds now, so that a read finds what a walk would find:
 *
 * - the path leads to this very file, and the file is unchanged (as by `chmod`) since the walk judged it;
 * - below folders of the mount: the file stands at this path, so no link stands on the way. In the mount's own folder a name is
 *   looked up without following a link anyway, and the folder is the operator's to name: only where that folder itself was
 *   moved to is told by the path, and looked at once in `limits.keptPlaceMs`;
 * - the file is not Kestrel's own.
 *
 * The descriptor is the file, so what happens to the names after the check turns nothing. Anything else is for a walk.
 */
export class OpenFiles {
  private readonly volume: Volume
  private readonly clock: Clock
  private readonly kept: Kept<OpenFile>

  constructor(volume: Volume, clock: Clock) {
    this.volume = volume
    this.clock = clock
    this.kept = new Kept({
      most: limits.keptFiles,
      ageMs: limits.keptOpenMs,
      drop: ({ fd }) => closeSync(fd),
      clock,
    })
  }

  /** The file of a path, open, where it may be read without a walk. It is not the caller's to close. */
  find(mounted: MountedPath, protection: Protection): { readonly fd: number; readonly size: bigint } | undefined {
    const path = join(mounted.folder, mounted.rest)
    const file = this.kept.get(path)
    if (file === undefined) return undefined
    const facts = this.judge(file, mounted, protection)
    if (facts !== undefined) return { fd: file.fd, size: facts.size }
    this.kept.delete(path)
    return undefined
  }

  /** Takes over `fd`, which a walk without doubts has led to. */
  keep(fd: number, facts: BigIntStats, { folder, rest }: MountedPath, protection: Protection): void {
    const path = join(folder, rest)
    this.kept.set(path, {
      fd,
      place: { at: pathOf(fd), path },
      facts,
      folder,
      protection,
      placeSeenMs: this.clock.monotonicMs(),
    })
  }

  close(): void {
    this.kept.clear()
  }

  private judge(file: OpenFile, mounted: MountedPath, protection: Protection): BigIntStats | undefined {
    const { path } = file.place
    if (file.folder !== mounted.folder || file.protection !== protection) return undefined
    try {
      const facts = this.volume.facts(path)
      if (facts === undefined || !isUnchanged(facts, file.facts)) return undefined
      if (!this.standsAtItsPath(file, mounted)) return undefined
      if (protection.coversPath(path)) return undefined
      const { dev, ino, nlink: links } = facts
      return protection.coversIdentity({ dev, ino, links }) ? undefined : facts
    } catch {
      // the walk will tell why
      return undefined
    }
  }

  private standsAtItsPath(file: OpenFile, { rest }: MountedPath): boolean {
    const nowMs = this.clock.monotonicMs()
    if (!rest.includes('/') && nowMs - file.placeSeenMs < limits.keptPlaceMs) return true
    file.placeSeenMs = nowMs
    return this.volume.whereabouts(file.place) === file.place.path
  }
}
