import { mkdirSync, rmdirSync } from 'node:fs'
import { systemCode } from '../../../base/errors.ts'
import type { Answer } from '../../provider.ts'
import { doubt } from './ending.ts'
import type { SharedFolder, Syncs } from './syncs.ts'
import type { Spot } from './volume.ts'
import type { Walk } from './walk.ts'

/** Waits until the disk has the names of `folders`. @returns false when some may be missing after a power loss */
export async function settle(syncs: Syncs, folders: readonly SharedFolder[], made?: MadeFolders): Promise<boolean> {
  try {
    for (const folder of folders) await folder.sync()
    await made?.sync(syncs)
    return true
  } catch {
    return false
  }
}

/** The folders that one write made on its way, so that they can be made durable with it or taken away again. */
export class MadeFolders {
  private readonly made: { readonly parent: Spot; readonly name: string }[] = []

  /** Makes `name` in the folder that the walk has reached. @returns false for one that another process has made: it is theirs */
  make(walk: Walk, name: string): boolean {
    walk.confirm()
    try {
      mkdirSync(`${walk.folder.at}/${name}`)
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false
      throw error
    }
    this.made.push({ parent: walk.hold(), name })
    return true
  }

  /** Waits until the disk knows them. */
  async sync(syncs: Syncs): Promise<void> {
    for (const { parent } of this.made) {
      const folder = syncs.openFolder(parent)
      try {
        await folder.sync()
      } finally {
        folder.release()
      }
    }
  }

  /** Takes them away again, the deepest first, after an action has failed with `answer`. */
  retract(path: string, answer: Answer): Answer {
    if ('effect' in answer && answer.effect === 'uncertain') return answer
    try {
      for (const { parent, name } of this.made.splice(0).reverse()) rmdirSync(`${parent.at}/${name}`)
      return answer
    } catch {
      return doubt(`\`${path}\` was not written, but a folder that was made for it remains`).answer
    }
  }
}
