import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, read as readCallback, readlinkSync, readSync } from 'node:fs'
import { promisify } from 'node:util'
import { systemCode } from '../../../base/errors.ts'
import { limits } from '../../../base/limits.ts'
import type { Imaging, Protection } from '../../provider.ts'
import { fail } from './ending.ts'
import { assertNotOurs } from './own.ts'
import { agentPath } from './mount.ts'
import { absent, factsOf, type FileState, type FolderState, type State } from './image.ts'
import { join } from './path.ts'
import type { Spot } from './volume.ts'
import { Walk, type Destination, type Ground } from './walk.ts'

const readLater = promisify(readCallback)
const pieceBytes = 1_048_576
/** Below this size a synchronous read is faster than a trip through the thread pool. */
const synchronousBytes = 262_144

/** There can be no image; thrown only in this folder, and caught where images are taken. */
export class Unable extends Error {}

export interface Capturing {
  readonly ground: Ground
  /** Absent where the content is only looked at, to compare it. */
  readonly images?: Imaging
  /** Where only what follows this offset of a file is of interest. */
  readonly from?: number
  /** Where a file stays as it is, and something may follow. */
  readonly endOnly?: boolean
  /** Whether all that a folder holds belongs to it. */
  readonly isDeep?: boolean
}

/** What stands at a path now. @throws Ended where an action would end there too, Unable */
export async function captureAt(capturing: Capturing, where: Destination): Promise<State> {
  return (await captureOnWay(capturing, where)).state
}

/** The same, with the paths of the folders that are missing on the way. */
export async function captureOnWay(
  capturing: Capturing,
  where: Destination,
): Promise<{ readonly missing: readonly string[]; readonly state: State }> {
  using walk = new Walk(capturing.ground, where)
  const { segments } = walk
  const last = segments.at(-1)
  if (last === undefined) throw new Unable(`\`${where.resource}\` is a mount`)
  for (const name of segments.slice(0, -1)) {
    const spot = walk.look(name)
    if (spot === undefined) {
      const missing = segments.slice(walk.depth, -1).map((_, i) => agentPath(walk.place, walk.depth + i + 1))
      return { missing, state: absent }
    }
    walk.into(spot)
  }
  const spot = walk.look(last)
  if (spot === undefined) return { missing: [], state: absent }
  const state = await captureSpot(capturing, spot, where.resource, { entries: 0, protection: where.protection })
  walk.confirm()
  return { missing: [], state }
}

interface Budget {
  entries: number
  readonly protection: Protection
}

async function captureSpot(capturing: Capturing, spot: Spot, path: string, budget: Budget): Promise<State> {
  if (++budget.entries > limits.treeEntries) throw new Unable(`it holds more than ${limits.treeEntries} files`)
  return spot.facts.isFile() ? captureFile(capturing, spot, path) : captureFolder(capturing, spot, path, budget)
}

async function captureFolder(capturing: Capturing, spot: Spot, path: string, budget: Budget): Promise<FolderState> {
  const folder: FolderState = { kind: 'folder', facts: factsOf(spot) }
  if (capturing.isDeep !== true) return folder
  if (path.split('/').length > limits.treeDepth) throw new Unable(`\`${path}\` lies too deep`)
  const entries: { readonly name: string; readonly state: State }[] = []
  const names = [...capturing.ground.volume.entries(spot)].map(({ name }) => name).sort()
  for (const name of names) entries.push({ name, state: await captureEntry(capturing, spot, name, path, budget) })
  return { ...folder, entries }
}

async function captureEntry(
  capturing: Capturing,
  folder: Spot,
  name: string,
  path: string,
  budget: Budget,
): Promise<State> {
  const { volume } = capturing.ground
  // Node shows bytes that are not UTF-8 as this: such a name could not be given back.
  if (name.includes('\ufffd')) throw new Unable(`\`${path}\` holds a name that is not UTF-8`)
  const spot = volume.step(folder, name)
  try {
    assertNotOurs(spot, join(path, name), budget.protection)
    if (spot.facts.isSymbolicLink()) return { kind: 'link', target: readlinkSync(`${folder.at}/${name}`) }
    if (!spot.facts.isFile() && !spot.facts.isDirectory())
      throw new Unable(`\`${join(path, name)}\` is no ordinary file`)
    if (volume.mountOf(spot) !== volume.mountOf(folder))
      throw new Unable(`\`${join(path, name)}\` lies on another volume`)
    return await captureSpot(capturing, spot, join(path, name), budget)
  } finally {
    volume.close(spot)
  }
}

