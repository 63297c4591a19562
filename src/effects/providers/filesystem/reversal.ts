import { isKernelError } from '../../../base/errors.ts'
import { pooledRandom } from '../../../base/random.ts'
import type { Answer, Call, Captured, Imaging, Protection, Reversal, Standing } from '../../provider.ts'
import { captureAt, isAs, Unable, type Capturing } from './capture.ts'
import { answerTo, Ended } from './ending.ts'
import { absent, asJson, readImage, type Change, type FileState, type Image, type Moved, type State } from './image.ts'
import { locate } from './mount.ts'
import { conflict, moveBack, putBack, type Restoring } from './restore.ts'
import { findExisting } from './existing.ts'
import { stampOf } from './stamp.ts'
import type { Destination, Ground } from './walk.ts'

/** What an action is about to change, found out before it does. */
export type Plan = Pick<Image, 'changes' | 'moved'>

/**
 * How the actions of this provider are taken back: an image holds what stood at each path that is about to change, and what
 * will stand there afterwards.
 *
 * @param plan takes what one action is about to change
 * @param foresee where the policy judges more than the request names: how the action would end, asked before anything is read
 */
export function reversalOf(
  ground: Ground,
  plan: (planning: { readonly ground: Ground; readonly call: Call; readonly images: Imaging }) => Promise<Plan>,
  foresee: (call: Call) => Promise<Answer | undefined> = () => Promise.resolve(undefined),
): Reversal {
  const random = pooledRandom()
  return {
    async capture(call, images) {
      const ending = await foresee(call)
      return ending === undefined ? capturing(call, () => plan({ ground, call, images })) : { ending }
    },
    recapture: (image, call, images, force) =>
      capturing(call, () => replan(ground, readImage(image), call, images, force)),
    restore: (image, call, contents) => restore({ ground, contents, random }, readImage(image), call),
    compare: (image, { resource, mounts }) =>
      mounts === undefined || hasSameMounts(readImage(image), mounts)
        ? compare(ground, readImage(image), resource)
        : 'neither',
    amountsTo: (image) => amountsTo(readImage(image)),
  }
}

async function capturing(call: Call, plan: () => Promise<Plan>): Promise<Captured> {
  try {
    const { changes, moved } = await plan()
    const paths = [...changes.map(({ path }) => path), ...(moved === undefined ? [] : [moved.from, moved.to])]
    const image: Image = { v: 1, mounts: mountsOf(call, paths), changes, ...(moved !== undefined && { moved }) }
    return { image: asJson(image) }
  } catch (error) {
    if (error instanceof Unable) return { unable: error.message }
    if (isKernelError(error)) return { unable: error.message }
    const ending = answerTo(error, call.resource)
    return { ending }
  }
}

function mountsOf({ mounts }: Call, paths: readonly string[]): Image['mounts'] {
  const found = paths.flatMap((path) => locate(path, mounts) ?? [])
  return Object.fromEntries(found.map(({ mount, folder }) => [mount, folder]))
}

/** What putting `image` back is about to change. */
async function replan(ground: Ground, image: Image, call: Call, images: Imaging, force: boolean): Promise<Plan> {
  assertSameMounts(image, call)
  const changes: Change[] = []
  for (const { path, before, after } of image.changes) {
    const now = await captureAt(capturingOf(ground, after, images), at(call, path))
    if (!force && !isAs(now, after)) throw conflict(`\`${path}\` is no longer as the action left it`)
    changes.push({ path, before: now, after: expected(before) })
  }
  const moved = image.moved === undefined ? undefined : await replanMove(ground, image.moved, call, images, force)
  return { changes, ...(moved !== undefined && { moved }) }
}

function capturingOf(ground: Ground, state: State, images: Imaging): Capturing {
  const from = state.kind === 'file' ? state.from : undefined
  const isDeep = state.kind === 'folder' && state.entries !== undefined
  return { ground, images, isDeep, ...(from !== undefined && { from }) }
}

async function replanMove(
  ground: Ground,
  { from, to, stamp, lost, found }: Moved,
  call: Call,
  images: Imaging,
  force: boolean,
): Promise<Moved> {
  const there = await captureAt({ ground, images }, at(call, from))
  const isAsLeft = there.kind === 'absent' || (found !== undefined && isAs(there, found))
  if (!force && !isAsLeft) throw conflict(`something else stands at \`${from}\` now`)
  using moved = findExisting(ground, at(call, to))
  const now = await stampOf(ground.volume, moved.spot, call.protection)
  if (!force && now !== stamp) throw conflict(`\`${to}\` is no longer what was moved there`)
  return {
    from: to,
    to: from,
    stamp: now,
    ...(there.kind === 'file' && { lost: there }),
    ...(lost !== undefined && { found: expected(lost) as FileState }),
  }
}

