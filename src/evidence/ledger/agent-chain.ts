import { canonicalBytes } from '../../base/canonical-json.ts'
import type { AgentKey } from '../../base/keys.ts'
import { digestBytes, digestOf, digestToHex, putDigest, zeroDigest, type Digest } from './digest.ts'
import type { EntryHead } from './entry.ts'

/** Where the chain over one agent's own entries stands (FORMATS, "Agent chain"). A value: the next one is a new object. */
export interface AgentChain {
  /** The `agentSeq` of the agent's next entry. */
  readonly next: number
  /** c(next − 1); 32 zero bytes before the first entry. */
  readonly chain: Digest
  /** Entries that are not under a signed head yet. */
  readonly unheaded: number
}

export const noEntries: AgentChain = { next: 0, chain: zeroDigest, unheaded: 0 }

const link = Buffer.alloc(2 * digestBytes)

/** c(i) = SHA-256(c(i−1) ‖ leaf hash). */
export function extendChain(before: AgentChain, leaf: Digest): AgentChain {
  putDigest(link, 0, before.chain)
  putDigest(link, digestBytes, leaf)
  return { next: before.next + 1, chain: digestOf(link), unheaded: before.unheaded + 1 }
}

/** The agent's signature over its chain so far, `upTo` inclusive. */
export function signHead(key: AgentKey, origin: string, agent: string, at: AgentChain): EntryHead {
  const upTo = at.next - 1
  const chain = digestToHex(at.chain)
  const signature = key.sign(canonicalBytes({ agent, chain, origin, upTo }))
  return { upTo, chain, sig: Buffer.from(signature).toString('base64') }
}
