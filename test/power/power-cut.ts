import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tapFiles, type Change, type Watcher } from '../crash/file-tap.ts'
import { combinationsOf, nameOf, numbersFrom, outcomesOf, type Image } from './outcomes.ts'
import { Volume, writeImage } from './volume.ts'

/** What a power loss left, and what had been promised by then. */
export interface Cut<Promised> {
  readonly image: Image
  readonly promises: readonly Promised[]
  /** Where in the trace, for messages. */
  readonly moment: string
}

export interface Cuts<Promised> {
  /** Each image once. */
  readonly cuts: readonly Cut<Promised>[]
  /** Images drawn, equal ones counted each time. */
  readonly drawn: number
  /** Whether these are all images that a power loss on the way could leave. */
  readonly areAll: boolean
}

export interface CutOptions {
  /** Images a moment; below that all there are. */
  readonly most: number
  readonly seed: number
  /** The disk below `root`, with what is not surely on it yet; else all that is there is taken as being on the disk. */
  readonly volume?: Volume
}

/**
 * Runs `act` over the files below `root` and returns every image that a power loss on the way could leave, as far as
 * `options.most` allows; equal ones once, with the most that was promised.
 *
 * Images are drawn just before each sync completes and at the end: whatever an earlier moment could leave, one of these can.
 */
export async function cutsOf<Promised>(
  root: string,
  options: CutOptions,
  act: (promise: (promised: Promised) => void) => Promise<unknown>,
): Promise<Cuts<Promised>> {
  const volume = options.volume ?? new Volume(root)
  const random = numbersFrom(options.seed)
  const promises: Promised[] = []
  const found = new Map<string, Cut<Promised>>()
  let drawn = 0
  let areAll = true
  let changes = 0
  const draw = (moment: string): void => {
    const promised = [...promises]
    areAll &&= combinationsOf(volume) <= options.most
    for (const image of outcomesOf(volume, options.most, random)) {
      drawn++
      found.set(nameOf(image), { image, promises: promised, moment })
    }
  }
  const watcher: Watcher = {
    before: (change) => volume.begin(change),
    after(change) {
      changes++
      if (change.is === 'sync' || change.is === 'syncFolder')
        draw(`change ${changes}, before the end of ${describe(change)}`)
      volume.finish(change)
    },
  }
  {
    using _tap = tapFiles(root, watcher)
    await act((promised) => promises.push(promised))
  }
  draw('the end')
  return { cuts: [...found.values()], drawn, areAll }
}

/** Runs `act` over the files below `root` with the power on. Returns the disk as it is then. */
export async function volumeAfter(root: string, act: () => Promise<unknown>): Promise<Volume> {
  const volume = new Volume(root)
  using _tap = tapFiles(root, {
    before: (change) => volume.begin(change),
    after: (change) => volume.finish(change),
  })
  await act()
  return volume
}

function describe(change: Change): string {
  return `${change.is} \`${'path' in change ? change.path : change.file.path}\``
}

/** An empty folder in memory where there is one: power is lost in the model, so the disk below need not be slow. */
export function quickFolder(): { path: string; [Symbol.dispose](): void } {
  const shared = '/dev/shm'
  const path = mkdtempSync(join(existsSync(shared) ? shared : tmpdir(), 'kestrel-power-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Puts an image in the place of whatever is in `folder`. */
export function restore(folder: string, image: Image): void {
  rmSync(folder, { recursive: true, force: true })
  writeImage(folder, image)
}