/** A state as it is expected later: what it holds is known elsewhere. */
function expected(state: State): State {
  if (state.kind !== 'file') return state
  const { content: _, ...rest } = state
  return rest
}

async function restore(room: Omit<Restoring, 'begin'>, image: Image, call: Call): Promise<Answer> {
  let hasBegun = false
  const restoring: Restoring = { ...room, begin: () => void (hasBegun = true) }
  try {
    assertSameMounts(image, call)
    const seen = call.image === undefined ? undefined : readImage(call.image)
    await putAllBack(restoring, image, call, seen)
    return { effect: 'done' }
  } catch (error) {
    if (!hasBegun) {
      if (isKernelError(error)) return { effect: 'none', error: damaged }
      return answerTo(error, call.resource)
    }
    const message = `\`${call.resource}\` was put back in part only; look at what is there, then undo again with \`--force\``
    return { effect: 'uncertain', error: { code: 'undo_incomplete', message, retryable: false } }
  }
}

const damaged = {
  code: 'image_damaged',
  message: 'the before-image was changed or damaged, so nothing is put back; see `kestrel doctor`',
  retryable: false,
} as const

async function putAllBack(restoring: Restoring, image: Image, call: Call, seen: Image | undefined): Promise<void> {
  const { moved, changes } = image
  if (moved !== undefined) {
    const { moved: now } = seen ?? {}
    const back = now === undefined ? moved : { ...moved, stamp: now.stamp, ...(now.lost && { found: now.lost }) }
    await moveBack(restoring, back, at(call, moved.to), at(call, moved.from))
    if (moved.lost !== undefined) await putBack(restoring, at(call, moved.to), moved.lost, absent)
  }
  const put = (change: Change): Promise<void> => {
    const now = seen?.changes.find(({ path }) => path === change.path)?.before
    return putBack(restoring, at(call, change.path), change.before, now)
  }
  // What has to go goes from the inside out, what comes back comes from the outside in.
  for (const change of changes.toReversed()) if (change.before.kind === 'absent') await put(change)
  for (const change of changes) if (change.before.kind !== 'absent') await put(change)
}

/** Looked at where the image says, without a policy: nothing is told but how it stands. */
async function compare(ground: Ground, image: Image, resource: string): Promise<Standing> {
  const where = { resource, mounts: new Map(Object.entries(image.mounts)), protection: unprotected }
  const stands = async (side: 'before' | 'after'): Promise<boolean> => {
    for (const change of image.changes) {
      const state = change[side]
      const { images: _, ...looking } = capturingOf(ground, state, noImaging)
      if (!isAs(await captureAt(looking, at(where, change.path)), state)) return false
    }
    return image.moved === undefined || stoodMove(ground, image.moved, where, side)
  }
  if (await stands('after')) return 'after'
  return (await stands('before')) ? 'before' : 'neither'
}

async function stoodMove(ground: Ground, moved: Moved, where: Destination, side: 'before' | 'after'): Promise<boolean> {
  const [here, gone] = side === 'before' ? [moved.from, moved.to] : [moved.to, moved.from]
  const left = await captureAt({ ground }, at(where, gone))
  // Of a move that put another one back, the file that was replaced then stands where the thing came from.
  if (!isAs(left, (side === 'before' ? moved.lost : moved.found) ?? absent)) return false
  try {
    using found = findExisting(ground, at(where, here))
    return (await stampOf(ground.volume, found.spot, where.protection)) === moved.stamp
  } catch (error) {
    if (error instanceof Ended) return false
    throw error
  }
}

const unprotected: Protection = { coversPath: () => false, coversIdentity: () => false }
const noImaging: Imaging = {
  keep: () => Promise.reject(new Error('nothing is kept')),
  open: () => {
    throw new Error('nothing is kept')
  },
  forbids: () => false,
}

function amountsTo({ changes, moved }: Image): { action: string; resource: string }[] {
  const steps = changes.map(({ path, before }) => ({ action: amounts[before.kind], resource: path }))
  if (moved === undefined) return steps
  return [...steps, { action: 'fs.move', resource: moved.to }, { action: 'fs.move', resource: moved.from }]
}

const amounts = { absent: 'fs.delete', file: 'fs.write', folder: 'fs.mkdir', link: 'fs.write' } as const

function assertSameMounts(image: Image, { mounts }: Call): void {
  if (hasSameMounts(image, mounts)) return
  throw conflict('the policy mounts another folder now where this was changed')
}

function hasSameMounts(image: Image, mounts: Call['mounts']): boolean {
  return Object.entries(image.mounts).every(([mount, folder]) => {
    const now = locate(mount, mounts)
    return now?.mount === mount && now.folder === folder
  })
}

/** The same call, for another path. */
export function at({ mounts, protection }: Destination, resource: string): Destination {
  return { resource, mounts, protection }
}
