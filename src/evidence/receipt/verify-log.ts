import { toHex } from '../../base/bytes.ts'
import { defaultPrimitives, type Primitives } from '../../base/primitives.ts'
import { readCosigned, readWitnesses, type Cosigned } from './cosigned.ts'
import { judgeEarlier, type Judged } from './earlier-head.ts'
import type { PolicyChange } from './entry-rules.ts'
import type { HeadMemory, Remembered } from './head-memory.ts'
import type { LogFiles } from './log-files.ts'
import { readHead } from './log-head.ts'
import { LogWalk } from './log-walk.ts'
import { Problems, type Problem } from './problem.ts'

export interface VerifyLogOptions {
  /** The verifier key that is trusted. Without it the log is only checked against the key in its own folder. */
  readonly vkey?: string
  /** Keys of witnesses, each of which must have cosigned the checkpoint. */
  readonly witnesses?: readonly string[]
  /** A checkpoint of this log, seen and kept earlier: the log must extend it. */
  readonly since?: Uint8Array
  /** The last head verified here: the log must extend it, and once it has been verified takes its place. */
  readonly memory?: HeadMemory
  /** Default: those of Node where there is one, else WebCrypto. */
  readonly primitives?: Primitives
  readonly onProgress?: (progress: { readonly entries: number; readonly size: number }) => void
}

/** What `kestrel verify --json` prints. */
export interface Verification extends Cosigned {
  readonly ok: boolean
  /** Empty when the checkpoint is missing or malformed, as is `root`. */
  readonly origin: string
  readonly size: number
  /** Hex. */
  readonly root: string
  /** At most `limits.problems`. */
  readonly problems: readonly Problem[]
  /** The policies that were in force one after another; the latest `limits.problems` of them. */
  readonly policyChanges: readonly PolicyChange[]
  /** Size of the earlier checkpoint that the log was held against; with `ok` it extends that one. */
  readonly since?: number
  /** Absent when there is no memory, or it knew nothing of this log. */
  readonly remembered?: Remembered
}

/**
 * Verifies a whole log from its files alone: signature, every entry, every tile, every agent's heads, the cosignatures of
 * `witnesses`, and with `since` or `memory` that nothing of an earlier state was rewritten. One bundle is in memory at a time.
 *
 * @throws KernelError LEDGER_NOT_FOUND when there is no log, KEY_INVALID when `vkey` or one of `witnesses` is malformed;
 * whatever `files.read` and the memory throw
 */
export async function verifyLog(files: LogFiles, options: VerifyLogOptions = {}): Promise<Verification> {
  const { vkey, since, memory, primitives = defaultPrimitives, onProgress } = options
  const problems = new Problems()
  const witnesses = await readWitnesses(options.witnesses ?? [], primitives)
  const { signed, vkey: key } = await readHead(files, vkey, problems, primitives)
  if (signed === undefined) return unreadable(problems)
  const { checkpoint, note } = signed
  const { origin, size, root } = checkpoint
  if (size === 0)
    problems.add({ code: 'entry_invalid', seq: 0, message: 'a log has at least the entry that begins it' })
  const { problems: unsigned, ...cosigned } = await readCosigned(note, key, witnesses, primitives)
  for (const problem of unsigned) problems.add(problem)
  const kept = await memory?.recall(origin)
  const asked = since && (await judgeEarlier(since, checkpoint, key, 'someone', primitives))
  const recalled = kept && (await judgeEarlier(kept, checkpoint, key, 'memory', primitives))
  if (asked?.unusable !== undefined) problems.add(asked.unusable)
  const judged = [asked, recalled].filter((each) => each !== undefined)
  for (const { problem } of judged) if (problem !== undefined) problems.add(problem)
  const earlier = judged.flatMap(({ head }) => head ?? [])
  const walk = new LogWalk({ files, checkpoint, problems, primitives, earlier })
  const policyChanges = await walk.run(onProgress)
  const ok = problems.list.length === 0
  if (ok && isNews(recalled, size)) await memory?.remember(origin, signed.bytes)
  return {
    ...{ ok, origin, size, root: toHex(root), problems: problems.list, policyChanges, ...cosigned },
    ...(asked?.head !== undefined && { since: asked.head.checkpoint.size }),
    ...rememberedBy(recalled),
  }
}

/** What is kept is replaced by what goes beyond it, never when it cannot be believed: someone should look at that first. */
function isNews(recalled: Judged | undefined, size: number): boolean {
  return recalled === undefined || (recalled.head !== undefined && recalled.head.checkpoint.size < size)
}

function rememberedBy(recalled: Judged | undefined): { readonly remembered?: Remembered } {
  const { head, unusable } = recalled ?? {}
  if (unusable !== undefined) return { remembered: { unusable: unusable.message } }
  return head === undefined ? {} : { remembered: { size: head.checkpoint.size } }
}

function unreadable({ list }: Problems): Verification {
  const cosigned: Cosigned = { witnessed: [], uncheckedSignatures: [] }
  return { ok: false, origin: '', size: 0, root: '', problems: list, policyChanges: [], ...cosigned }
}
