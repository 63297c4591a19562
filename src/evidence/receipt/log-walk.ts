import { isKernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Primitives } from '../../base/primitives.ts'
import { parseEntry } from '../ledger/entry.ts'
import type { Checkpoint } from '../ledger/note.ts'
import { tileWidth } from '../ledger/tile.ts'
import { perfectRoot } from '../proof/index.ts'
import { judgeBundle, type BundleJudgement } from './bundle-judge.ts'
import { EntryRules, type PolicyChange } from './entry-rules.ts'
import { readBundle, readTile, sameHash, type LogFiles } from './log-files.ts'
import type { Problem, Problems } from './problem.ts'
import { TreeCheck } from './tree-check.ts'
import { TrustedTiles } from './trusted-tiles.ts'

export interface LogToWalk {
  readonly files: LogFiles
  readonly checkpoint: Checkpoint
  /** Smaller or equal heads that the log must extend. */
  readonly earlier: readonly EarlierHead[]
  readonly problems: Problems
  readonly primitives: Primitives
}

/** A state of the log that someone kept, and what to report when the log does not begin with it. */
export interface EarlierHead {
  readonly checkpoint: Checkpoint
  readonly fork: Problem
}

export type OnProgress = (progress: { readonly entries: number; readonly size: number }) => void

/** One pass over a log, bundle by bundle: each is judged against its tile, then its entries, then what is above it. */
export class LogWalk {
  private readonly log: LogToWalk
  private readonly tree: TreeCheck
  private readonly rules: EntryRules
  /** Bundles that are not there, until a later one is found. */
  private absent: Problem[] = []
  /** What could not be decided where it was found. */
  private readonly undecided: BundleJudgement[] = []

  constructor(log: LogToWalk) {
    const { files, checkpoint, problems, primitives } = log
    this.log = log
    this.tree = new TreeCheck(files, problems, primitives)
    this.rules = new EntryRules(checkpoint.origin, problems, primitives)
  }

  async run(onProgress?: OnProgress): Promise<readonly PolicyChange[]> {
    const { files, checkpoint, problems, primitives } = this.log
    const { size } = checkpoint
    const trusted = await TrustedTiles.open(files, checkpoint, primitives)
    let edge: readonly Uint8Array[] = []
    let isWhole = true
    for (let index = 0; index * tileWidth < size && isWhole; index++) {
      const judged = await this.judge(index, trusted)
      const { leaves, root, leavesAreWrong } = judged
      if (leaves === undefined) {
        isWhole = false
        continue
      }
      if (leavesAreWrong === undefined) await this.compareEarlier(index, leaves)
      // Beyond so many problems only one thing matters still: whether these are the entries that were signed.
      if (!problems.full) await this.checkEntries(index, judged, leaves)
      if (leaves.length < tileWidth) edge = leaves
      else await this.tree.addLeafTile(root ?? (await perfectRoot(leaves, primitives)))
      onProgress?.({ entries: Math.min(size, (index + 1) * tileWidth), size })
    }
    if (isWhole) await this.compareRoot(edge)
    this.settle(false)
    this.reportAbsent('truncated')
    return this.rules.policyChanges
  }

  private async judge(index: number, trusted: TrustedTiles): Promise<BundleJudgement> {
    const { files, checkpoint, problems, primitives } = this.log
    const start = index * tileWidth
    const width = Math.min(tileWidth, checkpoint.size - start)
    const full = width === tileWidth
    const [bundle, tile] = await Promise.all([readBundle(files, index, width), readTile(files, 0, index, width)])
    const root = full ? await trusted.rootOf(0, index) : undefined
    const known = full ? undefined : trusted.leavesAtEdge()
    const found = { start, width, bundle, tile, ...(root && { root }), ...(known && { leaves: known }) }
    const judged = await judgeBundle(found, primitives)
    if (bundle.items !== undefined) this.reportAbsent('missing')
    else this.absent.push({ code: 'missing', seq: start, file: bundle.file, message: 'the entries are not there' })
    if (judged.otherwise === undefined) for (const problem of judged.problems) problems.add(problem)
    else if (this.undecided.length < limits.problems) this.undecided.push(judged)
    return judged
  }

  /** Absent bundles that nothing follows are one missing tail. */
  private reportAbsent(code: 'missing' | 'truncated'): void {
    const first = this.absent[0]
    if (code === 'missing') for (const problem of this.absent) this.log.problems.add(problem)
    else if (first !== undefined) {
      this.log.problems.insist({
        ...first,
        code,
        message: `the log ends here; its checkpoint has ${this.log.checkpoint.size} entries`,
      })
    }
    this.absent = []
  }

  private async compareEarlier(index: number, leaves: readonly Uint8Array[]): Promise<void> {
    for (const { checkpoint, fork } of this.log.earlier) {
      const within = checkpoint.size - index * tileWidth
      const here = within === 0 ? index === 0 : within > 0 && within <= leaves.length
      if (!here || sameHash(await this.tree.rootWith(leaves.slice(0, within)), checkpoint.root)) continue
      this.log.problems.add(fork)
    }
  }

  private async checkEntries(
    index: number,
    { entries, file }: BundleJudgement,
    leaves: readonly Uint8Array[],
  ): Promise<void> {
    for (const [at, leaf] of leaves.entries()) {
      const seq = index * tileWidth + at
      const bytes = entries[at]
      if (bytes === undefined) {
        this.rules.skip()
        continue
      }
      try {
        await this.rules.check(parseEntry(bytes), seq, leaf, file)
      } catch (error) {
        if (!isKernelError(error)) throw error
        this.log.problems.add({ code: 'entry_invalid', seq, file, message: error.message })
        this.rules.skip()
      }
    }
  }

  private async compareRoot(edge: readonly Uint8Array[]): Promise<void> {
    const { checkpoint, problems } = this.log
    const matches = sameHash(await this.tree.rootWith(edge), checkpoint.root)
    this.settle(matches)
    await this.tree.finish()
    if (matches) return
    const message = 'the entries do not come to the root that the checkpoint names'
    problems.insist({ code: 'root_mismatch', file: 'checkpoint', message })
  }

  /** Where bundle and tile disagreed and nothing told which is right: the bundles are, if the tree comes to its root. */
  private settle(matches: boolean): void {
    for (const { problems, otherwise } of this.undecided) {
      for (const problem of matches ? (otherwise ?? []) : problems) this.log.problems.add(problem)
    }
    this.undecided.length = 0
  }
}
