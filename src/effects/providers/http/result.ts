import { isUtf8 } from 'node:buffer'
import type { JsonObject, JsonValue } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import type { Echo } from './echo.ts'
import type { Incoming } from './exchange.ts'
import { fail } from './stop.ts'
import { parseUrl, type WebUrl } from './url.ts'

/** A redirect that was not followed: to where, and why. */
export interface NotFollowed {
  readonly code: string
  readonly message: string
}

/**
 * `{status, headers, body, encoding?, hops?, notFollowed?}`: what the caller sees of a response, without any secret.
 *
 * @throws Stop `too_large`
 */
export function resultOf(
  response: Incoming,
  hops: readonly WebUrl[],
  echo: Echo,
  notFollowed?: NotFollowed,
): JsonObject {
  const body = echo.hideInBytes(response.body, limits.httpResponseBytes)
  if (body === undefined) throw fail('too_large', 'the body of the response repeats a secret too often to be shown')
  const isText = isUtf8(body)
  return {
    status: response.status,
    headers: headersIn(response, echo, notFollowed !== undefined),
    body: body.toString(isText ? 'utf8' : 'base64'),
    ...(!isText && { encoding: 'base64' }),
    ...(hops.length > 0 && { hops: hops.map(({ display }) => display) }),
    ...(notFollowed !== undefined && { notFollowed: { ...notFollowed } }),
  }
}

/** One string a name; only `set-cookie`, which holds commas of its own, is a list. */
function headersIn({ headers, isDecoded }: Incoming, echo: Echo, isHidden: boolean): JsonObject {
  const all = new Map<string, JsonValue>()
  const cookies: string[] = []
  for (const [name, value] of headers) {
    if (echo.isIn(name)) continue
    // They describe what came over the wire.
    if (isDecoded && (name === 'content-encoding' || name === 'content-length')) continue
    const shown = echo.hideIn(isHidden && name === 'location' ? withoutQuery(value) : value)
    if (name === 'set-cookie') cookies.push(shown)
    else all.set(name, all.has(name) ? `${all.get(name) as string}, ${shown}` : shown)
  }
  if (cookies.length > 0) all.set('set-cookie', cookies)
  return Object.fromEntries(all)
}

/** Where somebody may not go they need no key to: redirects have credentials in their queries. */
function withoutQuery(location: string): string {
  const url = parseUrl(location)
  return 'problem' in url ? location.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//') : url.display
}
