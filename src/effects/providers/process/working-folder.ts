import type { Clock } from '../../../base/clock.ts'
import type { Call } from '../../provider.ts'
import { fail } from '../filesystem/ending.ts'
import { findExisting, type Existing } from '../filesystem/existing.ts'
import { OpenFiles } from '../filesystem/open-files.ts'
import { OpenMounts } from '../filesystem/open-mounts.ts'
import { Spelling } from '../filesystem/spelling.ts'
import { Syncs } from '../filesystem/syncs.ts'
import type { Volume } from '../filesystem/volume.ts'
import type { Ground } from '../filesystem/walk.ts'

/** What the walk to a program's folder needs. */
export function groundOf(volume: Volume, clock: Clock): Ground {
  return {
    volume,
    spelling: new Spelling(),
    mounts: new OpenMounts(volume, clock),
    files: new OpenFiles(volume, clock),
    syncs: new Syncs(volume),
  }
}

/**
 * Opens the folder that a program starts in, judged as every folder of an action on files: below a mount, through no link,
 * nothing of Kestrel's own.
 *
 * @throws Ended
 */
export function openWorkingFolder(ground: Ground, call: Call, cwd: string): Existing {
  const found = findExisting(ground, { resource: cwd, mounts: call.mounts, protection: call.protection })
  try {
    if (!found.spot.facts.isDirectory()) throw fail('not_directory', `\`${cwd}\` is a file, not a folder`)
    found.walk.confirm()
    return found
  } catch (ended) {
    found[Symbol.dispose]()
    throw ended
  }
}
