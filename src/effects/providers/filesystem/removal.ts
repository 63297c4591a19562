import { rmdirSync, unlinkSync } from 'node:fs'
import { conflict, fail } from './ending.ts'
import { stride, type Found, type Tree } from './tree.ts'
import { isSame, type Spot, type Volume } from './volume.ts'

/** How far a removal came. */
export interface Removed {
  readonly count: number
  /** Why it stopped before all was gone. */
  readonly stop?: unknown
}

/**
 * Removes what `tree` lists from under `name`, and nothing else: what came later, or took the place of something, stops it.
 *
 * It goes from folder to folder by descriptor, and only while each stands where it belongs, so it never follows what another
 * process moves away.
 */
export async function remove(
  volume: Volume,
  folder: Spot,
  name: string,
  tree: Tree,
  signal: AbortSignal,
): Promise<Removed> {
  const removing = new Removing(volume, signal)
  try {
    await removing.at(folder, name, tree.top)
    return { count: removing.count }
  } catch (stop) {
    return { count: removing.count, stop }
  }
}

class Removing {
  count = 0
  private readonly volume: Volume
  private readonly signal: AbortSignal

  constructor(volume: Volume, signal: AbortSignal) {
    this.volume = volume
    this.signal = signal
  }

  async at(folder: Spot, name: string, found: Found): Promise<void> {
    const at = `${folder.at}/${name}`
    if (found.within === undefined) {
      if (!isSame(this.volume.look(folder, name), found)) throw conflict(name, 'was replaced')
      unlinkSync(at)
    } else {
      await this.empty(folder, name, found)
      rmdirSync(at)
    }
    this.count++
    if (this.count % stride === 0) await this.pause()
  }

  private async empty(folder: Spot, name: string, { within = [], ...found }: Found): Promise<void> {
    const { volume } = this
    const spot = volume.step(folder, name)
    try {
      if (!isSame(spot.facts, found)) throw conflict(name, 'was replaced')
      for (const inner of within) {
        // Looked at for each: a folder that is moved away in between takes what it holds along.
        if (volume.whereabouts(spot) !== spot.path) throw conflict(name, 'was moved')
        await this.at(spot, inner.name, inner)
      }
    } finally {
      volume.close(spot)
    }
  }

  private async pause(): Promise<void> {
    await new Promise(setImmediate)
    if (this.signal.aborted) throw fail('cancelled', 'it was cancelled meanwhile')
  }
}
