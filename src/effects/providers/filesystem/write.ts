import { accessSync, constants } from 'node:fs'
import { pooledRandom, type RandomBytes } from '../../../base/random.ts'
import type { ActionDefinition, Answer, Call } from '../../provider.ts'
import { approach, foreseeApproach, stopIfAborted } from './approach.ts'
import { checkContent, contentOf } from './content.ts'
import { Draft } from './draft.ts'
import { answering, answerTo, doubt, fail, refuse } from './ending.ts'
import { assertImaged } from './imaged.ts'
import { MadeFolders, settle } from './made-folders.ts'
import { readPath } from './path.ts'
import { planWrite } from './plans.ts'
import { reversalOf } from './reversal.ts'
import type { SharedFolder } from './syncs.ts'
import { isUnchanged, type Spot } from './volume.ts'
import { Walk, type Ground } from './walk.ts'

/**
 * `fs.write`: replaces or makes a file → `{sizeBytes, created}`.
 *
 * The content goes to a new file beside the old, to the disk, and then takes the name at once: a reader or a crash meets the
 * old content or the new, never a mix. An existing file keeps its mode and, where the user may give it, its owner; other hard
 * links to it keep the old content.
 */
export function writeAction(ground: Ground): ActionDefinition {
  const random = pooledRandom()
  return {
    kind: 'mutate',
    readResource: readPath,
    checkParams: checkContent,
    perform: (call) => answering(call.resource, () => write(ground, call, random)),
    foresee: (call) => foresee(ground, call),
    reversal: reversalOf(ground, planWrite),
  }
}

async function write(ground: Ground, call: Call, random: RandomBytes): Promise<Answer> {
  const { volume, syncs } = ground
  // Taken before the first wait: whoever makes it on demand could not abort it afterwards.
  const { signal } = call
  using walk = new Walk(ground, call)
  const made = new MadeFolders()
  let draft: Draft | undefined
  let folder: SharedFolder | undefined
  try {
    const name = approach(walk, call, made) ?? isFolder(call)
    const replaced = judgeTarget(walk, name, call)
    assertImaged(call, replaced)
    const bytes = contentOf(call.params)
    // Opened before the effect: afterwards a failure to open it could only end uncertain.
    folder = syncs.openFolder(walk.folder)
    draft = new Draft(volume, walk.folder, random)
    await draft.store(bytes, replaced, syncs)
    await publish(ground, walk, draft, { name, replaced, call, signal })
    if (await settle(syncs, [folder], made))
      return { effect: 'done', result: { sizeBytes: bytes.length, created: replaced === undefined } }
    const does = `\`${call.resource}\` was written, but the disk did not confirm it`
    return doubt(`${does}; read it before you write again`).answer
  } catch (error) {
    draft?.discard()
    return made.retract(call.resource, answerTo(error, call.resource))
  } finally {
    folder?.release()
  }
}

interface Target {
  readonly name: string
  readonly replaced: Spot | undefined
  readonly call: Call
  readonly signal: AbortSignal
}

/** Gives the draft its name. Whatever may have changed while the disk worked is judged when the turn has come, just before. */
function publish(ground: Ground, walk: Walk, draft: Draft, { name, replaced, call, signal }: Target): Promise<void> {
  return ground.syncs.inTurn(() => {
    stopIfAborted(call, signal)
    if (draft.wouldTrim(name))
      throw refuse('name_mismatch', `the volume would not store \`${call.resource}\` as it is spelled`)
    judgeAgain(ground, walk, name, replaced, call)
    walk.confirm()
    return draft.publish(name)
  })
}

function foresee(ground: Ground, call: Call): Answer | undefined {
  try {
    using walk = new Walk(ground, call)
    if (foreseeApproach(walk, call)) judgeTarget(walk, walk.segments.at(-1), call)
    accessSync(walk.folder.at, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return answerTo(error, call.resource)
  }
}

/** @returns the file that is replaced, or undefined for a new one. @throws Ended when the name cannot be written */
export function judgeTarget(walk: Walk, name: string | undefined, call: Call): Spot | undefined {
  if (name === undefined) return isFolder(call)
  const replaced = walk.look(name)
  if (replaced === undefined) return undefined
  if (replaced.facts.isDirectory()) isFolder(call)
  // A rename needs no permission of the file that it replaces; the file's own must count all the same.
  accessSync(replaced.at, constants.W_OK)
  return replaced
}

/** The disk took its time: what was judged may be something else by now. @throws Ended as `judgeTarget` */
function judgeAgain({ volume }: Ground, walk: Walk, name: string, replaced: Spot | undefined, call: Call): void {
  const now = volume.look(walk.folder, name)
  const isAsBefore = replaced === undefined ? now === undefined : now !== undefined && isUnchanged(now, replaced.facts)
  if (isAsBefore) walk.guardRest()
  else judgeTarget(walk, name, call)
}

function isFolder(call: Call): never {
  throw fail('is_directory', `\`${call.resource}\` is a folder; write to a file in it`)
}
