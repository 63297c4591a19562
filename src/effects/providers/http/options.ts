import { KernelError } from '../../../base/errors.ts'
import type { SecretSource } from './secrets.ts'

/** What the operator says of the web. */
export interface HttpOptions {
  /** Where `{{secret:NAME}}` is looked up. Without it such a request fails. */
  readonly secrets?: SecretSource
  /** Certificates (PEM) of authorities that are trusted beside those that Node brings. */
  readonly ca?: string
  /** Resolves names. Default: as the system does. */
  readonly resolve?: (host: string) => Promise<readonly string[]>
  /** Ports of this machine on which Kestrel itself listens: no policy lets a request reach them. */
  readonly ownPorts?: readonly number[]
}

const known: ReadonlySet<string> = new Set(['secrets', 'ca', 'resolve', 'ownPorts'])

/** @throws KernelError PROVIDER_INVALID */
export function checkOptions(options: HttpOptions): void {
  const { secrets, ca, resolve, ownPorts = [] } = options
  for (const name of Object.keys(options)) if (!known.has(name)) throw wrong(name, 'is not an option')
  if (secrets !== undefined && typeof secrets.find !== 'function') throw wrong('secrets', 'must have `find(name)`')
  if (ca !== undefined && typeof ca !== 'string') throw wrong('ca', 'must be certificates as text (PEM)')
  if (resolve !== undefined && typeof resolve !== 'function') throw wrong('resolve', 'must be a function')
  const isPort = (port: unknown): boolean =>
    Number.isSafeInteger(port) && (port as number) > 0 && (port as number) < 65_536
  if (!Array.isArray(ownPorts) || !ownPorts.every(isPort)) throw wrong('ownPorts', 'must be a list of port numbers')
}

function wrong(option: string, why: string): KernelError {
  return new KernelError('PROVIDER_INVALID', `the option \`${option}\` of \`http\` ${why}`)
}
