import type { ActionDefinition, Answer, Call } from '../../provider.ts'
import { shape } from '../params.ts'
import { answering, fail, foreseeing } from './ending.ts'
import { readPath } from './path.ts'
import { Walk, type Destination, type Ground } from './walk.ts'
import type { Spot } from './volume.ts'

/** Something that exists, with the walk that holds it open until it is disposed. */
export interface Existing extends Disposable {
  readonly spot: Spot
  readonly walk: Walk
}

/** An action without params that tells of what exists and opens nothing in it. */
export function tellingAction(ground: Ground, tell: (found: Existing, call: Call) => Answer): ActionDefinition {
  const perform = (call: Call): Answer | Promise<Answer> =>
    answering(call.resource, () => {
      using found = findExisting(ground, call)
      return tell(found, call)
    })
  return {
    kind: 'observe',
    readResource: readPath,
    checkParams: shape({}),
    perform,
    foresee: (call) => foreseeing(perform(call)),
  }
}

/** Walks to what the call names, which must exist. @throws Ended */
export function findExisting(ground: Ground, call: Destination): Existing {
  const walk = new Walk(ground, call)
  try {
    const { segments } = walk
    for (const name of segments.slice(0, -1)) walk.into(walk.look(name) ?? missing(call))
    const last = segments.at(-1)
    const spot = last === undefined ? walk.folder : (walk.look(last) ?? missing(call))
    return { spot, walk, [Symbol.dispose]: () => walk[Symbol.dispose]() }
  } catch (ended) {
    walk[Symbol.dispose]()
    throw ended
  }
}

function missing(call: Destination): never {
  throw fail('not_found', `\`${call.resource}\` does not exist; list its folder with \`fs.list\``)
}
