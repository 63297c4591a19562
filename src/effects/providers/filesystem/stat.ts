import type { ActionDefinition, Answer, Call } from '../../provider.ts'
import { fail } from './ending.ts'
import { tellingAction, type Existing } from './existing.ts'
import type { Ground } from './walk.ts'

/** `fs.stat`: → `{type: file|directory, sizeBytes, modifiedMs}`, the time in whole ms since 1970 UTC. */
export function statAction(ground: Ground): ActionDefinition {
  return tellingAction(ground, stat)
}

function stat({ spot, walk }: Existing, call: Call): Answer {
  const { facts } = spot
  walk.confirm()
  const sizeBytes = Number(facts.size)
  if (!Number.isSafeInteger(sizeBytes)) {
    throw fail('too_large', `\`${call.resource}\` has ${facts.size} bytes, more than a JSON number tells exactly`)
  }
  const type = facts.isDirectory() ? 'directory' : 'file'
  return { effect: 'done', result: { type, sizeBytes, modifiedMs: Number(facts.mtimeMs) } }
}