async function captureFile(capturing: Capturing, spot: Spot, path: string): Promise<FileState> {
  const { ground, images } = capturing
  if (images?.forbids('fs.read', path) === true) throw new Unable(`the policy forbids to read \`${path}\``)
  const sizeBytes = Number(spot.facts.size)
  const from = capturing.endOnly === true ? sizeBytes : (capturing.from ?? 0)
  if (sizeBytes < from || sizeBytes - from > limits.contentBytes) throw new Unable(`\`${path}\` has another size`)
  const fd = openAsFound(ground, spot, path)
  try {
    const hash = createHash('sha256')
    const pieces = hashed(read(fd, from, sizeBytes), hash)
    const kept = images === undefined || sizeBytes === from ? await drain(pieces) : await images.keep(pieces)
    const now = fstatSync(fd, { bigint: true })
    if (now.size !== spot.facts.size || now.mtimeNs !== spot.facts.mtimeNs) throw changed(path)
    return {
      kind: 'file',
      sizeBytes,
      ...(from > 0 && { from }),
      sha256: hash.digest('hex'),
      facts: factsOf(spot),
      ...(kept !== undefined && { content: kept }),
    }
  } finally {
    closeSync(fd)
  }
}

function openAsFound({ volume }: Ground, spot: Spot, path: string): number {
  let fd: number
  try {
    fd = volume.open(spot, constants.O_RDONLY)
  } catch (error) {
    if (systemCode(error) === 'EACCES' || systemCode(error) === 'EPERM') throw new Unable(`\`${path}\` may not be read`)
    throw error
  }
  const { ino, dev } = fstatSync(fd, { bigint: true })
  if (ino === spot.facts.ino && dev === spot.facts.dev) return fd
  closeSync(fd)
  throw changed(path)
}

function changed(path: string): Error {
  return fail('changed', `\`${path}\` was changed by somebody else at this moment; try again`, true)
}

async function* read(fd: number, from: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = from; at < end;) {
    const length = Math.min(pieceBytes, end - at)
    const bytes = Buffer.allocUnsafe(length)
    const count =
      end - from <= synchronousBytes
        ? readSync(fd, bytes, 0, length, at)
        : (await readLater(fd, bytes, 0, length, at)).bytesRead
    if (count === 0) return
    yield bytes.subarray(0, count)
    at += count
  }
}

async function* hashed(
  pieces: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    hash.update(piece)
    yield piece
  }
}

async function drain(pieces: AsyncIterable<Uint8Array>): Promise<undefined> {
  for await (const piece of pieces) void piece
}

/** Whether `now` is what `expected` says, as far as it says something. */
export function isAs(now: State, expected: State): boolean {
  if (now.kind === 'file' && expected.kind === 'file') {
    const isSame = now.sizeBytes === expected.sizeBytes && now.sha256 === expected.sha256
    return isSame && (expected.facts === undefined || hasMode(now, expected))
  }
  if (now.kind === 'folder' && expected.kind === 'folder') return hasMode(now, expected) && holdsSame(now, expected)
  if (now.kind === 'link' && expected.kind === 'link') return now.target === expected.target
  return now.kind === 'absent' && expected.kind === 'absent'
}

function hasMode({ facts: now }: FileState | FolderState, { facts: expected }: FileState | FolderState): boolean {
  return expected === undefined || now?.mode === expected.mode
}

function holdsSame({ entries: now }: FolderState, { entries: expected }: FolderState): boolean {
  if (expected === undefined) return true
  if (now?.length !== expected.length) return false
  return expected.every(({ name, state }, index) => {
    const there = now[index]
    return there?.name === name && isAs(there.state, state)
  })
}
