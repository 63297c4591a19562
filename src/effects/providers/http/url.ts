import { fitsUtf8 } from '../../../base/bytes.ts'
import { limits } from '../../../base/limits.ts'
import type { ResourceReading } from '../../provider.ts'

/** A URL in its one canonical form, and its parts. */
export interface WebUrl {
  readonly canonical: string
  /** Without its query: what may stand in a log or a message. */
  readonly display: string
  /** `https://example.com:8443` */
  readonly origin: string
  /** As a resolver or a socket takes it: an IPv6 address without its brackets. */
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
  /** Path and query, as they are sent. */
  readonly target: string
  readonly path: string
}

/**
 * The one spelling of an `http:` or `https:` URL.
 *
 * Host and dot segments by the URL standard: lower case, punycode, every spelling of an IPv4 address as `127.0.0.1`. Beyond it,
 * so that no two spellings of one URL differ: no dot behind the host, no fragment, no empty query; percent-encoded characters
 * that mean the same without their encoding lose it, all others have it, in capitals.
 *
 * What servers are known to read in two ways has no canonical form: user names, backslashes, white space, encoded slashes and
 * their kind. @see https://url.spec.whatwg.org, RFC 3986 §6.2.2
 */
export function readUrl(raw: string): ResourceReading {
  const url = parseUrl(raw)
  return 'problem' in url ? url : { canonical: url.canonical, display: url.display }
}

export function parseUrl(raw: string): WebUrl | { readonly problem: string } {
  const problem = textProblem(raw)
  if (problem !== undefined) return { problem }
  const url = URL.parse(raw)
  if (url === null) return { problem: 'it is not a URL; write it as `https://example.com/path`' }
  const host = url.hostname.replace(/\.$/, '')
  if (!hostForm.test(host)) return { problem: 'the host of the URL is not the name or the address of one' }
  if (url.port === '0') return { problem: 'the port of the URL is 0, which nothing listens on' }
  const odd = pathProblem(url.pathname)
  if (odd !== undefined) return { problem: odd }
  const path = settle(url.pathname, plainInPath, foreignToPath)
  const query = url.search.length > 1 ? settle(url.search, unreserved, foreignToQuery) : ''
  const origin = `${url.protocol}//${host}${url.port === '' ? '' : `:${url.port}`}`
  const canonical = `${origin}${path}${query}`
  if (canonical.length > limits.resourceBytes) return { problem: tooLong }
  if (reference.test(canonical))
    return { problem: 'a secret cannot stand in a URL, which is logged; put it in a header' }
  const isSecure = url.protocol === 'https:'
  return {
    canonical,
    display: `${origin}${path}`,
    origin,
    host: host.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
    isSecure,
    target: `${path}${query}`,
    path,
  }
}

/** Whether `url` lies below `place`, segment by segment. */
export function liesBelow(url: WebUrl, place: WebUrl): boolean {
  if (url.origin !== place.origin) return false
  const folder = place.path.replace(/\/$/, '')
  return url.path === place.path || url.path === folder || url.path.startsWith(`${folder}/`)
}

const tooLong = `the URL is longer than ${limits.resourceBytes} bytes`
const hostForm = /^(?:\[[0-9a-f:]+\]|(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*)$/
const reference = /(?:%7B){2}secret(?::|%3A)/i

function textProblem(raw: string): string | undefined {
  if (!fitsUtf8(raw, limits.resourceBytes)) return tooLong
  if (!raw.isWellFormed()) return 'the URL holds a lone surrogate'
  if (/[\p{Cc}\p{Cf}\p{Z}\\]/u.test(raw))
    return 'the URL holds white space, a backslash or a character that nobody sees'
  const [opening] = /^https?:\/\//i.exec(raw) ?? []
  if (opening === undefined) return 'the URL must begin with `https://` or `http://`'
  const [rest = ''] = raw.slice(opening.length).split('#', 1)
  const [authority = ''] = rest.split(/[/?]/, 1)
  if (authority === '') return 'the URL has no host'
  if (authority.includes('@')) return 'the URL holds a user name; put credentials in the header `authorization`'
  if (/%(?![0-9a-f]{2})/i.test(rest))
    return 'the URL holds a `%` without two hexadecimal digits; write `%25` for the sign'
  return undefined
}

/** Paths in which some servers find other paths: one that policy has not judged. */
function pathProblem(path: string): string | undefined {
  if (/%(?:25)*(?:2f|5c|[01][0-9a-f]|7f)|%(?:25)+2e/i.test(path)) {
    return 'the path of the URL holds an encoded slash, backslash, dot or control character, which servers read in two ways'
  }
  if (/\/\.{1,2}(?:;|%3b)/i.test(path)) return 'the path of the URL holds `..;`, which servers read in two ways'
  try {
    decodeURIComponent(path)
    return undefined
  } catch {
    return 'the path of the URL holds encoded bytes that are not UTF-8'
  }
}

const unreserved = /[A-Za-z0-9\-._~]/
/** `;` and `+` are not among them: there are servers to which they mean something else than `%3B` and `%2B`. */
const plainInPath = /[A-Za-z0-9\-._~:@!$&'()*,=]/
const foreignToPath = /[^A-Za-z0-9\-._~:@!$&'()*,=;+/%]/g
const foreignToQuery = /[^A-Za-z0-9\-._~:@!$&'()*,=;+/?%]/g

function settle(text: string, plain: RegExp, foreign: RegExp): string {
  return text
    .replace(/%[0-9a-f]{2}/gi, (code) => {
      const character = String.fromCharCode(Number.parseInt(code.slice(1), 16))
      return plain.test(character) ? character : code.toUpperCase()
    })
    .replace(foreign, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}
