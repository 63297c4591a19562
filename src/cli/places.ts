import { resolve } from 'node:path'
import { KernelError } from '../base/errors.ts'
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
  /** Where the secrets lie that requests refer to, if there are any. */
  readonly secretsDir: string | undefined
  /** Whether programs run in a jail. */
  readonly jail: 'auto' | 'always' | 'never' | undefined
}

export function placesOf(options: GlobalOptions, environment: Environment): Places {
  const dataDir = resolve(options.dataDir ?? (environment['KESTREL_DATA_DIR'] || '.kestrel'))
  return {
    dataDir,
    ledger: resolve(dataDir, 'ledger'),
    policy: resolve(options.policy ?? (environment['KESTREL_POLICY'] || 'policy.yaml')),
    keysDir: resolve(options.keysDir ?? keysRoot(environment)),
    jail: jailIn(environment),
    secretsDir: environment['KESTREL_SECRETS'] ? resolve(environment['KESTREL_SECRETS']) : undefined,
  }
}

function jailIn(environment: Environment): Places['jail'] {
  const jail = environment['KESTREL_JAIL']
  if (jail === undefined || jail === '') return undefined
  if (jail === 'auto' || jail === 'always' || jail === 'never') return jail
  throw new KernelError('USAGE_INVALID', `KESTREL_JAIL is \`${jail}\`, and must be \`auto\`, \`always\` or \`never\``)
}
