import { KernelError } from '../../../base/errors.ts'
import { findBubblewrap } from './jail.ts'
import type { User } from './host.ts'
import { readOptions, type ProcessesOptions, type Settings } from './options.ts'

/** Where programs run here. */
export type Housing =
  | { readonly tier: 'jail'; readonly bubblewrap: string; readonly why: string }
  | { readonly tier: 'host'; readonly user: User; readonly why: string }
  /** Nowhere: they could reach what is Kestrel's own. */
  | { readonly tier: 'none'; readonly why: string }

/** What `describeJail` tells a person. */
export interface JailFacts {
  readonly tier: 'jail' | 'host' | 'none'
  readonly why: string
}

/** Where a provider with these options would run programs on this machine, and why. @throws KernelError PROVIDER_INVALID */
export function describeJail(options: ProcessesOptions = {}): JailFacts {
  const { tier, why } = housingOf(readOptions(options))
  return { tier, why }
}

/** The user and group that own nothing. @see linux/highuid.h (`DEFAULT_OVERFLOWUID`) */
const nobody = { uid: 65_534, gid: 65_534 }

/** @throws KernelError PROVIDER_INVALID where there must be a jail and there is none */
export function housingOf(settings: Settings): Housing {
  const isRoot = process.getuid?.() === 0
  const user = settings.user ?? (isRoot ? nobody : undefined)
  const isAnother = isRoot && user?.uid !== 0
  if (settings.jail === 'never') {
    const reach = isAnother ? `as user ${user?.uid}` : 'as the same user as Kestrel, within reach of its keys'
    return { tier: 'host', user, why: `\`jail\` is \`never\`: programs run on the host, ${reach}` }
  }
  const found = findBubblewrap(settings)
  if ('at' in found)
    return { tier: 'jail', bubblewrap: found.at, why: `programs run in jails that \`${found.at}\` makes` }
  if (settings.jail === 'always') throw new KernelError('PROVIDER_INVALID', `\`process\` has no jail: ${found.missing}`)
  if (isAnother) return { tier: 'host', user, why: `${found.missing}; programs run on the host as user ${user?.uid}` }
  return { tier: 'none', why: `${found.missing}; programs do not run, since they could read Kestrel's keys` }
}
