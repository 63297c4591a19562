import { linkSync, renameSync, unlinkSync } from 'node:fs'
import { systemCode } from '../../../base/errors.ts'
import type { RandomBytes } from '../../../base/random.ts'
import { conflict, doubt } from './ending.ts'
import { join } from './path.ts'
import { spareName } from './spare-name.ts'
import { isSame, type Identity, type Spot, type Volume } from './volume.ts'

export interface Named {
  readonly folder: Spot
  readonly name: string
  /** As the agent knows it. */
  readonly path: string
}

/**
 * What stood under a name, put under another that nobody knows, in the same folder.
 *
 * The system acts on names, so between a look at a file and its removal another may have taken the name. Here the name is
 * taken away first, then what has it is looked at, and a stranger gets its name back.
 */
export class Aside {
  readonly name: string
  private readonly volume: Volume
  private readonly from: Named

  /** @throws Ended when it was not `expected` that stood there; nothing has happened then */
  constructor(volume: Volume, from: Named, expected: Identity, random: RandomBytes) {
    this.volume = volume
    this.from = from
    this.name = spareName(random)
    renameSync(`${from.folder.at}/${from.name}`, this.at)
    if (isSame(volume.look(from.folder, this.name), expected)) return
    if (!this.putBack()) {
      throw doubt(`\`${from.path}\` was replaced by another process meanwhile; what stood there is at \`${this.path}\``)
    }
    throw conflict(from.path, 'was replaced')
  }

  /** For system calls. */
  get at(): string {
    return `${this.from.folder.at}/${this.name}`
  }

  /** As the agent knows it. */
  get path(): string {
    return join(this.from.path.slice(0, -this.from.name.length - 1) || '/', this.name)
  }

  /** Gives it its name again, where that is free. @returns whether it was */
  putBack(): boolean {
    const { folder, name } = this.from
    const target = `${folder.at}/${name}`
    try {
      const facts = this.volume.look(folder, this.name)
      if (facts === undefined) return false
      if (!facts.isDirectory() && linkTo(this.at, target)) {
        unlinkSync(this.at)
      } else {
        // A volume without hard links, and every folder: the name could be taken in this moment.
        if (this.volume.look(folder, name) !== undefined) return false
        renameSync(this.at, target)
      }
      return true
    } catch {
      return false
    }
  }
}

/** Gives a file a second name, if there is nothing under it. @returns false where the volume or the system allows no such links */
export function linkTo(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    // EPERM is also what the system says of a file of another user (`fs.protected_hardlinks`).
    const code = systemCode(error)
    if (code !== undefined && noLinks.has(code)) return false
    throw error
  }
}

const noLinks: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])
