import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { tapFiles, type Change, type Watcher } from './file-tap.ts'
import type { History } from './history.ts'
import { copyRoot } from './root.ts'
import { openKernelIn } from './small-kernel.ts'
import type { Ask } from './workload.ts'

/** What a kill would have left, and what was known by then. */
export interface KillImage {
  readonly folder: string
  readonly history: History
  /** As `change 12, half of write data/ledger/wal/…`. */
  readonly moment: string
}

/** Which moments are kept; a round has some hundreds. */
export type Wanted = (moment: number) => boolean

/**
 * Lets a kernel live from opening to closing in this process, and copies its folder at every wanted moment: before each change
 * of a file, half-way through each write, and at the end. A killed process leaves what the system holds, so each copy is what
 * a kill at that moment leaves, without the cost of a process.
 */
export async function imagesOfKills(
  root: string,
  history: History,
  asks: readonly (readonly Ask[])[],
  isWanted: Wanted,
  prefix = 'image',
): Promise<{ images: KillImage[]; moments: number }> {
  const images: KillImage[] = []
  let moments = 0
  let changes = 0
  const keep = (what: string): void => {
    moments++
    if (!isWanted(moments)) return
    const folder = join(root, '..', `${prefix}-${moments}`)
    rmSync(folder, { recursive: true, force: true })
    copyRoot(root, folder)
    images.push({ folder, history: history.copy(), moment: `change ${changes}, ${what}` })
  }
  const watcher: Watcher = {
    before(change, partly) {
      changes++
      keep(`before ${nameOf(change)}`)
      if (change.is !== 'write') return
      partly()
      keep(`half of ${nameOf(change)}`)
    },
    after: () => undefined,
  }
  {
    using _tap = tapFiles(root, watcher)
    const kernel = await openKernelIn(root)
    await Promise.all(asks.map((lane) => askAll(lane, kernel, history)))
    await kernel.close()
  }
  keep('the end')
  return { images, moments }
}

async function askAll(
  asks: readonly Ask[],
  kernel: Awaited<ReturnType<typeof openKernelIn>>,
  history: History,
): Promise<void> {
  for (const { name, principal, request } of asks) {
    history.answer(name, await kernel.as({ id: principal.id }).submit(request))
  }
}

function nameOf(change: Change): string {
  return `${change.is} ${'path' in change ? change.path : change.file.path}`
}
