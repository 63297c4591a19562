import type { Call } from '../../provider.ts'
import type { Place } from '../filesystem/volume.ts'
import type { Running } from './child.ts'
import type { Program } from './program.ts'
import type { ProgramRequest } from './request.ts'

/** A program that may run, with all that was opened for it. */
export interface Launch {
  readonly program: Program
  readonly request: ProgramRequest
  /** The folder that `cwd` names, open. */
  readonly folder: Place | undefined
  readonly call: Call
}

/** Starts programs, in a jail or on the host. */
export interface Launcher {
  readonly tier: 'jail' | 'host'
  /** What must be open stays open only until this returns. @throws Ended */
  launch(launch: Launch): Running
}
