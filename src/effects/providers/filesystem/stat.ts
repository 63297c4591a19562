import type { ActionDefinition, Answer, Call } from '../../provider.ts'
import { shape } from '../params.ts'
import { answering, fail, foreseeing } from './ending.ts'
import { findExisting } from './existing.ts'
import { readPath } from './path.ts'
import type { Ground } from './walk.ts'

/** `fs.stat`: → `{type: file|directory, sizeBytes, modifiedMs}`, the time in whole ms since 1970 UTC. */
export function statAction(ground: Ground): ActionDefinition {
  const perform = (call: Call): Answer | Promise<Answer> => answering(call.resource, () => stat(ground, call))
  return {
    kind: 'observe',
    readResource: readPath,
    checkParams: shape({}),
    perform,
    foresee: (call) => foreseeing(perform(call)),
  }
}

function stat(ground: Ground, call: Call): Answer {
  using found = findExisting(ground, call)
  const { facts } = found.spot
  found.walk.confirm()
  const sizeBytes = Number(facts.size)
  if (!Number.isSafeInteger(sizeBytes)) {
    throw fail('too_large', `\`${call.resource}\` has ${facts.size} bytes, more than a JSON number tells exactly`)
  }
  const type = facts.isDirectory() ? 'directory' : 'file'
  return { effect: 'done', result: { type, sizeBytes, modifiedMs: Number(facts.mtimeMs) } }
}
