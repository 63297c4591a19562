import type { Call } from '../../provider.ts'
import { fail } from './ending.ts'
import { Walk, type Ground } from './walk.ts'
import type { Spot } from './volume.ts'

/** Something that exists, with the walk that holds it open until it is disposed. */
export interface Existing extends Disposable {
  readonly spot: Spot
  readonly walk: Walk
}

/** Walks to what the call names, which must exist. @throws Ended */
export function findExisting(ground: Ground, call: Call): Existing {
  const walk = new Walk(ground, call)
  try {
    const { segments } = walk.place
    for (const name of segments.slice(0, -1)) walk.into(walk.look(name) ?? missing(call))
    const last = segments.at(-1)
    const spot = last === undefined ? walk.folder : (walk.look(last) ?? missing(call))
    return { spot, walk, [Symbol.dispose]: () => walk[Symbol.dispose]() }
  } catch (ended) {
    walk[Symbol.dispose]()
    throw ended
  }
}

function missing(call: Call): never {
  throw fail('not_found', `\`${call.resource}\` does not exist; list its folder with \`fs.list\``)
}
