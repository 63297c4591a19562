import type { JsonObject, JsonValue } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import { integer, oneOf, optional, shape, text } from '../params.ts'
import { headersOf, headersProblem, type Headers } from './headers.ts'
import { badReference } from './reference.ts'
import type { WebUrl } from './url.ts'

/** What is to be sent to `url`. Secrets stand in it by reference only. */
export interface PlannedRequest {
  readonly url: WebUrl
  readonly method: string
  readonly headers: Headers
  /** Text may hold references; bytes never do. */
  readonly body: string | Uint8Array | undefined
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/** Methods that ask for nothing to be changed. @see RFC 9110 §9.2.1 */
export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

/** What is wrong with the params of `net.http`, for the caller. */
export const checkRequest: (params: JsonObject) => string | undefined = shape(
  {
    method: optional(oneOf(...methods)),
    headers: optional({ mustBe: 'an object of strings', fits: (value) => typeof value === 'object' }),
    body: optional(text),
    encoding: optional(oneOf('utf8', 'base64')),
    timeoutMs: optional(integer(1, limits.httpMs)),
  },
  (params) => (params['headers'] === undefined ? undefined : headersProblem(params['headers'])) ?? bodyProblem(params),
)

function bodyProblem(params: JsonObject): string | undefined {
  const { method = 'GET', body, encoding } = params as { method?: string; body?: string; encoding?: string }
  if (headersOf(params).some(([, value]) => badReference(value))) return `a header ${brokenReference}`
  if (body === undefined)
    return encoding === undefined ? undefined : '`encoding` says how `body` is written; there is none'
  if (method === 'GET' || method === 'HEAD') return `\`body\` cannot be sent with the method ${method}`
  if (encoding !== 'base64') {
    if (!badReference(body)) return undefined
    return `\`body\` ${brokenReference}; bytes sent with \`encoding\` \`base64\` are never read for references`
  }
  // Buffer skips what is not base64; only a round trip shows that nothing was skipped.
  if (Buffer.from(body, 'base64').toString('base64') === body) return undefined
  return '`body` must be canonical base64 (padded, without spaces or line breaks) when `encoding` is `base64`'
}

const brokenReference = 'holds `{{secret:` and no name of a secret behind it; write `{{secret:NAME}}`, in capitals'

export function planRequest(url: WebUrl, params: JsonObject): PlannedRequest {
  const { method = 'GET', body, encoding } = params as { method?: string; body?: string; encoding?: string }
  const bytes = body !== undefined && encoding === 'base64' ? Buffer.from(body, 'base64') : body
  return { url, method, headers: headersOf(params), body: bytes }
}

/** The params that would ask for `request`, for policy to judge: like all that it judges they have no prototype. */
export function paramsOf(request: PlannedRequest, original: JsonObject): JsonObject {
  const params: Record<string, JsonValue> = Object.assign(Object.create(null), original)
  params['method'] = request.method
  if (original['headers'] !== undefined) {
    params['headers'] = Object.assign(Object.create(null), Object.fromEntries(request.headers)) as JsonObject
  }
  if (request.body === undefined) {
    delete params['body']
    delete params['encoding']
  }
  return params
}
