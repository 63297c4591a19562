import { concat, equalBytes, fromBase64, fromHex } from '../../base/bytes.ts'
import { canonicalBytes } from '../../base/canonical-json.ts'
import { limits } from '../../base/limits.ts'
import type { Primitives } from '../../base/primitives.ts'
import type { Entry, EntryHead } from '../ledger/entry.ts'
import type { ProblemCode, Problems } from './problem.ts'

interface AgentChain {
  next: number
  /** SPKI DER. */
  publicKey: Uint8Array | undefined
  chain: Uint8Array
  /** Chain values from `headed` on: a head may lag behind the agent. */
  recent: Uint8Array[]
  headed: number
  /** A missing or false head was reported: one is enough. */
  overdue: boolean
}

const chainStart = new Uint8Array(32)

/**
 * Follows each agent's own entries: counted without a gap, chained as c(i) = SHA-256(c(i−1) ‖ leaf hash), and signed by the
 * agent's heads.
 */
export class AgentChains {
  /** False once an entry was lost: counting goes on from what is there, and heads can no longer be recomputed. */
  complete = true
  private readonly agents = new Map<string, AgentChain>()
  private readonly origin: string
  private readonly problems: Problems
  private readonly primitives: Primitives

  constructor(origin: string, problems: Problems, primitives: Primitives) {
    this.origin = origin
    this.problems = problems
    this.primitives = primitives
  }

  lose(): void {
    this.complete = false
  }

  async add(entry: Entry, seq: number, leaf: Uint8Array, file: string): Promise<void> {
    const fault = (code: ProblemCode, message: string): void => this.problems.add({ code, seq, file, message })
    const agent = this.agentOf(entry)
    if (entry.head !== undefined) {
      const why = this.complete ? await this.refuseHead(entry.agent, agent, entry.head) : undefined
      if (why === undefined) return
      fault('head_invalid', why)
      agent.overdue = true
      return
    }
    const agentSeq = entry.agentSeq ?? 0
    if (agentSeq < agent.next || (agentSeq > agent.next && this.complete)) {
      fault('wrong_order', `it says that it is entry ${agentSeq} of its agent, which would be ${agent.next}`)
    }
    if ((entry.kind === 'enroll') !== (agentSeq === 0))
      fault('entry_invalid', 'an agent is enrolled by its first entry')
    if (entry.publicKey !== undefined) agent.publicKey = fromBase64(entry.publicKey)
    agent.next = Math.max(agent.next, agentSeq) + 1
    if (!this.complete) return
    agent.chain = await this.primitives.sha256(concat(agent.chain, leaf))
    agent.recent.push(agent.chain)
    if (agent.recent.length <= limits.unheadedEntries) return
    agent.recent.shift()
    agent.headed++
    if (!agent.overdue)
      fault('head_missing', `more than ${limits.unheadedEntries} entries of its agent are under no head`)
    agent.overdue = true
  }

  private agentOf(entry: Entry): AgentChain {
    const known = this.agents.get(entry.agent)
    if (known !== undefined) return known
    const agent = { next: 0, publicKey: undefined, chain: chainStart, recent: [], headed: 0, overdue: false }
    this.agents.set(entry.agent, agent)
    return agent
  }

  /** Why the head does not hold, or undefined; a head that holds covers what comes up to it. */
  private async refuseHead(name: string, agent: AgentChain, head: EntryHead): Promise<string | undefined> {
    if (agent.publicKey === undefined) return 'its agent has no key'
    const chain = agent.recent[head.upTo - agent.headed]
    if (chain === undefined) return 'it covers entries that its agent does not have, or that an earlier head covered'
    if (!equalBytes(chain, fromHex(head.chain))) return 'its chain is not that of the entries before it'
    const statement = { agent: name, chain: head.chain, origin: this.origin, upTo: head.upTo }
    const holds = await this.primitives.verifyP256(agent.publicKey, canonicalBytes(statement), fromBase64(head.sig))
    if (!holds) return "its signature is not that of its agent's key"
    agent.recent.splice(0, head.upTo - agent.headed + 1)
    agent.headed = head.upTo + 1
    agent.overdue = false
    return undefined
  }
}
