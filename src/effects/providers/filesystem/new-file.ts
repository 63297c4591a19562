import { closeSync, constants, fstatSync, openSync, unlinkSync } from 'node:fs'
import { systemCode } from '../../../base/errors.ts'
import { conflict, doubt } from './ending.ts'
import { isSame, type Spot, type Volume } from './volume.ts'
import type { Walk } from './walk.ts'

/** An empty file that has just been made to be appended to, where nothing stood. */
export class NewFile {
  readonly fd: number
  private readonly volume: Volume
  private readonly folder: Spot
  private readonly name: string

  /** @throws Ended when another was faster, or when the volume does not store the name as it is spelled */
  constructor(volume: Volume, walk: Walk, name: string, path: string) {
    this.volume = volume
    this.folder = walk.folder
    this.name = name
    walk.confirm()
    this.fd = openNew(`${walk.folder.at}/${name}`, path)
    try {
      // The look tells also how the volume spells it.
      if (!isSame(walk.look(name)?.facts, fstatSync(this.fd, { bigint: true }))) throw conflict(path, 'was replaced')
    } catch (ended) {
      const isGone = this.discard()
      closeSync(this.fd)
      throw isGone
        ? ended
        : doubt(`\`${path}\` was replaced by another process while it was made; an empty file may remain`)
    }
  }

  /** Takes it away again. @returns whether it is surely gone */
  discard(): boolean {
    try {
      if (!isSame(this.volume.look(this.folder, this.name), fstatSync(this.fd, { bigint: true }))) return false
      unlinkSync(`${this.folder.at}/${this.name}`)
      return true
    } catch {
      return false
    }
  }
}

function openNew(at: string, path: string): number {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  try {
    return openSync(at, flags, 0o666)
  } catch (error) {
    throw systemCode(error) === 'EEXIST' ? conflict(path, 'was made') : error
  }
}
