import type { Call } from '../../provider.ts'
import { fail, type Ended } from './ending.ts'
import type { MadeFolders } from './made-folders.ts'
import { join } from './path.ts'
import type { Walk } from './walk.ts'

/** Walks to the folder that holds the target, making folders where `parents` asks for it. @returns the target's name; undefined for the mount itself */
export function approach(walk: Walk, call: Call, made: MadeFolders): string | undefined {
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
  return segments.at(-1)
}

/** The same for a dry run. @returns whether the walk came to the folder that holds the target: else it is still to be made */
export function foreseeApproach(walk: Walk, call: Call): boolean {
  for (const name of walk.segments.slice(0, -1)) {
    const spot = walk.look(name)
    if (spot === undefined) {
      if (call.params['parents'] !== true) throw parentMissing(walk, name)
      walk.guardRest()
      return false
    }
    walk.into(spot)
  }
  return true
}

/** To be asked right before the effect. */
export function stopIfAborted(call: Call, signal: AbortSignal): void {
  if (!signal.aborted) return
  throw fail('cancelled', `\`${call.action}\` of \`${call.resource}\` was cancelled; nothing was changed`, true)
}

function parentMissing(walk: Walk, name: string): Ended {
  return fail(
    'parent_missing',
    `the folder \`${join(walk.folderName, name)}\` does not exist; send \`parents: true\` to make it`,
  )
}
