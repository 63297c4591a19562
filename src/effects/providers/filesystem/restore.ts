import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { systemCode } from '../../../base/errors.ts'
import type { RandomBytes } from '../../../base/random.ts'
import type { ContentStore, KeptContent } from '../../provider.ts'
import { Aside } from './aside.ts'
import { Draft, giveBack, writeAll } from './draft.ts'
import { refuse, type Ended } from './ending.ts'
import { sightOf, type Facts, type FileState, type FolderState, type Moved, type State } from './image.ts'
import { join } from './path.ts'
import { spareName } from './spare-name.ts'
import { stampOf } from './stamp.ts'
import type { Syncs } from './syncs.ts'
import type { Spot, Volume } from './volume.ts'
import { Walk, type Destination, type Ground } from './walk.ts'

/** Puts states of an image back, one path at a time. */
export interface Restoring {
  readonly ground: Ground
  readonly contents: Pick<ContentStore, 'open'>
  readonly random: RandomBytes
  /** Told before the first change: from then on a failure leaves something half done. */
  readonly begin: () => void
}

/**
 * Makes what stands at `where` what `state` says.
 *
 * @param seen what stood there when the image of now was taken; anything else has come between, and is not touched
 * @throws Ended `undo_conflict`
 */
export async function putBack(
  restoring: Restoring,
  where: Destination,
  state: State,
  seen: State | undefined,
): Promise<void> {
  using walk = new Walk(restoring.ground, where)
  const name = approach(walk, where)
  if (name === undefined) {
    if (state.kind === 'absent') return
    throw conflict(`the folder that held \`${where.resource}\` is gone`)
  }
  const spot = walk.look(name)
  if (seen !== undefined && !isAsSeen(spot, seen)) throw conflict(`\`${where.resource}\` was changed at this moment`)
  const folder = restoring.ground.syncs.openFolder(walk.folder)
  try {
    if (state.kind === 'absent') takeAway(restoring, walk, name, spot, seen)
    else if (state.kind === 'file') await putFile(restoring, walk, { name, spot, path: where.resource }, state)
    else if (state.kind === 'folder') await putFolder(restoring, walk, name, spot, state)
    else throw conflict(`\`${where.resource}\` was a link`)
    await folder.sync()
  } finally {
    folder.release()
  }
}

/** Walks to the folder of the target. @returns the target's name, or undefined where that folder is not there */
function approach(walk: Walk, where: Destination): string | undefined {
  for (const name of walk.segments.slice(0, -1)) {
    const spot = walk.look(name)
    if (spot === undefined) return undefined
    walk.into(spot)
  }
  const last = walk.segments.at(-1)
  if (last === undefined) throw conflict(`\`${where.resource}\` is a mount`)
  return last
}

function isAsSeen(spot: Spot | undefined, seen: State): boolean {
  if (spot === undefined || seen.kind === 'absent') return spot === undefined && seen.kind === 'absent'
  // What else came into a folder is not ours: it is left, and so is the folder.
  if (seen.kind === 'folder' && seen.entries === undefined) return spot.facts.isDirectory()
  return seen.kind !== 'link' && seen.facts?.seen === sightOf(spot)
}

function takeAway(
  { ground, random, begin }: Restoring,
  walk: Walk,
  name: string,
  spot: Spot | undefined,
  seen: State | undefined,
): void {
  if (spot === undefined) return
  walk.confirm()
  begin()
  const path = `${walk.folder.at}/${name}`
  if (spot.facts.isDirectory() && (seen?.kind !== 'folder' || seen.entries === undefined)) return removeIfEmpty(path)
  const place = { folder: walk.folder, name, path: join(walk.folderName, name) }
  const aside = new Aside(ground.volume, place, spot.facts, random)
  if (!spot.facts.isDirectory()) return unlinkSync(aside.at)
  // Where a spot is but a path, it has moved along with the name.
  const moved = ground.volume.step(walk.folder, aside.name)
  try {
    emptyFolder(ground.volume, moved)
  } finally {
    ground.volume.close(moved)
  }
  rmdirSync(aside.at)
}

/** What others put into it since keeps it. */
function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOTEMPTY' && systemCode(error) !== 'EEXIST') throw error
  }
}

function emptyFolder(volume: Volume, folder: Spot): void {
  for (const { name } of [...volume.entries(folder)]) {
    const spot = volume.step(folder, name)
    try {
      if (!spot.facts.isDirectory()) {
        unlinkSync(`${folder.at}/${name}`)
        continue
      }
      emptyFolder(volume, spot)
      rmdirSync(`${folder.at}/${name}`)
    } finally {
      volume.close(spot)
    }
  }
}

interface Target {
  readonly name: string
  readonly spot: Spot | undefined
  readonly path: string
}

async function putFile(restoring: Restoring, walk: Walk, target: Target, state: FileState): Promise<void> {
  const { ground, contents, random, begin } = restoring
  const { name, spot, path } = target
  if (spot?.facts.isDirectory() === true) throw conflict(`a folder stands at \`${path}\` now`)
  if (state.from !== undefined) return putEnd(restoring, spot, path, state, state.from)
  const draft = new Draft(ground.volume, walk.folder, random)
  try {
    await draft.restore(piecesOf(contents, state.content), state.facts, ground.syncs)
    const now = ground.volume.look(walk.folder, name)
    if (now?.ino !== spot?.facts.ino || now?.ctimeNs !== spot?.facts.ctimeNs) {
      throw conflict(`\`${path}\` was changed at this moment`)
    }
    walk.confirm()
    begin()
    await draft.publish(name)
  } catch (error) {
    draft.discard()
    throw error
  }
}

