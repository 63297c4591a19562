import { join } from 'node:path'
import { KernelError } from '../../base/errors.ts'
import type { KeyRing } from '../../base/keys.ts'
import { recoveredEntry, type AssignedEntry } from './assigned-entry.ts'
import type { FileLayer } from './file-layer.ts'
import { headPath, readHead, readSigned } from './head-file.ts'
import { intentIdOf, LogState, savedSize } from './log-state.ts'
import type { Checkpoint } from './note.ts'
import { Authenticator } from './wal/authenticator.ts'
import { entryText, type Batch } from './wal/batch.ts'
import type { Frame } from './wal/frame.ts'
import { scanWal, type WalScan } from './wal/scan.ts'
import { segmentName } from './wal/segment.ts'
import { newWal, type WalResume } from './wal/wal.ts'

/** What an open ledger starts from. */
export interface Recovered {
  /** At the end of the WAL. */
  readonly state: LogState
  /** What the published files hold; undefined before the first checkpoint. */
  readonly published: Checkpoint | undefined
  /** Entries behind that, in order. */
  readonly unpublished: readonly AssignedEntry[]
  readonly resume: WalResume
}

/**
 * Finds out where the log stands: from the checkpoint file, the end of the WAL, and the last head in the keys directory.
 *
 * All that is found is on stable storage when this resolves, and a torn tail is wiped, so that nothing of it can follow a
 * later batch by accident.
 *
 * @param directory `…/ledger`
 * @throws KernelError LEDGER_CORRUPT, LEDGER_ROLLED_BACK
 */
export async function recover(directory: string, keys: KeyRing, files: FileLayer): Promise<Recovered> {
  const published = await readSigned(join(directory, 'checkpoint'), keys.vkey)
  const head = await readHead(keys)
  const scan = await scanWal({
    directory: join(directory, 'wal'),
    origin: keys.origin,
    authenticator: new Authenticator(keys.walKey),
    publishedSize: published?.size ?? 0,
  })
  if (scan === undefined) return nothingYet(directory, keys, published, head)
  const replay = replayBatches(scan.batches, published, head)
  assertNothingLost(directory, keys, scan, replay, published, head)
  await settleTail(directory, scan, files)
  return { state: replay.state, published, unpublished: replay.unpublished, resume: scan.resume }
}

function nothingYet(
  directory: string,
  keys: KeyRing,
  published: Checkpoint | undefined,
  head: Checkpoint | undefined,
): Recovered {
  if (published !== undefined) {
    const advice =
      'restore the whole data directory from a backup; the published log still verifies with `kestrel verify`'
    throw new KernelError(
      'LEDGER_CORRUPT',
      `\`${join(directory, 'wal')}\` is missing, empty, or in bytes that this log's key did not write; ${advice}`,
    )
  }
  if (head !== undefined) throw rolledBack(directory, keys, 0, head)
  return { state: new LogState(), published, unpublished: [], resume: newWal }
}

function replayBatches(
  batches: readonly Batch[],
  published: Checkpoint | undefined,
  head: Checkpoint | undefined,
): Replay {
  const publishedSize = published?.size ?? 0
  const start = batches.findLastIndex(
    ({ frames, trailer }) => trailer !== undefined && (savedSize(frames) ?? Infinity) <= publishedSize,
  )
  const replay = new Replay(LogState.fromFrames(batches[start]?.frames ?? []), published, head)
  for (const batch of batches.slice(start + 1)) replay.apply(batch)
  return replay
}

/** What the batches of the WAL make of the state they start from. */
class Replay {
  readonly state: LogState
  readonly unpublished: AssignedEntry[] = []
  /** Whether the WAL came by the size of the checkpoint file, and of the head, with their root. */
  agreesWithPublished: boolean
  agreesWithHead: boolean
  readonly #published: Checkpoint | undefined
  readonly #head: Checkpoint | undefined

  constructor(state: LogState, published: Checkpoint | undefined, head: Checkpoint | undefined) {
    this.state = state
    this.#published = published
    this.#head = head
    this.agreesWithPublished = published === undefined || isRootOf(state, published)
    this.agreesWithHead = head === undefined || head.size < state.treeSize || isRootOf(state, head)
  }

