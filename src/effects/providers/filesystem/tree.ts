import { accessSync, constants } from 'node:fs'
import { systemCode } from '../../../base/errors.ts'
import { limits } from '../../../base/limits.ts'
import type { Call } from '../../provider.ts'
import { conflict, fail, refuse, type Ended } from './ending.ts'
import { assertNotOurs } from './own.ts'
import { locate } from './mount.ts'
import { join } from './path.ts'
import { isSame, type Identity, type Spot } from './volume.ts'
import type { Ground } from './walk.ts'

/** What a look found under one name. */
export interface Found extends Identity {
  readonly name: string
  readonly changedNs: bigint
  /** What a folder holds; undefined for a file or a link. */
  readonly within: readonly Found[] | undefined
}

export interface Tree {
  readonly top: Found
  /** Files, folders and links, the top included. */
  readonly size: number
}

export interface LookOver {
  readonly ground: Ground
  readonly call: Call
  readonly signal: AbortSignal
  /** What else must hold of each name, given as names from the top on. @throws Ended */
  readonly judge: (names: readonly string[]) => void
  /** Whether the folders are to be emptied, so that they must be writable. */
  readonly isToBeEmptied?: boolean
}

/** Names that are looked at before others get their turn. */
export const stride = 256

/**
 * Looks at all that stands in `top` before anything is done to it, one descriptor a level.
 *
 * Links count as links and are not followed. What is Kestrel's own, no ordinary file, a mount of the policy or the root of
 * another volume ends it, since what is done to a tree is done to all of it.
 *
 * @throws Ended
 */
export async function lookOver(top: Spot, name: string, options: LookOver): Promise<Tree> {
  const looking = new Looking(top, options)
  const found = await looking.at(top, name, [])
  return { top: found, size: looking.size }
}

/** Refuses what a policy mounts or the system has mounted: it can neither be moved nor removed. @throws Ended */
export function refuseMount({ ground, call }: Pick<LookOver, 'ground' | 'call'>, folder: Spot, spot: Spot): void {
  const { volume } = ground
  const isMount = spot.facts.dev !== folder.facts.dev || volume.mountOf(spot) !== volume.mountOf(folder)
  if (isMount || mountedFolders(ground, call).some((mount) => isSame(mount, spot.facts)))
    throw mountEnding(call.resource)
}

/** Whether the folders of a tree hold the names that they held, as far as their times tell. Waits for nothing. */
export function isAsFound({ volume }: Ground, top: Spot, tree: Tree): boolean {
  const pending = [{ path: `${top.at}/.`, found: tree.top }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, found } = next
    if (found.within === undefined) continue
    const facts = volume.facts(path)
    if (!isSame(facts, found) || facts?.ctimeNs !== found.changedNs) return false
    for (const inner of found.within) pending.push({ path: `${path}/${inner.name}`, found: inner })
  }
  return true
}

class Looking {
  size = 0
  private readonly options: LookOver
  private readonly mount: string
  private readonly mounted: readonly Identity[]

  constructor(top: Spot, options: LookOver) {
    this.options = options
    this.mount = options.ground.volume.mountOf(top)
    this.mounted = mountedFolders(options.ground, options.call)
  }

  async at(spot: Spot, name: string, names: readonly string[]): Promise<Found> {
    if (++this.size % stride === 0) await this.pause()
    const { dev, ino, ctimeNs: changedNs } = spot.facts
    const within = spot.facts.isDirectory() ? await this.in(spot, names) : undefined
    return { name, dev, ino, changedNs, within }
  }

  private async in(folder: Spot, names: readonly string[]): Promise<readonly Found[]> {
    const { volume } = this.options.ground
    const found: Found[] = []
    const inner = this.namesIn(folder)
    if (inner.length > 0 && names.length >= limits.treeDepth)
      throw this.tooLarge(`lies more than ${limits.treeDepth} folders deep`)
    if (inner.length > 0 && this.options.isToBeEmptied === true) accessSync(folder.at, constants.W_OK | constants.X_OK)
    for (const name of inner) {
      const spot = this.step(folder, name)
      try {
        this.judge(spot, [...names, name])
        found.push(await this.at(spot, name, [...names, name]))
      } finally {
        volume.close(spot)
      }
    }
    return found
  }

  private namesIn(folder: Spot): readonly string[] {
    const names: string[] = []
    for (const { name } of this.options.ground.volume.entries(folder)) {
      if (this.size + names.length >= limits.treeEntries)
        throw this.tooLarge(`holds more than ${limits.treeEntries} files`)
      names.push(name)
    }
    return names
  }

  private step(folder: Spot, name: string): Spot {
    const { resource } = this.options.call
    // Node shows bytes that are not UTF-8 as this: such a name can neither be judged nor found again.
    if (name.includes('\ufffd')) throw refuse('unsafe_file', `\`${resource}\` holds a name that is not UTF-8`)
    try {
      return this.options.ground.volume.step(folder, name)
    } catch (error) {
      throw systemCode(error) === 'ENOENT' ? conflict(resource, 'was changed') : error
    }
  }

  private judge(spot: Spot, names: readonly string[]): void {
    const { ground, call, judge } = this.options
    const path = names.reduce(join, call.resource)
    assertNotOurs(spot, path, call.protection)
    if (!spot.facts.isFile() && !spot.facts.isDirectory() && !spot.facts.isSymbolicLink()) {
      throw refuse('unsafe_file', `\`${path}\` is not an ordinary file or folder`)
    }
    const isShadowed = locate(path, call.mounts)?.mount !== locate(call.resource, call.mounts)?.mount
    const isMounted = spot.facts.isDirectory() && this.mounted.some((mount) => isSame(mount, spot.facts))
    if (isShadowed || isMounted || ground.volume.mountOf(spot) !== this.mount) throw mountEnding(path)
    judge(names)
  }

  private async pause(): Promise<void> {
    await new Promise(setImmediate)
    const { call, signal } = this.options
    if (signal.aborted)
      throw fail('cancelled', `\`${call.action}\` of \`${call.resource}\` was cancelled; nothing was changed`, true)
  }

  private tooLarge(does: string): Ended {
    return fail('too_large', `\`${this.options.call.resource}\` ${does}; begin with the folders in it`)
  }
}

/** Asks the policy about a name that turned up in a tree. @throws Ended naming it */
export function askAbout(call: Call, path: string): void {
  const judged = call.judge(path)
  if (judged.refused === undefined) return
  throw refuse(judged.refused, `\`${path}\`: ${judged.message}`, judged.hint)
}

function mountedFolders({ mounts }: Ground, call: Call): readonly Identity[] {
  const found: Identity[] = []
  for (const folder of call.mounts?.values() ?? []) {
    try {
      const mount = mounts.take(folder)
      found.push(mount.spot.facts)
      mount.release()
    } catch {
      // what is not there is in nobody's way
    }
  }
  return found
}

export function mountEnding(path: string): Ended {
  return fail('is_mount', `\`${path}\` is a mount, which stays where it is; name what lies in it`)
}
