import { dirname } from 'node:path'
import type { Surroundings } from './check-options.ts'
import type { Findings } from './findings.ts'
import { warnOfNeighbours } from './neighbours.ts'
import type { Node, Place } from './node.ts'
import { warnOfReach } from './reach.ts'
import type { RuleBook } from './rule-book.ts'
import type { PolicyDraft } from './sections/policy-file.ts'
import { warnOfShadows } from './shadows.ts'

/** A policy that loads, as it was written and as it was compiled. */
export interface Loaded {
  readonly node: Node
  readonly draft: PolicyDraft
  readonly book: RuleBook
  /** Absolute. */
  readonly file: string
}

/** Warns of what loads and yet may not be meant. Never keeps a policy from loading. */
export function lint({ node, draft, book, file }: Loaded, surroundings: Surroundings, findings: Findings): void {
  warnOfShadows(book, findings)
  warnOfReach(book, surroundings.actions, findings)
  if (draft.mounts === undefined) return
  const around = { ...surroundings, policyFolder: dirname(file) }
  warnOfNeighbours(draft.mounts, (mount) => placeOfMount(node, mount), book, around, findings)
}

function placeOfMount(node: Node, mount: string): Place {
  const members = node.kind === 'map' ? node.members : []
  const mounts = members.find(({ key }) => key === 'mounts')?.value
  const member = mounts?.kind === 'map' ? mounts.members.find(({ key }) => key === mount) : undefined
  return member?.keyAt ?? node.at
}
