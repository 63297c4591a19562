/** What the model says of an entry; a real one must say the same, and may add what no model can foresee. */
export interface Said {
  readonly kind: string
  readonly principal: string
  readonly action?: string
  readonly resource?: string
  /** `seq` of the policy entry in force. */
  readonly policy?: number
  readonly of?: number
  readonly key?: string
  readonly reason?: string
  readonly status?: string
  readonly effect?: string
  readonly error?: string
}

export interface ReferenceEntry extends Said {
  readonly seq: number
  readonly time: number
  readonly agentSeq?: number
}

/** An agent's entries that may go without a signed head (FORMATS, "Agent chain"). */
const unheadedMost = 512

/**
 * The log as FORMATS tells it: a list that only grows. A head of the one agent goes before the entry that would be the 513th
 * without one.
 */
export class ReferenceLog {
  readonly entries: ReferenceEntry[] = []
  private agentSeq = 0
  private unheaded = 0
  private readonly now: () => number

  constructor(now: () => number) {
    this.now = now
    this.append({ kind: 'enroll', principal: 'local' })
  }

  get size(): number {
    return this.entries.length
  }

  /** Where the next entry will stand. */
  get nextSeq(): number {
    return this.size + (this.unheaded === unheadedMost ? 1 : 0)
  }

  append(said: Said): number {
    this.appendDueHead()
    this.unheaded++
    return this.place({ ...said, agentSeq: this.agentSeq++ })
  }

  appendDueHead(): void {
    if (this.unheaded < unheadedMost) return
    this.place({ kind: 'head', principal: 'local' })
    this.unheaded = 0
  }

  /** What a crash left: the first `size` entries. */
  truncate(size: number): void {
    this.entries.length = size
    this.agentSeq = this.entries.filter((entry) => entry.agentSeq !== undefined).length
    this.unheaded = size - 1 - this.entries.findLastIndex(({ kind }) => kind === 'head')
  }

  private place(entry: Said & { readonly agentSeq?: number }): number {
    const seq = this.size
    // The host's clock may go back; the log's does not.
    const time = Math.max(this.now(), this.entries.at(-1)?.time ?? 0)
    this.entries.push({ ...entry, seq, time })
    return seq
  }
}
