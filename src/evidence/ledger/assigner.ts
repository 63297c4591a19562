import type { Clock } from '../../base/clock.ts'
import { KernelError } from '../../base/errors.ts'
import type { AgentKey } from '../../base/keys.ts'
import { limits } from '../../base/limits.ts'
import { noEntries, signHead, type AgentChain } from './agent-chain.ts'
import { assignedEntry, type AssignedEntry } from './assigned-entry.ts'
import { formatDraft, type EntryDraft } from './entry.ts'
import type { LogState, PolicyMark } from './log-state.ts'

/** The kernel's own agent: it signs its heads with the key in the ring. */
export const localAgent = 'local'

/** Agents whose chains a `state` frame can carry. */
const agentsMax = 10_000

/** Gives each entry its place, in the order of the calls: seq, time, agentSeq, leaf hash. */
export class Assigner {
  readonly #origin: string
  readonly #key: AgentKey
  readonly #clock: Clock
  readonly #agents: Map<string, AgentChain>
  #size: number
  #timeMs: number
  #policy: PolicyMark | undefined

  constructor(state: LogState, origin: string, key: AgentKey, clock: Clock) {
    this.#origin = origin
    this.#key = key
    this.#clock = clock
    this.#agents = new Map(state.agents)
    this.#size = state.treeSize
    this.#timeMs = state.timeMs
    this.#policy = state.policy
  }

  get size(): number {
    return this.#size
  }

  get timeMs(): number {
    return this.#timeMs
  }

  get policy(): PolicyMark | undefined {
    return this.#policy
  }

  /** The head entry that must come before the next entry of `agent`, or undefined when none is due. It has its place then. */
  assignHead(agent: string): AssignedEntry | undefined {
    const own = agent === localAgent ? this.#agents.get(localAgent) : undefined
    if (own === undefined || own.unheaded < limits.unheadedEntries) return undefined
    const head = signHead(this.#key, this.#origin, localAgent, own)
    return this.assign({ kind: 'head', agent: localAgent, principal: localAgent, head })
  }

  /** The entry for `draft`. @throws KernelError ENTRY_INVALID or ENTRY_TOO_LARGE; nothing is assigned then */
  assign(draft: EntryDraft): AssignedEntry {
    const chain = this.#agents.get(draft.agent) ?? noEntries
    if (chain === noEntries && this.#agents.size >= agentsMax) {
      throw new KernelError('ENTRY_INVALID', `the log has its ${agentsMax} agents already`)
    }
    const seq = this.#size
    const time = Math.max(this.#clock.now(), this.#timeMs)
    const agentSeq = draft.kind === 'head' ? undefined : chain.next
    const { agent, kind, digest } = draft
    const text = formatDraft(draft, { seq, time, agentSeq })
    const assigned = assignedEntry({ seq, time, agent, kind, digest }, text, chain)
    this.#size++
    this.#timeMs = time
    this.#agents.set(draft.agent, assigned.chain)
    if (assigned.digest !== undefined) this.#policy = { seq: assigned.seq, digest: assigned.digest }
    return assigned
  }
}
