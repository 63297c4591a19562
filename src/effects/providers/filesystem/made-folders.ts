import { closeSync, constants, mkdirSync, rmdirSync } from 'node:fs'
import { systemCode } from '../../../base/errors.ts'
import type { Spot, Volume } from './volume.ts'
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
  async sync(volume: Volume): Promise<void> {
    for (const { parent } of this.made) {
      const fd = openFolder(volume, parent)
      try {
        await syncFolder(volume, fd)
      } finally {
        closeSync(fd)
      }
    }
  }

  /** Removes them, the deepest first. @throws a system error when one is in use by now */
  remove(): void {
    for (const { parent, name } of this.made.splice(0).reverse()) rmdirSync(`${parent.at}/${name}`)
  }
}

export function openFolder(volume: Volume, folder: Spot): number {
  return volume.open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
}

/** Waits until the disk has the names in a folder. */
export async function syncFolder(volume: Volume, fd: number): Promise<void> {
  try {
    await volume.sync(fd)
  } catch (error) {
    // Some network volumes have no such operation for folders; the file itself is on the disk.
    const code = systemCode(error)
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error
  }
}
