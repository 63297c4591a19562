import { readlinkSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { systemCode } from '../../../base/errors.ts'
import type { Call } from '../../provider.ts'
import { fail, refuse, type Ended } from './ending.ts'
import { agentPath, locate, segmentsOf, type MountedPath } from './mount.ts'
import type { OpenFiles } from './open-files.ts'
import type { OpenMount, OpenMounts } from './open-mounts.ts'
import { isOwn, ownEnding } from './own.ts'
import { foldName, isWithin, join } from './path.ts'
import { correctionOf, type Spelling } from './spelling.ts'
import type { Syncs } from './syncs.ts'
import type { FileSystemKind, Spot, Volume } from './volume.ts'

/** What a walk needs of a call: where to, what that means, and what nobody may touch. */
export type Destination = Pick<Call, 'resource' | 'mounts' | 'protection'>

/** What the actions of one provider share. */
export interface Ground {
  readonly volume: Volume
  readonly spelling: Spelling
  readonly mounts: OpenMounts
  readonly files: OpenFiles
  readonly syncs: Syncs
}

/**
 * A walk from a mount's folder down to where a path leads, one name at a time.
 *
 * Each place is opened before it is judged, and the next name is looked up in what was opened. So nothing that another process
 * renames or swaps meanwhile can turn the walk: it ends at what it has judged, or not at all. Links are never followed, since
 * policy judged the path of the request and not the one that a link names.
 *
 * Every method throws `Ended` with the answer when the walk must stop.
 */
export class Walk implements Disposable {
  readonly place: MountedPath
  /** The names to go, from the mount on. */
  readonly segments: readonly string[]
  private readonly ground: Ground
  private readonly call: Destination
  private readonly mount: OpenMount
  private readonly opened = new Set<Spot>()
  private readonly held = new Set<Spot>()
  private current: Spot
  private isSpeltOneWay = true
  private isOver = false
  /** How many names below the mount the walk has gone. */
  depth = 0

  constructor(ground: Ground, call: Destination) {
    this.ground = ground
    this.call = call
    const place = locate(call.resource, call.mounts)
    if (place === undefined) throw outsideMounts(call)
    this.place = place
    this.segments = segmentsOf(place)
    this.mount = this.openMount()
    this.current = this.mount.spot
    try {
      this.guardPath(this.root.path)
      this.guard(this.root)
      this.refuseSynthetic(this.mount.kind)
    } catch (ended) {
      this[Symbol.dispose]()
      throw ended
    }
  }

  /**
   * Whether there is no doubt that `spot`, just found, is meant by its path and by no other: the mount is no link, no name on
   * the way may be spelt otherwise, and all lies on one volume that tells each change.
   */
  isCertain(spot: Spot): boolean {
    const { root, mount, place } = this
    const isDirect = this.ground.volume.isPinned && mount.kind === 'direct' && spot.facts.dev === root.facts.dev
    return isDirect && this.isSpeltOneWay && root.path === place.folder
  }

  /** The folder that the walk has reached. */
  get folder(): Spot {
    return this.current
  }

  /** The agent's path of the folder that the walk has reached. */
  get folderName(): string {
    return agentPath(this.place, this.depth)
  }

  /** What stands under `name` in the folder reached, judged; undefined where there is nothing. */
  look(name: string): Spot | undefined {
    const { volume } = this.ground
    this.guardPath(join(this.current.path, name))
    let spot: Spot
    try {
      spot = volume.step(this.current, name)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
    this.opened.add(spot)
    if (spot.facts.isSymbolicLink()) throw this.linkEnding(name)
    this.guard(spot)
    if (!spot.facts.isFile() && !spot.facts.isDirectory()) {
      throw refuse('unsafe_file', `\`${join(this.folderName, name)}\` is not an ordinary file or folder`)
    }
    // A file system of another kind begins where the device changes.
    if (spot.facts.dev !== this.current.facts.dev) this.refuseSynthetic(volume.kindOf(spot))
    this.keepSpelling(name, spot)
    return spot
  }

  /** Goes on into a folder that `look` has found. */
  into(spot: Spot): void {
    if (!spot.facts.isDirectory()) {
      throw fail('not_directory', `\`${agentPath(this.place, this.depth + 1)}\` is a file, not a folder`)
    }
    this.release(this.current)
    this.current = spot
    this.depth++
  }

  /** Keeps the folder reached open until the walk is disposed, whatever is entered next. */
  hold(): Spot {
    this.held.add(this.current)
    return this.current
  }

  /** Refuses when the folder reached was moved away since it was opened, so that nothing is done outside the mount. */
  confirm(): void {
    if (this.current === this.root) return
    const now = this.ground.volume.whereabouts(this.current)
    // A volume that folds case may report the spelling that some other process has used.
    if (now === this.current.path || foldName(now) === foldName(this.current.path)) return
    throw refuse('outside_mount', `\`${this.folderName}\` was moved while it was in use`, 'try again')
  }

  [Symbol.dispose](): void {
    if (this.isOver) return
    this.isOver = true
    for (const spot of this.opened) this.ground.volume.close(spot)
    this.mount.release()
  }

  private get root(): Spot {
    return this.mount.spot
  }

  private release(spot: Spot): void {
    // A deep path must not hold one descriptor a level.
    if (spot === this.root || this.held.has(spot)) return
    this.opened.delete(spot)
    this.ground.volume.close(spot)
  }

  private openMount(): OpenMount {
    const { mounts } = this.ground
    try {
      const mount = mounts.take(this.place.folder)
      if (mount.spot.facts.isDirectory()) return mount
      mount.release()
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error
    }
    const does = `the folder behind the mount \`${this.place.mount}\` does not exist`
    throw fail('mount_missing', `${does}; create the folder that \`mounts\` in the policy names for it`)
  }

  /** Judges the whole path where a part of it does not exist yet. */
  guardRest(): void {
    this.guardPath(this.segments.slice(this.depth).reduce(join, this.current.path))
  }

  private guardPath(path: string): void {
    if (this.call.protection.coversPath(path)) throw ownEnding(this.call.resource)
  }

  private guard(spot: Spot): void {
    if (isOwn(spot, this.call.protection)) throw ownEnding(this.call.resource)
  }

  private refuseSynthetic(kind: FileSystemKind): void {
    if (kind !== 'synthetic') return
    throw refuse('unsafe_file', `\`${this.call.resource}\` is made up by the operating system, not stored in a file`)
  }

  private keepSpelling(name: string, spot: Spot): void {
    const { volume, spelling } = this.ground
    if (!spelling.mayDiffer(volume, this.current, name, spot)) return
    this.isSpeltOneWay = false
    const correction = correctionOf(volume, this.current, name, spot)
    if (correction === undefined) return
    const asked = join(this.folderName, name)
    if (correction === '') throw refuse('name_mismatch', `the volume does not list \`${asked}\` under that spelling`)
    const stored = join(this.folderName, correction)
    throw refuse('name_mismatch', `the volume stores \`${asked}\` as \`${stored}\``, `ask for \`${stored}\``)
  }

  /** Only words: where the link leads decides nothing but the reason that is told. */
  private linkEnding(name: string): Ended {
    const asked = join(this.folderName, name)
    const target = this.linkTarget(name)
    if (target === undefined || !isWithin(target, this.root.path)) {
      return refuse('outside_mount', `\`${asked}\` is a link that leads out of the mount \`${this.place.mount}\``)
    }
    const inside = join(this.place.mount, target.slice(this.root.path.length).replace(/^\//, ''))
    const real = inside.length > 1 && inside.endsWith('/') ? inside.slice(0, -1) : inside
    return refuse('unsafe_file', `\`${asked}\` is a link, and links are not followed`, `ask for \`${real}\``)
  }

  private linkTarget(name: string): string | undefined {
    const link = `${this.current.at}/${name}`
    try {
      return realpathSync.native(link)
    } catch {
      // dangling, circular or unreadable: its text must do
    }
    try {
      return resolve(this.current.path, readlinkSync(link))
    } catch {
      return undefined
    }
  }
}

function outsideMounts(call: Destination): Ended {
  const names = [...(call.mounts?.keys() ?? [])].map((name) => `\`${name}\``)
  const hint = names.length === 0 ? 'add a folder to `mounts` in the policy' : `the mounts are ${names.join(', ')}`
  return refuse('outside_mount', `\`${call.resource}\` lies in no mounted folder`, hint)
}
