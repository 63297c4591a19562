import { toHex } from '../../base/bytes.ts'
import { isKernelError } from '../../base/errors.ts'
import { webPrimitives, type Primitives } from '../../base/primitives.ts'
import { parseCheckpoint, parseNote, type Checkpoint } from '../ledger/note.ts'
import type { PolicyChange } from './entry-rules.ts'
import type { LogFiles } from './log-files.ts'
import { readHead, signatureProblem, type LogHead } from './log-head.ts'
import { LogWalk } from './log-walk.ts'
import { Problems, type Problem } from './problem.ts'

export interface VerifyLogOptions {
  /** The verifier key that is trusted. Without it the log is only checked against the key in its own folder. */
  readonly vkey?: string
  /** A checkpoint of this log, seen and kept earlier: the log must extend it. */
  readonly since?: Uint8Array
  /** Default: WebCrypto. */
  readonly primitives?: Primitives
  readonly onProgress?: (progress: { readonly entries: number; readonly size: number }) => void
}

/** What `kestrel verify --json` prints. */
export interface Verification {
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
}

/**
 * Verifies a whole log from its files alone: signature, every entry, every tile, every agent's heads, and with `since` that
 * nothing of an earlier state was rewritten. One bundle is in memory at a time.
 *
 * @throws KernelError LEDGER_NOT_FOUND when there is no log, KEY_INVALID when `vkey` is malformed;
 * whatever `files.read` throws
 */
export async function verifyLog(files: LogFiles, options: VerifyLogOptions = {}): Promise<Verification> {
  const { vkey, since, primitives = webPrimitives, onProgress } = options
  const problems = new Problems()
  const earlier = since && readEarlier(since, problems)
  const head = await readHead(files, vkey, problems, primitives)
  const { checkpoint } = head
  if (checkpoint === undefined) {
    return { ok: false, origin: '', size: 0, root: '', problems: problems.list, policyChanges: [] }
  }
  const start = earlier && (await acceptEarlier(earlier, head, checkpoint, problems, primitives))
  const walk = new LogWalk({ files, checkpoint, problems, primitives, ...(start && { earlier: start }) })
  const policyChanges = await walk.run(onProgress)
  const { origin, size, root } = checkpoint
  const found = { origin, size, root: toHex(root), problems: problems.list, policyChanges }
  return { ok: problems.list.length === 0, ...found, ...(start && { since: start.size }) }
}

interface EarlierCheckpoint {
  readonly note: Uint8Array
  readonly checkpoint: Checkpoint
}

function readEarlier(note: Uint8Array, problems: Problems): EarlierCheckpoint | undefined {
  try {
    return { note, checkpoint: parseCheckpoint(parseNote(note).body) }
  } catch (error) {
    if (!isKernelError(error, 'NOTE_INVALID')) throw error
    problems.add({ code: 'file_damaged', message: `the earlier checkpoint: ${error.message}` })
    return undefined
  }
}

/** The earlier checkpoint if the log can be held against it. */
async function acceptEarlier(
  earlier: EarlierCheckpoint,
  head: LogHead,
  current: Checkpoint,
  problems: Problems,
  primitives: Primitives,
): Promise<Checkpoint | undefined> {
  const { note, checkpoint } = earlier
  const refused = head.vkey && (await signatureProblem(note, head.vkey, primitives))
  if (refused !== undefined) {
    problems.add({ code: refused.code, message: `the earlier checkpoint: ${refused.message}` })
    return undefined
  }
  if (checkpoint.origin !== current.origin) {
    problems.add({ code: 'foreign_key', message: 'the earlier checkpoint is of a log with another origin' })
    return undefined
  }
  if (checkpoint.size > current.size) {
    const message = `the log is older than the earlier checkpoint: ${current.size} entries, where there were ${checkpoint.size}`
    problems.add({ code: 'not_an_extension', file: 'checkpoint', message })
    return undefined
  }
  return checkpoint
}
