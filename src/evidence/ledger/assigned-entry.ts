import { KernelError } from '../../base/errors.ts'
import { extendChain, type AgentChain } from './agent-chain.ts'
import { leafDigest, type Digest } from './digest.ts'
import type { Entry, EntryKind } from './entry.ts'

/** An entry with everything that the ledger assigned. */
export interface AssignedEntry {
  readonly seq: number
  /** Ms since 1970 UTC. */
  readonly time: number
  readonly agent: string
  /** The entry as it stands in the log, there in UTF-8. */
  readonly text: string
  readonly leaf: Digest
  /** Where the agent's chain stands behind the entry. */
  readonly chain: AgentChain
  /** On `policy`. */
  readonly digest: string | undefined
  /** The roots of the tiles that its leaf fills, from the leaves up; known once the tree has grown by it. */
  tileRoots: readonly Digest[]
}

/** What of an entry decides its place. */
export interface EntryFacts {
  readonly seq: number
  readonly time: number
  readonly agent: string
  readonly kind: EntryKind
  readonly digest: string | undefined
}

/**
 * The text of an entry with its leaf hash and its place in its agent's chain.
 *
 * A head signs what is before it and is itself no part of the chain.
 */
export function assignedEntry(
  facts: EntryFacts,
  text: string,
  before: AgentChain,
  leaf: Digest = leafDigest(text),
): AssignedEntry {
  const { seq, time, agent, digest } = facts
  const chain = facts.kind === 'head' ? { ...before, unheaded: 0 } : extendChain(before, leaf)
  return { seq, time, agent, text, leaf, chain, digest, tileRoots: none }
}

const none: readonly Digest[] = []

/** Reads back an entry of the WAL. The WAL's key vouches for the bytes, so only what is used is looked at. */
export function recoveredEntry(
  text: string,
  leaf: Digest | undefined,
  chainOf: (agent: string) => AgentChain,
): AssignedEntry {
  let entry: Entry
  try {
    entry = JSON.parse(text) as Entry
  } catch (cause) {
    throw new KernelError('LEDGER_CORRUPT', 'an entry of the WAL is not JSON', { cause })
  }
  const { seq, time, agent, kind, digest } = entry
  return assignedEntry({ seq, time, agent, kind, digest }, text, chainOf(agent), leaf)
}
