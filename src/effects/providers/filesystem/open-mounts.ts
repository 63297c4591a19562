import type { BigIntStats } from 'node:fs'
import type { Clock } from '../../../base/clock.ts'
import { limits } from '../../../base/limits.ts'
import { Kept } from './kept.ts'
import type { FileSystemKind, Spot, Volume } from './volume.ts'

/** The folder behind a mount, open until it is released. */
export interface OpenMount {
  readonly spot: Spot
  readonly kind: FileSystemKind
  /** To be called once. */
  readonly release: () => void
}

/** One descriptor, for all the actions of a moment. */
interface Shared {
  readonly spot: Spot
  readonly kind: FileSystemKind
  readonly release: () => void
  users: number
  isKept: boolean
  placeSeenMs: number
}

/**
 * The folders behind the mounts, each opened once for the actions of a moment.
 *
 * An open folder is used again only while the mount's name still leads to it: the operator may replace the folder, or the link
 * that names it, at any time. What the name does not tell is looked at anew: where the folder was moved to, after
 * `limits.keptPlaceMs`; how its volume is mounted, after `limits.keptOpenMs`.
 */
export class OpenMounts {
  private readonly volume: Volume
  private readonly clock: Clock
  private readonly kept: Kept<Shared>

  constructor(volume: Volume, clock: Clock) {
    this.volume = volume
    this.clock = clock
    const drop = (mount: Shared): void => {
      mount.isKept = false
      this.closeUnused(mount)
    }
    this.kept = new Kept({ most: limits.keptMounts, ageMs: limits.keptOpenMs, drop, clock })
  }

  /** @throws a system error where there is no such folder */
  take(folder: string): OpenMount {
    const kept = this.kept.get(folder)
    const now = kept && this.factsNow(folder, kept)
    if (kept !== undefined && now !== undefined) {
      kept.users++
      return { spot: { ...kept.spot, facts: now }, kind: kept.kind, release: kept.release }
    }
    const mount = this.open(folder)
    if (this.volume.isPinned) {
      mount.isKept = true
      this.kept.set(folder, mount)
    }
    return mount
  }

  close(): void {
    this.kept.clear()
  }

  private factsNow(folder: string, mount: Shared): BigIntStats | undefined {
    const now = this.volume.leadsTo(folder, mount.spot)
    const nowMs = this.clock.monotonicMs()
    if (now === undefined || nowMs - mount.placeSeenMs < limits.keptPlaceMs) return now
    mount.placeSeenMs = nowMs
    return this.volume.whereabouts(mount.spot) === mount.spot.path ? now : undefined
  }

  private open(folder: string): Shared {
    const spot = this.volume.root(folder)
    try {
      const mount: Shared = {
        spot,
        kind: this.volume.kindOf(spot),
        release: () => {
          mount.users--
          this.closeUnused(mount)
        },
        users: 1,
        isKept: false,
        placeSeenMs: this.clock.monotonicMs(),
      }
      return mount
    } catch (error) {
      this.volume.close(spot)
      throw error
    }
  }

  /** An action that still works in a folder keeps it open: its number must not come to mean another. */
  private closeUnused(mount: Shared): void {
    if (!mount.isKept && mount.users === 0) this.volume.close(mount.spot)
  }
}
