import { systemClock, type Clock } from '../../../base/clock.ts'
import type { Provider } from '../../provider.ts'
import { appendAction } from './append.ts'
import { deleteAction } from './delete.ts'
import { listAction } from './list.ts'
import { mkdirAction } from './mkdir.ts'
import { moveAction } from './move.ts'
import { OpenFiles } from './open-files.ts'
import { OpenMounts } from './open-mounts.ts'
import { readAction } from './read.ts'
import { Spelling } from './spelling.ts'
import { statAction } from './stat.ts'
import { Syncs } from './syncs.ts'
import { hostVolume, type Volume } from './volume.ts'
import type { Ground } from './walk.ts'
import { writeAction } from './write.ts'

/**
 * Files and folders under the mounts of the policy: `fs.read`, `fs.write`, `fs.append`, `fs.delete`, `fs.move`, `fs.mkdir`,
 * `fs.list`, `fs.stat`.
 *
 * @throws KernelError PROVIDER_INVALID on a Linux without `/proc`
 */
export function filesystem(): Provider {
  return filesystemOn(hostVolume())
}

/** The same on another volume, by another clock: for tests of what this machine's volumes do not do. */
export function filesystemOn(volume: Volume, clock: Clock = systemClock): Provider {
  const mounts = new OpenMounts(volume, clock)
  const files = new OpenFiles(volume, clock)
  const ground: Ground = { volume, spelling: new Spelling(), mounts, files, syncs: new Syncs(volume) }
  return {
    name: 'filesystem',
    actions: {
      'fs.read': readAction(ground),
      'fs.write': writeAction(ground),
      'fs.append': appendAction(ground),
      'fs.delete': deleteAction(ground),
      'fs.move': moveAction(ground),
      'fs.mkdir': mkdirAction(ground),
      'fs.list': listAction(ground),
      'fs.stat': statAction(ground),
    },
    close: () => {
      files.close()
      mounts.close()
    },
  }
}
