import { mkdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs'
import { systemCode } from '../../../base/errors.ts'
import type { RandomBytes } from '../../../base/random.ts'
import { Aside, linkTo, type Named } from './aside.ts'
import { conflict, doubt, fail, type Ended } from './ending.ts'
import { spareName } from './spare-name.ts'
import { isSame, type Identity, type Volume } from './volume.ts'

/** A file or folder on its way to another name of its volume. */
export interface Relocation {
  readonly volume: Volume
  readonly from: Named
  readonly to: Named
  readonly moved: Identity
  /** The file at `to` that it may replace. */
  readonly replaced: Identity | undefined
  readonly random: RandomBytes
}

/**
 * Gives a file its new name and takes the old one away. Waits for nothing.
 *
 * A bare rename would overwrite what comes to stand at the target in the last moment, and would move whatever stands at the
 * source by then. So the file gets a link that nobody knows, which shows what it is, and from there the new name: as one
 * more link, which the system refuses where something stands, or in the place of the file that it may replace. The old name
 * goes last: after a crash in between the file has both names, never none.
 *
 * @throws Ended
 */
export function relocateFile(relocation: Relocation): void {
  const { volume, from, to, moved, replaced, random } = relocation
  const spare = spareName(random)
  const spareAt = at({ ...to, name: spare })
  if (!linkTo(at(from), spareAt)) {
    renameFile(relocation)
    return
  }
  try {
    if (!isSame(volume.look(to.folder, spare), moved)) throw conflict(from.path, 'was replaced')
    if (replaced === undefined) linkTo(spareAt, at(to))
    else {
      refuseStranger(volume, to, replaced)
      renameSync(spareAt, at(to))
    }
  } catch (error) {
    unlinkSync(spareAt)
    throw error
  }
  if (replaced === undefined) unlinkSync(spareAt)
  dropSource(relocation)
}

function dropSource({ volume, from, to, moved, replaced, random }: Relocation): void {
  try {
    unlinkSync(new Aside(volume, from, moved, random).at)
  } catch (error) {
    const isOnlyThere = replaced === undefined && isSame(volume.look(from.folder, from.name), moved)
    if (isOnlyThere && isSame(volume.look(to.folder, to.name), moved)) {
      unlinkSync(at(to))
      throw error
    }
    throw doubt(
      `\`${to.path}\` has what stood at \`${from.path}\`, but another process has put something there meanwhile`,
    )
  }
}

/** Where there are no hard links: what comes to stand at the target in the last moment is overwritten. */
function renameFile({ volume, from, to, moved, replaced, random }: Relocation): void {
  const aside = new Aside(volume, from, moved, random)
  try {
    if (replaced !== undefined) refuseStranger(volume, to, replaced)
    else if (volume.look(to.folder, to.name) !== undefined) throw existing(to)
    renameSync(aside.at, at(to))
  } catch (error) {
    if (aside.putBack()) throw error
    throw doubt(`\`${from.path}\` was not moved, but its name was taken by another process; it is at \`${aside.path}\``)
  }
}

/**
 * Gives a folder its new name. Waits for nothing.
 *
 * The name is taken first, by an empty folder, which the system refuses where something stands and lets the folder replace
 * as long as it is empty.
 *
 * @throws Ended
 */
export function relocateFolder({ volume, from, to, moved }: Relocation): void {
  mkdirSync(at(to))
  try {
    renameSync(at(from), at(to))
  } catch (error) {
    removeEmpty(at(to))
    throw systemCode(error) === 'EINVAL' ? intoItself(from.path, to.path) : error
  }
  if (isSame(volume.look(to.folder, to.name), moved)) return
  if (moveBack(volume, from, to)) throw conflict(from.path, 'was replaced')
  throw doubt(`\`${from.path}\` was replaced by another process meanwhile; what stood there is at \`${to.path}\``)
}

export function intoItself(from: string, to: string): Ended {
  return fail('into_itself', `\`${to}\` lies in \`${from}\`, and a folder cannot be moved into itself`)
}

export function existing(to: Pick<Named, 'path'>): Ended {
  return fail('already_exists', `\`${to.path}\` exists already; send \`overwrite: true\` to replace a file by a file`)
}

function moveBack(volume: Volume, from: Named, to: Named): boolean {
  try {
    if (volume.look(from.folder, from.name) !== undefined) return false
    renameSync(at(to), at(from))
    return true
  } catch {
    return false
  }
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // it holds something by now, which is not ours
  }
}

function refuseStranger(volume: Volume, to: Named, replaced: Identity): void {
  if (!isSame(volume.look(to.folder, to.name), replaced)) throw conflict(to.path, 'was replaced')
}

function at({ folder, name }: Named): string {
  return `${folder.at}/${name}`
}
