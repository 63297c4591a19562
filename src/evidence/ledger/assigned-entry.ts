import { hash } from 'node:crypto'
import { KernelError } from '../../base/errors.ts'
import { extendChain, type AgentChain } from './agent-chain.ts'
import type { Entry } from './entry.ts'

/** An entry with everything that the ledger assigned. */
export interface AssignedEntry {
  readonly seq: number
  /** Ms since 1970 UTC. */
  readonly time: number
  readonly agent: string
  /** The entry's bytes as they stand in the log. */
  readonly bytes: Buffer
  /** 64 hex. */
  readonly leafHash: string
  /** Where the agent's chain stands behind the entry. */
  readonly chain: AgentChain
  /** On `policy`. */
  readonly digest: string | undefined
}

/**
 * The text of an entry with its leaf hash and its place in its agent's chain.
 *
 * A head signs what is before it and is itself no part of the chain.
 */
export function assignedEntry(entry: Entry, text: string, before: AgentChain): AssignedEntry {
  const leaf = Buffer.from(`\0${text}`)
  const leafHash = hash('sha256', leaf, 'hex')
  const isHead = entry.kind === 'head'
  return {
    seq: entry.seq,
    time: entry.time,
    agent: entry.agent,
    bytes: leaf.subarray(1),
    leafHash,
    chain: isHead ? { ...before, unheaded: 0 } : extendChain(before, leafHash),
    digest: entry.digest,
  }
}

/** Reads back an entry of the WAL. The batch's MAC vouches for the bytes, so only what is used is looked at. */
export function recoveredEntry(bytes: Buffer, chainOf: (agent: string) => AgentChain): AssignedEntry {
  const text = bytes.toString('utf8')
  let entry: Entry
  try {
    entry = JSON.parse(text) as Entry
  } catch (cause) {
    throw new KernelError('LEDGER_CORRUPT', 'an entry of the WAL is not JSON', { cause })
  }
  return assignedEntry(entry, text, chainOf(entry.agent))
}
