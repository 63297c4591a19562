import { accessSync, constants } from 'node:fs'
import type { ActionDefinition, Answer, Call } from '../../provider.ts'
import { flag, optional, shape } from '../params.ts'
import { approach, foreseeApproach, stopIfAborted } from './approach.ts'
import { answering, answerTo, doubt, fail } from './ending.ts'
import { MadeFolders, settle } from './made-folders.ts'
import { readPath } from './path.ts'
import { planMkdir } from './plans.ts'
import { reversalOf } from './reversal.ts'
import type { SharedFolder } from './syncs.ts'
import { Walk, type Ground } from './walk.ts'

/**
 * `fs.mkdir`: makes a folder → `{created}`.
 *
 * With `parents` the folders above it are made too, and one that exists already is as good: `created` is false then.
 */
export function mkdirAction(ground: Ground): ActionDefinition {
  return {
    kind: 'mutate',
    readResource: readPath,
    checkParams: shape({ parents: optional(flag) }),
    perform: (call) => answering(call.resource, () => mkdir(ground, call)),
    foresee: (call) => foresee(ground, call),
    reversal: reversalOf(ground, planMkdir),
  }
}

async function mkdir(ground: Ground, call: Call): Promise<Answer> {
  const { syncs } = ground
  // Taken before the first wait: whoever makes it on demand could not abort it afterwards.
  const { signal } = call
  using walk = new Walk(ground, call)
  const made = new MadeFolders()
  let folder: SharedFolder | undefined
  try {
    const name = approach(walk, call, made)
    if (stands(walk, name, call) || name === undefined) return there
    // Opened before the effect: afterwards a failure to open it could only end uncertain.
    folder = syncs.openFolder(walk.folder)
    stopIfAborted(call, signal)
    walk.guardRest()
    const created = made.make(walk, name)
    // Also tells whether the volume has stored the name as it is spelled.
    if (!stands(walk, name, call, created))
      throw fail('io_error', `\`${call.resource}\` went away while it was made`, true)
    if (!created) return there
    if (await settle(syncs, [folder], made)) return { effect: 'done', result: { created } }
    return doubt(`\`${call.resource}\` was made, but the disk did not confirm it; look whether it is there`).answer
  } catch (error) {
    return made.retract(call.resource, answerTo(error, call.resource))
  } finally {
    folder?.release()
  }
}

const there: Answer = { effect: 'done', result: { created: false } }

/** Whether there is such a folder, and that is as good. @throws Ended where anything stands there that is not */
function stands(walk: Walk, name: string | undefined, call: Call, isOurs = false): boolean {
  const spot = name === undefined ? walk.folder : walk.look(name)
  if (spot === undefined) return false
  if (!spot.facts.isDirectory()) throw fail('already_exists', `\`${call.resource}\` exists already and is a file`)
  if (isOurs || call.params['parents'] === true) return true
  throw fail('already_exists', `\`${call.resource}\` exists already; send \`parents: true\` to take it as it is`)
}

function foresee(ground: Ground, call: Call): Answer | undefined {
  try {
    using walk = new Walk(ground, call)
    if (foreseeApproach(walk, call)) {
      if (stands(walk, walk.segments.at(-1), call)) return undefined
      walk.guardRest()
    }
    accessSync(walk.folder.at, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return answerTo(error, call.resource)
  }
}