/** Gives a file the end that it had: what comes before stays as it is. */
async function putEnd(
  { ground, contents, begin }: Restoring,
  spot: Spot | undefined,
  path: string,
  state: FileState,
  from: number,
): Promise<void> {
  if (spot === undefined || spot.facts.size < BigInt(from)) throw conflict(`\`${path}\` is shorter than it was`)
  const fd = ground.volume.open(spot, constants.O_WRONLY | constants.O_APPEND)
  try {
    const { ino, dev } = fstatSync(fd, { bigint: true })
    if (ino !== spot.facts.ino || dev !== spot.facts.dev) throw conflict(`\`${path}\` was swapped at this moment`)
    // All of it first: what is damaged must not leave a file without its end.
    const pieces = await Array.fromAsync(piecesOf(contents, state.content))
    begin()
    ftruncateSync(fd, from)
    for (const piece of pieces) writeAll(fd, piece)
    if (state.facts !== undefined) giveBack(fd, state.facts)
    await ground.syncs.inTurn(() => ground.volume.sync(fd))
  } finally {
    closeSync(fd)
  }
}

async function putFolder(
  restoring: Restoring,
  walk: Walk,
  name: string,
  spot: Spot | undefined,
  state: FolderState,
): Promise<void> {
  const { ground, random, begin } = restoring
  if (spot?.facts.isDirectory() === true && state.entries === undefined) return
  if (spot !== undefined) throw conflict('something stands where the folder was')
  walk.confirm()
  const aside = spareName(random)
  mkdirSync(`${walk.folder.at}/${aside}`, 0o700)
  begin()
  const made = ground.volume.step(walk.folder, aside)
  try {
    await fillFolder(restoring, made, state)
    if (ground.volume.look(walk.folder, name) !== undefined) {
      emptyFolder(ground.volume, made)
      rmdirSync(`${walk.folder.at}/${aside}`)
      throw conflict('something came to stand where the folder was')
    }
    renameSync(`${walk.folder.at}/${aside}`, `${walk.folder.at}/${name}`)
  } finally {
    ground.volume.close(made)
  }
}

async function fillFolder(restoring: Restoring, folder: Spot, { entries = [], facts }: FolderState): Promise<void> {
  const { ground, contents } = restoring
  for (const { name, state } of entries) {
    const path = `${folder.at}/${name}`
    if (state.kind === 'link') symlinkSync(state.target, path)
    if (state.kind === 'file')
      await makeFile(path, piecesOf(contents, state.content), state.facts, ground.syncs, ground)
    if (state.kind !== 'folder') continue
    mkdirSync(path, 0o700)
    const below = ground.volume.step(folder, name)
    try {
      await fillFolder(restoring, below, state)
    } finally {
      ground.volume.close(below)
    }
  }
  const fd = ground.volume.open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    if (facts !== undefined) giveBack(fd, facts)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

async function makeFile(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  facts: Facts | undefined,
  syncs: Syncs,
  { volume }: Ground,
): Promise<void> {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
  try {
    for await (const piece of pieces) writeAll(fd, piece)
    if (facts !== undefined) giveBack(fd, facts)
    await syncs.inTurn(() => volume.sync(fd))
  } finally {
    closeSync(fd)
  }
}

/** Gives what was moved its first name again. @throws Ended `undo_conflict` */
export async function moveBack(restoring: Restoring, moved: Moved, to: Destination, from: Destination): Promise<void> {
  const { ground, begin } = restoring
  using source = new Walk(ground, to)
  using target = new Walk(ground, from)
  const [oldName, name] = [approach(source, to), approach(target, from)]
  if (oldName === undefined || name === undefined) throw conflict(`the folder of \`${from.resource}\` is gone`)
  const spot = source.look(oldName)
  if (spot === undefined || (await stampOf(ground.volume, spot, to.protection)) !== moved.stamp)
    throw conflict(`\`${to.resource}\` is another file now`)
  const there = target.look(name)
  if (there !== undefined && (moved.found === undefined || !there.facts.isFile() || !spot.facts.isFile())) {
    throw conflict(`something stands at \`${from.resource}\` now`)
  }
  const folders = [source, target].map((walk) => ground.syncs.openFolder(walk.folder))
  try {
    source.confirm()
    target.confirm()
    begin()
    renameSync(`${source.folder.at}/${oldName}`, `${target.folder.at}/${name}`)
    for (const folder of folders) await folder.sync()
  } finally {
    for (const folder of folders) folder.release()
  }
}

async function* piecesOf(
  contents: Pick<ContentStore, 'open'>,
  kept: KeptContent | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (kept !== undefined) yield* contents.open(kept)
}

export function conflict(why: string): Ended {
  return refuse('undo_conflict', why, 'look at what is there; `--force` puts it back all the same')
}
