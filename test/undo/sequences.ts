import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKernel, type Kernel, type Outcome } from '../../src/index.ts'
import { filesystem } from '../../src/effects/providers/index.ts'

/** What many sequences came to. */
export interface Tally {
  sequences: number
  /** Actions that changed something. */
  actions: number
  undone: number
  redone: number
  /** What was not as before, with the seed that shows it. */
  readonly problems: string[]
}

interface Options {
  readonly sequences: number
  readonly seed: number
  readonly onSequence?: (tally: Tally) => void
}

/**
 * Runs random sequences of actions over random trees through one kernel, each time undoes all of them in reverse, and holds the
 * tree against what it was at every step. Now and then an undo is undone and done again in between.
 */
export async function runSequences({ sequences, seed, onSequence }: Options): Promise<Tally> {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-undo-'))
  const workspace = join(root, 'workspace')
  mkdirSync(workspace)
  const tally: Tally = { sequences: 0, actions: 0, undone: 0, redone: 0, problems: [] }
  const kernel = await createKernel({
    policy: { version: 1, mounts: { '/w': workspace }, allow: [{ action: 'fs.*', resource: '/w/**' }] },
    dataDir: join(root, 'data'),
    keysDir: join(root, 'keys'),
    providers: [filesystem()],
  })
  try {
    for (let i = 0; i < sequences && tally.problems.length < 10; i++) {
      await runOne(kernel, workspace, seed + i, tally)
      tally.sequences++
      onSequence?.(tally)
    }
  } finally {
    await kernel.close()
    rmSync(root, { recursive: true, force: true })
  }
  return tally
}

async function runOne(kernel: Kernel, workspace: string, seed: number, tally: Tally): Promise<void> {
  const dice = new Dice(seed)
  for (const name of readdirSync(workspace)) rmSync(join(workspace, name), { recursive: true })
  plant(dice, workspace)
  const done: { readonly seq: number; readonly before: Sight; readonly told: string }[] = []
  for (let left = dice.upTo(7) + 1; left > 0; left--) {
    const before = sightOf(workspace)
    const request = anAction(dice, workspace)
    const outcome = await kernel.submit(request)
    if (outcome.status !== 'ok' || outcome.undo === undefined) continue
    done.push({ seq: outcome.seq, before, told: JSON.stringify(request) })
    tally.actions++
  }
  const operator = kernel.operator({ id: 'olga' })
  for (const { seq, before, told } of done.reverse()) {
    const changed = sightOf(workspace)
    let outcome = await operator.undo(seq)
    if (outcome.status === 'ok' && dice.upTo(4) === 0) {
      outcome = await operator.undo(outcome.seq)
      report(tally, seed, `redoing ${told}`, outcome, changed, sightOf(workspace), false)
      outcome = await operator.undo(outcome.seq)
      tally.redone++
    }
    if (!report(tally, seed, told, outcome, before, sightOf(workspace), true)) return
    tally.undone++
  }
}

function report(
  tally: Tally,
  seed: number,
  told: string,
  outcome: Outcome,
  expected: Sight,
  found: Sight,
  withTimes: boolean,
): boolean {
  const difference = outcome.status === 'ok' ? differenceOf(expected, found, withTimes) : JSON.stringify(outcome)
  if (difference !== undefined) tally.problems.push(`seed ${seed}: ${told}: ${difference}`)
  return difference === undefined
}

/** A small generator of random numbers that a seed repeats. @see Marsaglia, Xorshift RNGs (2003) */
class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761 + 1) >>> 0 || 1
  }

  upTo(limit: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % limit
  }

  of<T>(items: readonly T[]): T {
    return items[this.upTo(items.length)] as T
  }

  bytes(limit: number): Buffer {
    return Buffer.from(Array.from({ length: this.upTo(limit) }, () => this.upTo(256)))
  }
}

const names = ['a', 'b', 'c', 'ä b', '.d'] as const

function plant(dice: Dice, workspace: string): void {
  for (let left = dice.upTo(10); left > 0; left--) {
    const path = join(workspace, aPath(dice).slice(3))
    try {
      if (dice.upTo(3) === 0) mkdirSync(path, { recursive: true, mode: dice.of([0o700, 0o755, 0o775]) })
      else if (dice.upTo(12) === 0) symlinkSync('a', path)
      else plantFile(dice, path)
    } catch {
      // something stands there, or no folder does
    }
  }
}

function plantFile(dice: Dice, path: string): void {
  writeFileSync(path, dice.bytes(dice.of([1, 40, 9000])))
  chmodSync(path, dice.of([0o600, 0o644, 0o751]))
  utimesSync(path, dice.upTo(2_000_000_000), dice.upTo(2_000_000_000) + dice.upTo(1000) / 1000)
}

function aPath(dice: Dice): string {
  return `/w/${Array.from({ length: dice.upTo(3) + 1 }, () => dice.of(names)).join('/')}`
}

/** Mostly about what is there. */
function aTarget(dice: Dice, workspace: string): string {
  const there = readdirSync(workspace, { recursive: true }) as string[]
  return there.length === 0 || dice.upTo(3) === 0 ? aPath(dice) : `/w/${dice.of(there)}`
}

function anAction(dice: Dice, workspace: string): Parameters<Kernel['submit']>[0] {
  const resource = aTarget(dice, workspace)
  const content = { content: dice.bytes(60).toString('base64'), encoding: 'base64', parents: dice.upTo(2) === 0 }
  switch (dice.upTo(6)) {
    case 0:
      return { action: 'fs.mkdir', resource, params: { parents: dice.upTo(2) === 0 } }
    case 1:
      return { action: 'fs.delete', resource, params: { recursive: dice.upTo(4) > 0 } }
    case 2:
      return { action: 'fs.move', resource, params: { to: aTarget(dice, workspace), overwrite: dice.upTo(2) === 0 } }
    case 3:
      return { action: 'fs.append', resource, params: content }
    default:
      return { action: 'fs.write', resource, params: content }
  }
}

/** All that stands in a folder, by path: what it is, its mode, its content and when that was changed. */
type Sight = ReadonlyMap<string, { readonly is: string; readonly mtimeNs?: bigint }>

function sightOf(folder: string): Sight {
  const sight = new Map<string, { readonly is: string; readonly mtimeNs?: bigint }>()
  for (const path of readdirSync(folder, { recursive: true }) as string[]) {
    const full = join(folder, path)
    const facts = lstatSync(full, { bigint: true })
    const mode = (facts.mode & 0o7777n).toString(8)
    if (facts.isSymbolicLink()) sight.set(path, { is: `link ${readlinkSync(full)}` })
    else if (facts.isDirectory()) sight.set(path, { is: `folder ${mode}` })
    else sight.set(path, { is: `file ${mode} ${readFileSync(full, 'hex')}`, mtimeNs: facts.mtimeNs })
  }
  return sight
}

/** Node sets times to a quarter of a microsecond. */
const grainNs = 300n

function differenceOf(expected: Sight, found: Sight, withTimes: boolean): string | undefined {
  for (const path of new Set([...expected.keys(), ...found.keys()])) {
    const [was, is] = [expected.get(path), found.get(path)]
    if (was?.is !== is?.is) return `\`${path}\` was ${was?.is ?? 'absent'}, is ${is?.is ?? 'absent'}`
    if (!withTimes || was?.mtimeNs === undefined || is?.mtimeNs === undefined) continue
    const off = was.mtimeNs - is.mtimeNs
    if (off > grainNs || off < -grainNs) return `\`${path}\` was changed at ${was.mtimeNs}, says ${is.mtimeNs}`
  }
  return undefined
}
