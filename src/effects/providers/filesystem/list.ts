import type { Dirent } from 'node:fs'
import type { JsonObject } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import type { ActionDefinition, Answer, Call } from '../../provider.ts'
import { fail } from './ending.ts'
import { tellingAction, type Existing } from './existing.ts'
import type { Ground } from './walk.ts'

/**
 * `fs.list`: → `{entries: [{name, type}], truncated?}`, sorted by name, with type `file`, `directory`, `link` or `other`.
 *
 * It tells names only and enters nothing. Beyond `limits.listEntries` it keeps those that the volume names first.
 */
export function listAction(ground: Ground): ActionDefinition {
  return tellingAction(ground, (found, call) => list(ground, found, call))
}

function list(ground: Ground, { spot, walk }: Existing, call: Call): Answer {
  if (!spot.facts.isDirectory()) {
    throw fail('not_directory', `\`${call.resource}\` is a file; read it with \`fs.read\``)
  }
  const entries: { readonly name: string; readonly type: string }[] = []
  let truncated = false
  for (const entry of ground.volume.entries(spot)) {
    truncated = entries.length === limits.listEntries
    if (truncated) break
    entries.push({ name: entry.name, type: typeOf(entry) })
  }
  walk.confirm()
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  const result: JsonObject = truncated ? { entries, truncated } : { entries }
  return { effect: 'done', result }
}

function typeOf(entry: Dirent): string {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'directory'
  return entry.isSymbolicLink() ? 'link' : 'other'
}
