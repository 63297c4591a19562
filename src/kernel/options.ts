import { resolve } from 'node:path'
import { systemClock, type Clock } from '../base/clock.ts'
import { KernelError } from '../base/errors.ts'
import { realPlace } from '../base/own-folder.ts'
import { keysRoot } from '../base/places.ts'
import type { Provider } from '../effects/provider.ts'
import type { Durability } from './gate.ts'

/** What `createKernel` takes. */
export interface KernelOptions {
  /** The path of a policy file, or the policy itself as an object. */
  readonly policy: string | object
  /** The data directory; made when it is missing. */
  readonly dataDir: string
  /** Where keys live, one folder a data directory. Default `KESTREL_KEYS_DIR`, else in the user's configuration folder. */
  readonly keysDir?: string
  readonly providers: readonly Provider[]
  readonly clock?: Clock
  readonly durability?: Durability
}

/** The same with absolute paths and defaults. */
export interface ResolvedOptions {
  readonly policy: string | object
  readonly dataDir: string
  readonly keysDir: string
  readonly providers: readonly Provider[]
  readonly clock: Clock
  readonly durability: Durability
}

const known: ReadonlySet<string> = new Set(['policy', 'dataDir', 'keysDir', 'providers', 'clock', 'durability'])

/** @throws KernelError OPTIONS_INVALID */
export function resolveOptions(options: KernelOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null)
    throw wrong('policy', 'and `dataDir` and `providers` must be given')
  for (const name of Object.keys(options)) if (!known.has(name)) throw wrong(name, 'is not an option')
  const { policy, dataDir, keysDir, providers, clock = systemClock, durability = 'default' } = options
  if (typeof policy !== 'string' && (typeof policy !== 'object' || policy === null)) {
    throw wrong('policy', 'must be the path of a policy file, or a policy as an object')
  }
  if (typeof dataDir !== 'string' || dataDir === '') throw wrong('dataDir', 'must be the path of a folder')
  if (!Array.isArray(providers)) throw wrong('providers', 'must be a list of providers')
  if (typeof clock?.now !== 'function' || typeof clock.monotonicMs !== 'function') {
    throw wrong('clock', 'must have `now()` and `monotonicMs()`')
  }
  if (durability !== 'default' && durability !== 'strict') throw wrong('durability', 'must be `default` or `strict`')
  return {
    policy: typeof policy === 'string' ? resolve(policy) : policy,
    ...resolvePlaces(dataDir, keysDir),
    providers,
    clock,
    durability,
  }
}

/**
 * The data directory and the keys directory, absolute.
 *
 * @throws KernelError OPTIONS_INVALID when the keys would lie in the data directory: whoever copies that must not get them too
 */
export function resolvePlaces(
  dataDir: string,
  keysDir: string = keysRoot(),
): { readonly dataDir: string; readonly keysDir: string } {
  const places = { dataDir: resolve(dataDir), keysDir: resolve(keysDir) }
  const [data, keys] = [realPlace(places.dataDir), realPlace(places.keysDir)]
  if (keys === data || keys.startsWith(`${data}/`)) {
    throw wrong(
      'keysDir',
      `\`${keysDir}\` lies in the data directory; keys must lie elsewhere, so that a copy of the data holds none`,
    )
  }
  return places
}

function wrong(name: string, why: string): KernelError<'OPTIONS_INVALID'> {
  return new KernelError('OPTIONS_INVALID', `\`${name}\` ${why}`)
}
