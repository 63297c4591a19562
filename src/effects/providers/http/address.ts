import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import type { Network } from '../../provider.ts'
import { refuse } from './stop.ts'

/** What an address is, as far as it matters who may reach it. */
export type AddressKind = 'public' | 'private' | 'metadata' | 'unusable'

/**
 * Where clouds hand credentials to whoever asks from inside, beside the link-local addresses, which all of them use. No policy
 * lets an agent reach these.
 */
const metadata: ReadonlySet<string> = new Set([
  '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', 'fd00:42::42',
]) // prettier-ignore

const privateRanges: ReadonlySet<string> = new Set(['loopback', 'private', 'carrierGradeNat', 'uniqueLocal'])

/**
 * `public` only for what is known to be global unicast: a form that this does not know is refused, not let through.
 *
 * IPv6 forms that carry an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo, ISATAP) are `unusable` whatever they carry:
 * what they lead to depends on the network.
 */
export function kindOf(address: string): AddressKind {
  if (address.includes('%') || !ipaddr.isValid(address)) return 'unusable'
  const parsed = ipaddr.parse(address)
  const range = parsed.range()
  if (metadata.has(parsed.toString()) || range === 'linkLocal') return 'metadata'
  if (privateRanges.has(range)) return isFourPart(address, parsed) ? 'private' : 'unusable'
  if (range !== 'unicast') return 'unusable'
  return parsed instanceof ipaddr.IPv6 ? kindOfUnicast(parsed) : isFourPart(address, parsed) ? 'public' : 'unusable'
}

/** A resolver that answers `0x7f.1` is not one to guess after. */
function isFourPart(address: string, parsed: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return parsed.kind() === 'ipv6' || ipaddr.IPv4.isValidFourPartDecimal(address)
}

/** Of what has no special range: global unicast is 2000::/3 (RFC 4291 §2.4), but for ISATAP's interface identifiers (RFC 5214 §6.1). */
function kindOfUnicast({ parts }: ipaddr.IPv6): AddressKind {
  const [first = 0] = parts
  const isIsatap = ((parts[4] ?? 0) & 0xfdff) === 0 && parts[5] === 0x5efe
  return first >> 13 === 1 && !isIsatap ? 'public' : 'unusable'
}

/** Where a request of `network` may not go, as a refusal that names `display`, never the address. */
export function assertReachable(address: string, network: Network, display: string): void {
  const kind = kindOf(address)
  if (kind === 'public' || (kind === 'private' && network === 'private')) return
  const message = `\`${display}\` leads to an address that is not public`
  throw kind === 'private'
    ? refuse('private_address', message, 'put `network: private` on the rule that allows it, if that is meant')
    : refuse('private_address', `${message}, and that no policy opens`)
}

/** Whether `address` is one of this machine's own. */
export function isOwn(address: string): boolean {
  if (!ipaddr.isValid(address)) return true
  const parsed = ipaddr.parse(address)
  if (parsed.range() === 'loopback' || parsed.range() === 'unspecified') return true
  const text = parsed.toNormalizedString()
  return Object.values(networkInterfaces()).some((all) =>
    all?.some((own) => ipaddr.isValid(own.address) && ipaddr.parse(own.address).toNormalizedString() === text),
  )
}

/** Whether two texts name one address. */
export function isSameAddress(one: string, other: string): boolean {
  return ipaddr.isValid(one) && ipaddr.isValid(other)
    ? ipaddr.parse(one).toNormalizedString() === ipaddr.parse(other).toNormalizedString()
    : false
}

/** 4 or 6 for a literal address, else 0. */
export function familyOf(host: string): 0 | 4 | 6 {
  if (ipaddr.IPv6.isValid(host)) return 6
  return ipaddr.IPv4.isValidFourPartDecimal(host) ? 4 : 0
}
