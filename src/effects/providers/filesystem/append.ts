import { accessSync, closeSync, constants, fstatSync } from 'node:fs'
import type { ActionDefinition, Answer, Call } from '../../provider.ts'
import { addTo } from './addition.ts'
import { approach, foreseeApproach, stopIfAborted } from './approach.ts'
import { checkContent, contentOf } from './content.ts'
import { answering, answerTo, conflict, doubt, isDoubt, refuse } from './ending.ts'
import { assertImaged } from './imaged.ts'
import { MadeFolders, settle } from './made-folders.ts'
import { NewFile } from './new-file.ts'
import { readPath } from './path.ts'
import { planAppend } from './plans.ts'
import { reversalOf } from './reversal.ts'
import type { SharedFolder } from './syncs.ts'
import { isSame, type Spot } from './volume.ts'
import { Walk, type Ground } from './walk.ts'
import { judgeTarget } from './write.ts'

/**
 * `fs.append`: adds to the end of a file, or makes it → `{sizeBytes, created}`, the size of the whole file.
 *
 * It writes in place, in one go, so that what others append stays whole. Therefore a file with further hard links is refused:
 * they may lie where the policy allows nothing.
 */
export function appendAction(ground: Ground): ActionDefinition {
  return {
    kind: 'mutate',
    readResource: readPath,
    checkParams: checkContent,
    perform: (call) => answering(call.resource, () => append(ground, call)),
    foresee: (call) => foresee(ground, call),
    reversal: reversalOf(ground, planAppend),
  }
}

async function append(ground: Ground, call: Call): Promise<Answer> {
  const { volume, syncs } = ground
  // Taken before the first wait: whoever makes it on demand could not abort it afterwards.
  const { signal } = call
  using walk = new Walk(ground, call)
  const made = new MadeFolders()
  let folder: SharedFolder | undefined
  let fd: number | undefined
  try {
    const name = approach(walk, call, made) as string
    const target = judgeAppendable(walk, name, call)
    assertImaged(call, target)
    // Opened before the effect: afterwards a failure to open it could only end uncertain.
    folder = target === undefined ? syncs.openFolder(walk.folder) : undefined
    stopIfAborted(call, signal)
    const file = target === undefined ? new NewFile(volume, walk, name, call.resource) : undefined
    fd = file?.fd ?? openAsJudged(ground, target as Spot, call)
    const sizeBytes = addOrDiscard(walk, fd, file, call)
    if (await isOnDisk(ground, fd, folder, made))
      return { effect: 'done', result: { sizeBytes, created: file !== undefined } }
    const does = `\`${call.resource}\` was appended to, but the disk did not confirm it`
    return doubt(`${does}; read its end before you append again`).answer
  } catch (error) {
    return made.retract(call.resource, answerTo(error, call.resource))
  } finally {
    if (fd !== undefined) closeSync(fd)
    folder?.release()
  }
}

function addOrDiscard(walk: Walk, fd: number, file: NewFile | undefined, call: Call): number {
  try {
    walk.confirm()
    return addTo(fd, contentOf(call.params), call.resource)
  } catch (ended) {
    // Where nobody knows what is in it, others may have added something.
    if (file === undefined || isDoubt(ended) || file.discard()) throw ended
    throw doubt(`\`${call.resource}\` was made, but nothing was appended; an empty file may remain`)
  }
}

async function isOnDisk(
  ground: Ground,
  fd: number,
  folder: SharedFolder | undefined,
  made: MadeFolders,
): Promise<boolean> {
  const { volume, syncs } = ground
  try {
    await syncs.inTurn(() => volume.sync(fd))
  } catch {
    return false
  }
  return folder === undefined || (await settle(syncs, [folder], made))
}

/** @returns the file, or undefined for a new one. @throws Ended when it cannot be appended to */
function judgeAppendable(walk: Walk, name: string | undefined, call: Call): Spot | undefined {
  const target = judgeTarget(walk, name, call)
  if (target === undefined) walk.guardRest()
  else refuseLinked(target.facts.nlink, call)
  return target
}

function refuseLinked(links: bigint, call: Call): void {
  if (links === 1n) return
  const does = `\`${call.resource}\` has other hard links, and to append to it would change what lies there`
  throw refuse('unsafe_file', does, 'write it with `fs.write`, which leaves the others as they are')
}

/** The very file that was judged, open to append. */
function openAsJudged({ volume }: Ground, target: Spot, call: Call): number {
  const fd = volume.open(target, constants.O_WRONLY | constants.O_APPEND)
  try {
    const facts = fstatSync(fd, { bigint: true })
    if (!isSame(facts, target.facts) || !facts.isFile()) throw conflict(call.resource, 'was replaced')
    refuseLinked(facts.nlink, call)
    return fd
  } catch (ended) {
    closeSync(fd)
    throw ended
  }
}

function foresee(ground: Ground, call: Call): Answer | undefined {
  try {
    using walk = new Walk(ground, call)
    const target = foreseeApproach(walk, call) ? judgeAppendable(walk, walk.segments.at(-1), call) : undefined
    if (target === undefined) accessSync(walk.folder.at, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return answerTo(error, call.resource)
  }
}
