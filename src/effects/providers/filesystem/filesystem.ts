import type { Provider } from '../../provider.ts'
import { listAction } from './list.ts'
import { readAction } from './read.ts'
import { Spelling } from './spelling.ts'
import { statAction } from './stat.ts'
import { hostVolume, type Volume } from './volume.ts'
import type { Ground } from './walk.ts'
import { writeAction } from './write.ts'

/**
 * Files and folders under the mounts of the policy: `fs.read`, `fs.write`, `fs.list`, `fs.stat`.
 *
 * @throws KernelError PROVIDER_INVALID on a Linux without `/proc`
 */
export function filesystem(): Provider {
  return filesystemOn(hostVolume())
}

/** The same on another volume: for tests of what this machine's volumes do not do. */
export function filesystemOn(volume: Volume): Provider {
  const ground: Ground = { volume, spelling: new Spelling() }
  return {
    name: 'filesystem',
    actions: {
      'fs.read': readAction(ground),
      'fs.write': writeAction(ground),
      'fs.list': listAction(ground),
      'fs.stat': statAction(ground),
    },
  }
}
