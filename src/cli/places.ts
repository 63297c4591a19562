import { resolve } from 'node:path'
import { keysRoot, type Environment } from '../base/places.ts'

/** The options that every command takes, as typed. */
export interface GlobalOptions {
  readonly json?: true | undefined
  readonly dataDir?: string | undefined
  readonly policy?: string | undefined
  readonly keysDir?: string | undefined
}

/** Where things are, absolute: an option, else the environment, else the default. */
export interface Places {
  readonly dataDir: string
  readonly ledger: string
  readonly policy: string
  readonly keysDir: string
}

export function placesOf(options: GlobalOptions, environment: Environment): Places {
  const dataDir = resolve(options.dataDir ?? (environment['KESTREL_DATA_DIR'] || '.kestrel'))
  return {
    dataDir,
    ledger: resolve(dataDir, 'ledger'),
    policy: resolve(options.policy ?? (environment['KESTREL_POLICY'] || 'policy.yaml')),
    keysDir: resolve(options.keysDir ?? keysRoot(environment)),
  }
}
