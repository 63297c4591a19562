import { accessSync, constants } from 'node:fs'
import type { JsonObject } from '../../../base/json.ts'
import { pooledRandom, type RandomBytes } from '../../../base/random.ts'
import type { ActionDefinition, Answer, Call } from '../../provider.ts'
import { flag, oneOf, optional, shape, text } from '../params.ts'
import { Draft } from './draft.ts'
import { answering, answerTo, fail, refuse, type Ended } from './ending.ts'
import { MadeFolders } from './made-folders.ts'
import { join, readPath } from './path.ts'
import type { SharedFolder, Syncs } from './syncs.ts'
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
    checkParams: shape(
      { content: text, encoding: optional(oneOf('utf8', 'base64')), parents: optional(flag) },
      refuseBadBase64,
    ),
    perform: (call) => answering(call.resource, () => write(ground, call, random)),
    foresee: (call) => foresee(ground, call),
  }
}

function refuseBadBase64(params: JsonObject): string | undefined {
  if (params['encoding'] !== 'base64') return undefined
  const content = params['content'] as string
  // Buffer skips what is not base64; only a round trip shows that nothing was skipped.
  if (Buffer.from(content, 'base64').toString('base64') === content) return undefined
  return '`content` must be canonical base64 (padded, without spaces or line breaks) when `encoding` is `base64`'
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
    const name = approach(walk, call, made)
    const replaced = judgeTarget(walk, name, call)
    const bytes = contentOf(call.params)
    // Opened before the effect: afterwards a failure to open it could only end uncertain.
    folder = syncs.openFolder(walk.folder)
    draft = new Draft(volume, walk.folder, random)
    await draft.store(bytes, replaced, syncs)
    await publish(ground, walk, draft, { name, replaced, call, signal })
    const isSettled = await settle(syncs, folder, made)
    return isSettled
      ? { effect: 'done', result: { sizeBytes: bytes.length, created: replaced === undefined } }
      : uncertain(`\`${call.resource}\` was written, but the disk did not confirm it; read it before you write again`)
  } catch (error) {
    draft?.discard()
    return retract(made, call, answerTo(error, call.resource))
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
    const { segments } = walk
    for (const name of segments.slice(0, -1)) {
      const spot = walk.look(name)
      if (spot === undefined) {
        if (call.params['parents'] !== true) throw parentMissing(walk, name)
        walk.guardRest()
        break
      }
      walk.into(spot)
    }
    if (walk.depth >= segments.length - 1) judgeTarget(walk, segments.at(-1), call)
    accessSync(walk.folder.at, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return answerTo(error, call.resource)
  }
}

/** Walks to the folder that holds the target, making folders where that is asked. @returns the target's name, if it has one */
function approach(walk: Walk, call: Call, made: MadeFolders): string {
  const { segments } = walk
  for (const name of segments.slice(0, -1)) {
    let spot = walk.look(name)
    if (spot === undefined) {
      if (call.params['parents'] !== true) throw parentMissing(walk, name)
      stopIfAborted(call, call.signal)
      walk.guardRest()
      made.make(walk, name)
      spot = walk.look(name)
      if (spot === undefined)
        throw fail('io_error', `a folder of \`${call.resource}\` went away while it was made`, true)
    }
    walk.into(spot)
  }
  const last = segments.at(-1)
  if (last === undefined) throw isFolder(call)
  return last
}

/** @returns the file that is replaced, or undefined for a new one. @throws Ended when the name cannot be written */
function judgeTarget(walk: Walk, name: string | undefined, call: Call): Spot | undefined {
  if (name === undefined) throw isFolder(call)
  const replaced = walk.look(name)
  if (replaced === undefined) return undefined
  if (replaced.facts.isDirectory()) throw isFolder(call)
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

function contentOf(params: JsonObject): Buffer {
  return Buffer.from(params['content'] as string, params['encoding'] === 'base64' ? 'base64' : 'utf8')
}

function stopIfAborted(call: Call, signal: AbortSignal): void {
  if (signal.aborted) throw fail('cancelled', `writing \`${call.resource}\` was cancelled; nothing was changed`, true)
}

/** Waits until the disk has the new name. @returns false when it may be missing after a power loss */
async function settle(syncs: Syncs, folder: SharedFolder, made: MadeFolders): Promise<boolean> {
  try {
    await folder.sync()
    await made.sync(syncs)
    return true
  } catch {
    return false
  }
}

/** Takes the folders away again that a failed write has made. */
function retract(made: MadeFolders, call: Call, answer: Answer): Answer {
  try {
    made.remove()
    return answer
  } catch {
    return uncertain(`\`${call.resource}\` was not written, but a folder that was made for it remains`)
  }
}

function uncertain(message: string): Answer {
  return { effect: 'uncertain', error: { code: 'io_error', message, retryable: false } }
}

function isFolder(call: Call): Ended {
  return fail('is_directory', `\`${call.resource}\` is a folder; write to a file in it`)
}

function parentMissing(walk: Walk, name: string): Ended {
  return fail(
    'parent_missing',
    `the folder \`${join(walk.folderName, name)}\` does not exist; send \`parents: true\` to make it`,
  )
}
