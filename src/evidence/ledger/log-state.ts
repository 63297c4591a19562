import { canonicalBytes } from '../../base/canonical-json.ts'
import { KernelError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'
import { noEntries, type AgentChain } from './agent-chain.ts'
import type { AssignedEntry } from './assigned-entry.ts'
import { digestFromHex, digestToHex } from './digest.ts'
import { Frontier } from './frontier.ts'
import { intentIdBytes, intentIdIn, writeIntentId, type Frame } from './wal/frame.ts'

/** Which policy is in force: the latest `policy` entry. */
export interface PolicyMark {
  readonly seq: number
  /** SHA-256 of the file's bytes, 64 hex. */
  readonly digest: string
}

/**
 * What the ledger must know at one point of the log to go on from there. Saved in `state` frames, so that recovery reads the
 * end of the WAL and never the log.
 */
export class LogState {
  frontier: Frontier = new Frontier()
  /** Time of the last entry, ms since 1970 UTC. */
  timeMs = 0
  policy: PolicyMark | undefined
  readonly agents: Map<string, AgentChain> = new Map()
  /** Intents without a settling entry: id → the bytes of their frame. */
  readonly intents: Map<number, Buffer> = new Map()
  nextIntent = 1

  get treeSize(): number {
    return this.frontier.size
  }

  chainOf(agent: string): AgentChain {
    return this.agents.get(agent) ?? noEntries
  }

  applyEntry(entry: AssignedEntry): void {
    this.frontier.append(entry.leaf, (root) => {
      entry.tileRoots = [...entry.tileRoots, root]
    })
    this.timeMs = entry.time
    this.agents.set(entry.agent, entry.chain)
    if (entry.digest !== undefined) this.policy = { seq: entry.seq, digest: entry.digest }
  }

  applyIntent(bytes: Buffer): void {
    const id = intentIdOf(bytes)
    this.intents.set(id, Buffer.from(bytes))
    this.nextIntent = Math.max(this.nextIntent, id + 1)
  }

  applySettle(id: number): void {
    this.intents.delete(id)
  }

  /** The frames that say all this: one `state`, then an `intent` for each open one, so that older segments can go. */
  frames(): Frame[] {
    const agents: Record<string, { chain: string; next: number; unheaded: number }> = {}
    for (const [agent, { chain, next, unheaded }] of this.agents)
      agents[`=${agent}`] = { chain: digestToHex(chain), next, unheaded }
    const state: JsonObject = {
      agents,
      frontier: this.frontier.peaks().map(digestToHex),
      nextIntent: this.nextIntent,
      size: this.treeSize,
      time: this.timeMs,
      ...(this.policy === undefined ? {} : { policy: { digest: this.policy.digest, seq: this.policy.seq } }),
    }
    const frames: Frame[] = [{ kind: 'state', bytes: Buffer.from(canonicalBytes(state)) }]
    for (const bytes of this.intents.values()) frames.push({ kind: 'intent', bytes })
    return frames
  }

  /** @throws KernelError LEDGER_CORRUPT when `frames` are not what `frames()` gives */
  static fromFrames(frames: readonly Frame[]): LogState {
    const state = new LogState()
    const saved = readSaved(frames)
    state.frontier = Frontier.fromPeaks(saved.size, saved.frontier.map(digestFromHex))
    state.timeMs = saved.time
    state.policy = saved.policy
    for (const [agent, { chain, next, unheaded }] of Object.entries(saved.agents)) {
      state.agents.set(agent.slice(1), { chain: digestFromHex(chain), next, unheaded })
    }
    for (const frame of frames) if (frame.kind === 'intent') state.applyIntent(frame.bytes)
    state.nextIntent = saved.nextIntent
    return state
  }
}

interface Saved {
  readonly agents: Readonly<Record<string, AgentChain>>
  readonly frontier: readonly string[]
  readonly nextIntent: number
  readonly policy?: PolicyMark
  readonly size: number
  readonly time: number
}

/** The tree size that a batch's `state` frame states, or undefined when it has none. */
export function savedSize(frames: readonly Frame[]): number | undefined {
  return frames.some((frame) => frame.kind === 'state') ? readSaved(frames).size : undefined
}

/** The bytes are authenticated by the batch's MAC, so this checks for a defect, not for an attack. */
function readSaved(frames: readonly Frame[]): Saved {
  const frame = frames.find(({ kind }) => kind === 'state')
  const saved = frame === undefined ? undefined : (parsed(frame.bytes) as Saved | undefined)
  const isWhole =
    saved !== undefined &&
    Number.isSafeInteger(saved.size) &&
    Number.isSafeInteger(saved.time) &&
    Number.isSafeInteger(saved.nextIntent) &&
    Array.isArray(saved.frontier) &&
    typeof saved.agents === 'object'
  if (!isWhole) throw new KernelError('LEDGER_CORRUPT', 'a state frame of the WAL does not hold a state')
  return saved
}

function parsed(bytes: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** An intent's frame: id (8 bytes, big-endian) ‖ canonical JSON. */
export function intentFrame(id: number, json: Uint8Array): Frame {
  const bytes = Buffer.allocUnsafe(intentIdBytes + json.length)
  bytes.set(json, writeIntentId(bytes, 0, id))
  return { kind: 'intent', bytes }
}

/** @throws KernelError LEDGER_CORRUPT */
export function intentIdOf(content: Buffer): number {
  const id = intentIdIn(content)
  if (id === undefined) throw new KernelError('LEDGER_CORRUPT', 'an intent frame of the WAL has no id')
  return id
}