  /** @throws KernelError LEDGER_CORRUPT */
  apply({ frames, trailer }: Batch): void {
    if (trailer !== undefined && trailer.firstSeq !== this.state.treeSize)
      throw new KernelError('LEDGER_CORRUPT', 'the WAL skips entries')
    for (const frame of frames) this.#applyFrame(frame)
    if (trailer !== undefined && trailer.root !== this.state.frontier.root()) {
      throw new KernelError('LEDGER_CORRUPT', 'the entries in the WAL do not give the root that it states')
    }
  }

  #applyFrame(frame: Frame): void {
    const { kind, bytes, leaf } = frame
    if (kind === 'intent') this.state.applyIntent(bytes)
    if (kind !== 'entry' && kind !== 'settle') return
    const entry = recoveredEntry(entryText(frame), leaf, (agent) => this.state.chainOf(agent))
    if (entry.seq !== this.state.treeSize)
      throw new KernelError('LEDGER_CORRUPT', 'the WAL holds an entry out of order')
    this.state.applyEntry(entry)
    if (kind === 'settle') this.state.applySettle(intentIdOf(bytes))
    if (entry.seq >= (this.#published?.size ?? 0)) this.unpublished.push(entry)
    if (this.#published !== undefined) this.agreesWithPublished ||= isRootOf(this.state, this.#published)
    if (this.#head !== undefined) this.agreesWithHead ||= isRootOf(this.state, this.#head)
  }
}

function isRootOf(state: LogState, checkpoint: Checkpoint): boolean {
  return state.treeSize === checkpoint.size && state.frontier.root() === Buffer.from(checkpoint.root).toString('latin1')
}

function assertNothingLost(
  directory: string,
  keys: KeyRing,
  scan: WalScan,
  replay: Replay,
  published: Checkpoint | undefined,
  head: Checkpoint | undefined,
): void {
  const size = replay.state.treeSize
  const signed = Math.max(published?.size ?? 0, head?.size ?? 0)
  if (size < signed && scan.tail?.isTorn === true) {
    const place = `\`${scan.tail.path}\` at offset ${scan.tail.offset}`
    const what = `the WAL ends with entry ${size - 1}, but a checkpoint covers ${signed} entries`
    throw new KernelError('LEDGER_CORRUPT', `${place}: ${what}; restore the data directory from a backup`)
  }
  if (head !== undefined && (size < head.size || !replay.agreesWithHead)) throw rolledBack(directory, keys, size, head)
  if (!replay.agreesWithPublished) {
    const what = 'is not of the log that the WAL continues'
    throw new KernelError(
      'LEDGER_CORRUPT',
      `\`${join(directory, 'checkpoint')}\` ${what}; restore both from one backup`,
    )
  }
}

function rolledBack(
  directory: string,
  keys: KeyRing,
  size: number,
  head: Checkpoint,
): KernelError<'LEDGER_ROLLED_BACK'> {
  const facts =
    size < head.size
      ? `\`${directory}\` holds ${size} entries, its key has signed ${head.size}`
      : `\`${directory}\` and its key differ about the first ${head.size} entries`
  const advice =
    'this is an older or another copy of the data directory: use the newest one, or start a new log with `kestrel init`'
  return new KernelError('LEDGER_ROLLED_BACK', `${facts} (\`${headPath(keys)}\`); ${advice}`)
}

async function settleTail(directory: string, { resume, tail }: WalScan, files: FileLayer): Promise<void> {
  const path = tail?.path ?? join(directory, 'wal', segmentName(resume.end.epoch))
  const fd = files.open(path, false)
  try {
    if (tail !== undefined && tail.endOffset > tail.offset) {
      files.write(fd, Buffer.alloc(tail.endOffset - tail.offset), tail.offset)
    }
    await files.sync(fd)
  } finally {
    files.close(fd)
  }
  for (const leftover of tail?.leftovers ?? []) await files.remove(leftover)
}
