import { homedir } from 'node:os'
import { join } from 'node:path'

/** The part of a process's environment that names places. */
export interface Environment {
  readonly [name: string]: string | undefined
}

/**
 * Where the keys of all data directories live: `KESTREL_KEYS_DIR`, else `kestrel/keys` in the user's configuration folder
 * (XDG Base Directory Specification). Each data directory has a folder of its own in it, named by its log.
 */
export function keysRoot(environment: Environment = process.env): string {
  return environment['KESTREL_KEYS_DIR'] || join(configurationFolder(environment), 'kestrel', 'keys')
}

function configurationFolder(environment: Environment): string {
  return environment['XDG_CONFIG_HOME'] || join(homedir(), '.config')
}
