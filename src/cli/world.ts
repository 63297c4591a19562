import type { Environment } from '../base/places.ts'
import type { Places } from './places.ts'
import type { Terminal } from './terminal.ts'

/** What a command works with: everything of the process that it may touch. */
export interface World {
  readonly places: Places
  /** Which places nobody named. */
  readonly isDefault: { readonly dataDir: boolean; readonly policy: boolean }
  readonly terminal: Terminal
  readonly environment: Environment
  readonly stdin: NodeJS.ReadStream
}
