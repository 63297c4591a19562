import { mkdirSync, rmdirSync } from 'node:fs'
import { systemCode } from '../../../base/errors.ts'
import type { Syncs } from './syncs.ts'
import type { Spot } from './volume.ts'
import type { Walk } from './walk.ts'

/** The folders that one write made on its way, so that they can be made durable with it or taken away again. */
export class MadeFolders {
  private readonly made: { readonly parent: Spot; readonly name: string }[] = []

  /** Makes `name` in the folder that the walk has reached. One that another process has made meanwhile is theirs. */
  make(walk: Walk, name: string): void {
    try {
      mkdirSync(`${walk.folder.at}/${name}`)
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return
      throw error
    }
    this.made.push({ parent: walk.hold(), name })
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

  /** Removes them, the deepest first. @throws a system error when one is in use by now */
  remove(): void {
    for (const { parent, name } of this.made.splice(0).reverse()) rmdirSync(`${parent.at}/${name}`)
  }
}
