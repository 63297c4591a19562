import { limits } from '../../base/limits.ts'
import type { Primitives } from '../../base/primitives.ts'
import type { Entry } from '../ledger/entry.ts'
import { AgentChains } from './agent-chains.ts'
import type { ProblemCode, Problems } from './problem.ts'

/** From entry `seq` on the policy file with this digest was in force. */
export interface PolicyChange {
  readonly seq: number
  /** Milliseconds since 1970 UTC. */
  readonly time: number
  /** SHA-256 of the file, hex. */
  readonly digest: string
}

const firstAgent = 'local'

/**
 * What must hold between the entries of a log (spec/formats/entry.md, "Between entries"). Takes them in order; memory grows
 * with the number of agents and of policies, not of entries.
 */
export class EntryRules {
  private readonly problems: Problems
  private readonly chains: AgentChains
  private readonly policies = new Set<number>()
  private time = 0
  /** The latest policies. */
  readonly policyChanges: PolicyChange[] = []

  constructor(origin: string, problems: Problems, primitives: Primitives) {
    this.problems = problems
    this.chains = new AgentChains(origin, problems, primitives)
  }

  /** Entry `seq` could not be read or is not what was logged: what depends on it is not judged. */
  skip(): void {
    this.chains.lose()
  }

  /** @param file the bundle that holds it */
  async check(entry: Entry, seq: number, leaf: Uint8Array, file: string): Promise<void> {
    const fault = (code: ProblemCode, message: string): void => this.problems.add({ code, seq, file, message })
    if (entry.seq !== seq) fault('wrong_order', `it says that it is entry ${entry.seq}`)
    if (entry.time < this.time) fault('wrong_order', 'its time is before that of the entry before it')
    this.time = Math.max(this.time, entry.time)
    if (seq === 0 && (entry.kind !== 'enroll' || entry.agent !== firstAgent)) {
      fault('entry_invalid', `the first entry does not enrol the agent \`${firstAgent}\``)
    }
    if (seq === 1 && entry.kind !== 'policy') fault('entry_invalid', 'the second entry is not the policy')
    if (entry.policy !== undefined && !this.policies.has(entry.policy) && this.chains.complete) {
      fault('entry_invalid', `entry ${entry.policy}, which it names as its policy, is no earlier policy`)
    }
    if (entry.of !== undefined && entry.of >= seq) fault('entry_invalid', '`of` does not name an earlier entry')
    if (entry.kind === 'policy') this.notePolicy(entry, seq)
    await this.chains.add(entry, seq, leaf, file)
  }

  private notePolicy(entry: Entry, seq: number): void {
    this.policies.add(seq)
    this.policyChanges.push({ seq, time: entry.time, digest: entry.digest ?? '' })
    if (this.policyChanges.length > limits.problems) this.policyChanges.shift()
  }
}
