import { lookup } from 'node:dns/promises'
import { systemCode } from '../../../base/errors.ts'
import { limits } from '../../../base/limits.ts'
import type { Network } from '../../provider.ts'
import { assertReachable, familyOf, isOwn } from './address.ts'
import type { Ground, Resolve } from './ground.ts'
import { fail, refuse, Stop } from './stop.ts'
import type { WebUrl } from './url.ts'

/** As the system resolves names: its hosts file, then DNS. */
export const systemResolve: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address)

/**
 * The addresses that a request to `url` may connect to. One bad address spoils them all: which of several is taken is chance.
 *
 * @throws Stop a refusal, or `not_found`
 */
export async function addressesOf(
  url: WebUrl,
  network: Network,
  ground: Ground,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const addresses = familyOf(url.host) === 0 ? await resolve(url, ground, signal) : [url.host]
  for (const address of addresses) assertAllowed(address, url, network, ground)
  return addresses
}

/** @throws Stop where `address` is none that a request to `url` may connect to */
export function assertAllowed(
  address: string,
  url: WebUrl,
  network: Network,
  { ownPorts }: Pick<Ground, 'ownPorts'>,
): void {
  if (ownPorts.has(url.port) && isOwn(address)) {
    throw refuse('self_protected', `\`${url.display}\` leads to where Kestrel itself listens`)
  }
  assertReachable(address, network, url.display)
}

async function resolve(url: WebUrl, ground: Ground, signal: AbortSignal): Promise<readonly string[]> {
  let addresses: readonly string[]
  try {
    addresses = await ground.capacity.lookUp(signal, () => ground.resolve(url.host))
  } catch (error) {
    if (error instanceof Stop) throw error
    const isTemporary = systemCode(error) === 'EAI_AGAIN'
    throw fail('not_found', `the name of \`${url.display}\` does not resolve; check its spelling`, isTemporary)
  }
  if (addresses.length === 0) throw fail('not_found', `the name of \`${url.display}\` has no address`)
  if (addresses.length > limits.httpAddresses) {
    throw fail('not_found', `the name of \`${url.display}\` has more than ${limits.httpAddresses} addresses`)
  }
  return addresses
}
