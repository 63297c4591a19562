import type { Clock } from '../../base/clock.ts'
import { KernelError } from '../../base/errors.ts'
import type { AgentKey } from '../../base/keys.ts'
import { limits } from '../../base/limits.ts'
import { noEntries, signHead, type AgentChain } from './agent-chain.ts'
import { assignedEntry, type AssignedEntry } from './assigned-entry.ts'
import { formatEntry, type Entry, type EntryDraft } from './entry.ts'
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

  get policy(): PolicyMark | undefined {
    return this.#policy
  }

  /**
   * The entry for `draft`, behind the head entry that is due before it, if one is.
   *
   * @throws KernelError ENTRY_INVALID or ENTRY_TOO_LARGE; nothing is assigned then, but for the head
   */
  assign(draft: EntryDraft, into: AssignedEntry[]): AssignedEntry {
    const own = draft.agent === localAgent ? this.#agents.get(localAgent) : undefined
    if (own !== undefined && own.unheaded >= limits.unheadedEntries) into.push(this.#head(own))
    const entry = this.#place(draft)
    into.push(entry)
    return entry
  }

  #head(chain: AgentChain): AssignedEntry {
    const head = signHead(this.#key, this.#origin, localAgent, chain)
    return this.#place({ kind: 'head', agent: localAgent, principal: localAgent, head })
  }

  #place(draft: EntryDraft): AssignedEntry {
    const chain = this.#agents.get(draft.agent) ?? noEntries
    if (chain === noEntries && this.#agents.size >= agentsMax) {
      throw new KernelError('ENTRY_INVALID', `the log has its ${agentsMax} agents already`)
    }
    const time = Math.max(this.#clock.now(), this.#timeMs)
    const entry: Entry = {
      ...draft,
      v: 1,
      seq: this.#size,
      time,
      ...(draft.kind === 'head' ? {} : { agentSeq: chain.next }),
    }
    const assigned = assignedEntry(entry, formatEntry(entry), chain)
    this.#size++
    this.#timeMs = time
    this.#agents.set(draft.agent, assigned.chain)
    if (assigned.digest !== undefined) this.#policy = { seq: assigned.seq, digest: assigned.digest }
    return assigned
  }
}
