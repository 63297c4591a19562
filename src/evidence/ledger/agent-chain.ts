import { hash } from 'node:crypto'
import { canonicalBytes } from '../../base/canonical-json.ts'
import type { AgentKey } from '../../base/keys.ts'
import type { EntryHead } from './entry.ts'

/** Where the chain over one agent's own entries stands (FORMATS, "Agent chain"). A value: the next one is a new object. */
export interface AgentChain {
  /** The `agentSeq` of the agent's next entry. */
  readonly next: number
  /** c(next − 1), 64 hex; 32 zero bytes before the first entry. */
  readonly chain: string
  /** Entries that are not under a signed head yet. */
  readonly unheaded: number
}

export const noEntries: AgentChain = { next: 0, chain: '0'.repeat(64), unheaded: 0 }

const link = Buffer.alloc(64)

/** c(i) = SHA-256(c(i−1) ‖ leaf hash). @param leafHash 64 hex */
export function extendChain(before: AgentChain, leafHash: string): AgentChain {
  link.write(before.chain, 0, 'hex')
  link.write(leafHash, 32, 'hex')
  return { next: before.next + 1, chain: hash('sha256', link, 'hex'), unheaded: before.unheaded + 1 }
}

/** The agent's signature over its chain so far, `upTo` inclusive. */
export function signHead(key: AgentKey, origin: string, agent: string, at: AgentChain): EntryHead {
  const upTo = at.next - 1
  const signature = key.sign(canonicalBytes({ agent, chain: at.chain, origin, upTo }))
  return { upTo, chain: at.chain, sig: Buffer.from(signature).toString('base64') }
}
