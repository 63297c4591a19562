import { domainToASCII } from 'node:url'
import type { ResourceReading } from 'kestrel-kernel/providers'

const local = /^[a-z0-9]+(?:[._+-][a-z0-9]+)*$/
const domain = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/

/**
 * One address, as a policy names it: `alice@example.com`, in lower case, its domain in ASCII (IDNA). Case could mean something
 * before the `@`, but to no server that people use, and a deny rule must not be evaded by it. Nothing else is an address here: no
 * display name, no quotes, no list, no comment.
 */
export function readAddress(raw: string): ResourceReading {
  const at = raw.indexOf('@')
  const [name, host] = [
    raw.slice(0, Math.max(0, at)).replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
    raw.slice(at + 1),
  ]
  // What IDNA would decode or map away, as `%40` or a full-width `＠`, is none of a domain's letters.
  const isPlain = raw.length <= 254 && !/[^A-Za-z0-9.\-\u0080-\u{10ffff}]|[\p{C}\p{Z}]/u.test(host)
  const canonical = isPlain ? domainToASCII(host) : ''
  if (local.test(name) && name.length <= 64 && domain.test(canonical)) return { canonical: `${name}@${canonical}` }
  return { problem: 'name one address and nothing else, as `alice@example.com`' }
}
