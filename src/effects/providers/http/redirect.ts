import { valueOf, withoutContent, withoutCredentials, type Headers } from './headers.ts'
import type { Incoming } from './exchange.ts'
import type { PlannedRequest } from './request.ts'
import type { Echo } from './echo.ts'
import { holdsReference } from './reference.ts'
import { fail, refuse } from './stop.ts'
import { parseUrl, type WebUrl } from './url.ts'

/** Whether a response says that what was asked for is elsewhere. */
export function isRedirect(status: number, headers: Headers): boolean {
  const leads = status === 301 || status === 302 || status === 303 || status === 307 || status === 308
  return leads && valueOf(headers, 'location') !== undefined
}

/**
 * The request that follows a redirect, as policy must judge it.
 *
 * To another origin goes nothing that only the first may see; where that would take a body with a secret away, nothing goes at
 * all. @see https://fetch.spec.whatwg.org/#http-redirect-fetch
 *
 * @throws Stop where the redirect is none that may be followed
 */
export function nextRequest(request: PlannedRequest, response: Incoming, echo: Echo): PlannedRequest {
  const url = targetOf(request.url, response.headers, echo)
  if (request.url.isSecure && !url.isSecure) {
    throw fail('insecure_redirect', `\`${request.url.display}\` redirects to \`${url.display}\`, which is not secure`)
  }
  const { status } = response
  const becomesGet =
    (status === 303 && request.method !== 'GET' && request.method !== 'HEAD') ||
    ((status === 301 || status === 302) && request.method === 'POST')
  const method = becomesGet ? 'GET' : request.method
  const body = becomesGet ? undefined : request.body
  const headers = becomesGet ? withoutContent(request.headers) : request.headers
  if (url.origin === request.url.origin) return { url, method, headers, body }
  if (typeof body === 'string' && holdsReference(body)) {
    const leads = `\`${request.url.display}\` redirects to \`${url.display}\``
    throw refuse('secret_not_for_here', `${leads}, and the body holds a secret that is for the first only`)
  }
  return { url, method, headers: withoutCredentials(headers, holdsReference), body }
}

function targetOf(base: WebUrl, headers: Headers, echo: Echo): WebUrl {
  const locations = headers.filter(([name]) => name === 'location').map(([, value]) => value)
  const [location = ''] = locations
  const from = `\`${base.display}\` redirects to`
  if (locations.length > 1) throw fail('bad_response', `${from} several places at once`)
  if (echo.isIn(location)) throw refuse('secret_not_for_here', `${from} a URL that holds a secret`)
  // What the URL standard would repair in silence is not guessed at.
  if (/[\p{Cc}\p{Z}\\]/u.test(location)) throw fail('bad_response', `${from} what is no URL`)
  const resolved = URL.parse(location, base.canonical)?.href
  const url = resolved === undefined ? { problem: '' } : parseUrl(resolved)
  if ('problem' in url) throw fail('bad_response', `${from} what is no URL that \`net.http\` takes`)
  if (echo.isIn(url.canonical)) throw refuse('secret_not_for_here', `${from} a URL that holds a secret`)
  return url
}
