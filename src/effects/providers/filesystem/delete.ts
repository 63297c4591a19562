import { accessSync, constants } from 'node:fs'
import { pooledRandom, type RandomBytes } from '../../../base/random.ts'
import type { ActionDefinition, Answer, Call } from '../../provider.ts'
import { flag, optional, shape } from '../params.ts'
import { stopIfAborted } from './approach.ts'
import { Aside } from './aside.ts'
import { answering, answerTo, conflict, doubt, fail } from './ending.ts'
import { findExisting, type Existing } from './existing.ts'
import { assertTreeImaged } from './imaged.ts'
import { settle } from './made-folders.ts'
import { join, readPath } from './path.ts'
import { planDelete } from './plans.ts'
import { remove } from './removal.ts'
import { reversalOf } from './reversal.ts'
import { askAbout, isAsFound, lookOver, mountEnding, refuseMount, type Tree } from './tree.ts'
import type { Ground } from './walk.ts'

/**
 * `fs.delete`: removes a file or an empty folder, with `recursive` a folder with all it holds → `{deleted}`, their number.
 *
 * All that is to go is looked at and judged before anything goes. Then it loses its name in one step, and what was looked at is
 * removed from there. What other processes put in meanwhile stays, and so does what they swap in.
 */
export function deleteAction(ground: Ground): ActionDefinition {
  const random = pooledRandom()
  return {
    kind: 'mutate',
    readResource: readPath,
    checkParams: shape({ recursive: optional(flag) }),
    perform: (call) => answering(call.resource, () => deleteIt(ground, call, random)),
    foresee: (call) => foresee(ground, call),
    // What may not be deleted is not read for an image either.
    reversal: reversalOf(ground, planDelete, (call) => foresee(ground, call)),
  }
}

async function foresee(ground: Ground, call: Call): Promise<Answer | undefined> {
  try {
    using found = findExisting(ground, call)
    await judge(ground, call, found, call.signal)
    accessSync(found.walk.folder.at, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return answerTo(error, call.resource)
  }
}

async function deleteIt(ground: Ground, call: Call, random: RandomBytes): Promise<Answer> {
  const { volume, syncs } = ground
  // Taken before the first wait: whoever makes it on demand could not abort it afterwards.
  const { signal } = call
  using found = findExisting(ground, call)
  const { spot, walk } = found
  const tree = await judge(ground, call, found, signal)
  assertTreeImaged(call, tree.top)
  const shared = syncs.openFolder(walk.folder)
  try {
    stopIfAborted(call, signal)
    if (!isAsFound(ground, spot, tree)) throw conflict(call.resource, 'was changed')
    walk.confirm()
    const place = { folder: walk.folder, name: tree.top.name, path: call.resource }
    const aside = new Aside(volume, place, spot.facts, random)
    const { count, stop } = await remove(volume, walk.folder, aside.name, tree, signal)
    if (stop !== undefined) return stopped(call, { count, stop, aside, tree })
    if (await settle(syncs, [shared])) return { effect: 'done', result: { deleted: count } }
    return doubt(`\`${call.resource}\` was deleted, but the disk did not confirm it; look whether it is there`).answer
  } finally {
    shared.release()
  }
}

/** @returns what is to go, once all of it was found to be fit. @throws Ended */
async function judge(ground: Ground, call: Call, { spot, walk }: Existing, signal: AbortSignal): Promise<Tree> {
  const name = walk.segments.at(-1)
  if (name === undefined) throw mountEnding(call.resource)
  refuseMount({ ground, call }, walk.folder, spot)
  if (spot.facts.isDirectory() && call.params['recursive'] !== true) refuseFull(ground, call, spot)
  const judgeName = (names: readonly string[]): void => askAbout(call, names.reduce(join, call.resource))
  return lookOver(spot, name, { ground, call, signal, judge: judgeName, isToBeEmptied: true })
}

function refuseFull({ volume }: Ground, call: Call, spot: Existing['spot']): void {
  const [first] = volume.entries(spot)
  if (first === undefined) return
  throw fail(
    'not_empty',
    `\`${call.resource}\` is a folder with files in it; send \`recursive: true\` to delete all of it`,
  )
}

interface Stop {
  readonly count: number
  readonly stop: unknown
  readonly aside: Aside
  readonly tree: Tree
}

/** Half-way: what remains gets its name back, so that it is found where it was. */
function stopped(call: Call, { count, stop, aside, tree }: Stop): Answer {
  const isBack = aside.putBack()
  if (count === 0 && isBack) return answerTo(stop, call.resource)
  const remains = isBack ? `the rest stands there` : `the rest is at \`${aside.path}\``
  return doubt(`of \`${call.resource}\` ${count} of ${tree.size} files and folders are deleted; ${remains}`).answer
}
