import type { Primitives } from '../../base/primitives.ts'
import { tileWidth } from '../ledger/tile.ts'
import { leafHash, perfectRoot, settled } from '../proof/index.ts'
import { differences } from './bundle-differences.ts'
import { sameHash, type Found } from './log-files.ts'
import type { Problem } from './problem.ts'

/** An entry bundle and the tile of its leaf hashes, as found, with what is known of them from the signed root. */
export interface BundleCase {
  /** `seq` of the first entry. */
  readonly start: number
  /** How many entries the log has here. */
  readonly width: number
  readonly bundle: Found
  readonly tile: Found
  /** What a full tile must come to, if known. */
  readonly root?: Uint8Array
  /** The leaf hashes of a partial tile, if known. */
  readonly leaves?: readonly Uint8Array[]
}

export interface BundleJudgement {
  /** The bundle's. */
  readonly file: string
  /** The leaf hashes to go on with; undefined when neither file yields them. */
  readonly leaves?: readonly Uint8Array[]
  /** What the full tile must come to, if known; then `leaves` may be wrong. */
  readonly root?: Uint8Array
  readonly leavesAreWrong?: true
  /** By place: the bytes of each entry, undefined where they are not what was logged. */
  readonly entries: readonly (Uint8Array | undefined)[]
  readonly problems: readonly Problem[]
  /** What to report instead of `problems` should the whole tree come to its root all the same. */
  readonly otherwise?: readonly Problem[]
}

type Judgement = Omit<BundleJudgement, 'file' | 'root'>
type Hashes = readonly Uint8Array[]

/** Decides between a bundle and its tile: which of them is not what was logged, and where. */
export async function judgeBundle(found: BundleCase, primitives: Primitives): Promise<BundleJudgement> {
  const { bundle, tile, root } = found
  const logged = tile.damage === undefined ? tile.items : undefined
  const held = await settled((bundle.items ?? []).map((entry) => leafHash(entry, primitives)))
  const judged =
    logged === undefined
      ? await judgeWithoutTile(found, held, primitives)
      : await judgeByTile(found, held, logged, primitives)
  return { file: bundle.file, ...(root && { root }), ...judged }
}

async function judgeWithoutTile(found: BundleCase, held: Hashes, primitives: Primitives): Promise<Judgement> {
  const { bundle, tile } = found
  const tileProblem = unreadable(tile, 'the tile is not there')
  if (bundle.items === undefined) return { entries: [], problems: [tileProblem] }
  if (bundle.damage !== undefined) return { entries: [], problems: [unreadable(bundle, ''), tileProblem] }
  if ((await comesTo(held, found, primitives)) === false) {
    const judged = rewritten(found, held)
    return { ...judged, problems: [...judged.problems, tileProblem] }
  }
  return { leaves: held, entries: bundle.items, problems: [tileProblem] }
}

async function judgeByTile(
  found: BundleCase,
  held: Hashes,
  logged: Hashes,
  primitives: Primitives,
): Promise<Judgement> {
  const { bundle, tile, start } = found
  if (bundle.items === undefined) return { leaves: logged, entries: [], problems: [] }
  const wrong = logged.findIndex((hash, at) => !sameHash(hash, held[at]))
  const fits = bundle.damage === undefined ? await comesTo(held, found, primitives) : false
  if (wrong < 0 && bundle.damage === undefined) {
    return fits === false ? rewritten(found, held) : { leaves: held, entries: bundle.items, problems: [] }
  }
  const message = `hash ${wrong} of the tile is not that of entry ${start + wrong}`
  const tileDamaged: Problem = { code: 'file_damaged', file: tile.file, message }
  if (fits === true) return { leaves: held, entries: bundle.items, problems: [tileDamaged] }
  const problems = faults(found, held, logged)
  if (bundle.damage !== undefined || (await comesTo(logged, found, primitives)) === true) {
    const sound = bundle.items.map((entry, at) => (sameHash(held[at], logged[at]) ? entry : undefined))
    return { leaves: logged, entries: sound, problems }
  }
  if (fits === undefined) return { leaves: held, entries: bundle.items, problems, otherwise: [tileDamaged] }
  return { ...rewritten(found, held), problems: [...problems, tileDamaged] }
}

/** Whether `hashes` are those under the signed root; undefined when that cannot be told here. */
async function comesTo(hashes: Hashes, found: BundleCase, primitives: Primitives): Promise<boolean | undefined> {
  const { root, leaves, width } = found
  if (width < tileWidth) return leaves?.every((hash, at) => sameHash(hash, hashes[at]))
  return root && sameHash(await perfectRoot(hashes, primitives), root)
}

/** Where the bundle differs; in one that cannot be read to its end, only where that begins. */
function faults({ bundle, start }: BundleCase, held: Hashes, logged: Hashes): readonly Problem[] {
  const all = differences(held, logged, start, bundle.file)
  if (bundle.damage === undefined || (all.length > 0 && bundle.cut === undefined)) return all
  const seq = all[0]?.seq
  return [{ ...(seq !== undefined && { seq }), ...unreadable(bundle, '') }]
}

/** Entries and tile agree with each other and not with the signed root: the place cannot be told more exactly. */
function rewritten({ bundle, start, width, leaves }: BundleCase, held: Hashes): Judgement {
  const range = `entries ${start} to ${start + width - 1}`
  const message = `one or more of ${range} are not what was logged, and their tile was rewritten too`
  return {
    leaves: leaves ?? held,
    leavesAreWrong: true,
    entries: [],
    problems: [{ code: 'entry_altered', file: bundle.file, message }],
  }
}

function unreadable({ file, damage }: Found, absent: string): Problem {
  return damage === undefined
    ? { code: 'missing', file, message: absent }
    : { code: 'file_damaged', file, message: damage }
}
