import type { JsonObject, JsonValue } from '../../../base/json.ts'
import { isJsonObject } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import { showName } from '../params.ts'

/** In the order in which they are sent. A name is as it was written; compare it in lower case. */
export type Headers = readonly (readonly [name: string, value: string])[]

/** @see RFC 9110 §5.6.2 */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const fieldValue = /^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/

/** What says where a request ends, who it is for and how the connection goes on belongs to the provider. */
const reserved: ReadonlySet<string> = new Set([
  'host', 'content-length', 'transfer-encoding', 'connection', 'upgrade', 'http2-settings', 'te', 'trailer', 'expect', 'keep-alive',
]) // prettier-ignore

/** Some servers take the method from these, not from the request line that policy has judged. */
const methodOverrides: ReadonlySet<string> = new Set([
  'x-http-method', 'x-http-method-override', 'x-method-override',
]) // prettier-ignore

/** Only the server that they were meant for may see these. */
const credentials: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie', 'cookie2'])

/** What is wrong with the param `headers`, never with a value of it. */
export function headersProblem(headers: JsonValue): string | undefined {
  if (!isJsonObject(headers)) return '`headers` must be an object of strings'
  const entries = Object.entries(headers)
  if (entries.length > limits.httpRequestHeaders) return `more than ${limits.httpRequestHeaders} headers`
  const seen = new Set<string>()
  let sizeBytes = 0
  for (const [name, value] of entries) {
    const problem = headerProblem(name, value)
    if (problem !== undefined) return problem
    const lower = name.toLowerCase()
    if (seen.has(lower)) return `the header ${showName(lower)} is there twice, in other letters`
    seen.add(lower)
    sizeBytes += name.length + (value as string).length + 4
  }
  return sizeBytes > limits.httpRequestHeaderBytes
    ? `the headers take more than ${limits.httpRequestHeaderBytes} bytes`
    : undefined
}

function headerProblem(name: string, value: JsonValue): string | undefined {
  if (!token.test(name)) return 'the name of a header may hold letters, digits and no spaces'
  const lower = name.toLowerCase()
  if (reserved.has(lower) || lower.startsWith('proxy-')) return `the header ${showName(name)} is the provider's own`
  if (methodOverrides.has(lower)) return `the header ${showName(name)} says another method; say it in \`method\``
  if (typeof value !== 'string') return `the header ${showName(name)} must be a string`
  if (fieldValue.test(value)) return undefined
  return `the header ${showName(name)} holds a control character, a letter beyond ASCII or white space at an end`
}

export function headersOf(params: JsonObject): Headers {
  const headers = params['headers']
  return isJsonObject(headers) ? (Object.entries(headers) as [string, string][]) : []
}

/** Whether a whole value can be sent, once the secrets are in it. */
export function isFieldValue(value: string): boolean {
  return fieldValue.test(value)
}

export function valueOf(headers: Headers, name: string): string | undefined {
  return headers.find(([given]) => given.toLowerCase() === name)?.[1]
}

/** Without what only the first server may see. */
export function withoutCredentials(headers: Headers, holdsSecret: (value: string) => boolean): Headers {
  return headers.filter(([name, value]) => !credentials.has(name.toLowerCase()) && !holdsSecret(value))
}

/** Without what describes a body that is no longer sent. */
export function withoutContent(headers: Headers): Headers {
  return headers.filter(([name]) => !name.toLowerCase().startsWith('content-'))
}
