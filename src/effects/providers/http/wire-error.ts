import { systemCode } from '../../../base/errors.ts'
import { limits } from '../../../base/limits.ts'
import { fail, Stop } from './stop.ts'
import type { WebUrl } from './url.ts'

/** What undici, TLS or the system threw, in the provider's own words: never in theirs, which may hold what was sent. */
export function stopFor(error: unknown, { display }: WebUrl): Stop {
  if (error instanceof Stop) return error
  const code = systemCode(error) ?? ''
  // The parser's errors have many codes, or none.
  const isGarbled = error instanceof Error && error.name === 'HTTPParserError'
  const [own, says, retryable] =
    (Object.hasOwn(wireErrors, code) ? wireErrors[code] : undefined) ?? (isGarbled ? garbled : lost)
  return fail(own, `\`${display}\` ${says}`, retryable)
}

type Told = readonly [code: string, says: string, retryable: boolean]

const lost: Told = ['connection_failed', 'could not be reached, or the connection was lost; try again later', true]
const garbled: Told = ['bad_response', 'did not answer in valid HTTP', false]
const slow: Told = ['timeout', 'did not answer in time; try again later, or give it longer with `timeoutMs`', true]
const refused: Told = ['connection_refused', 'does not accept connections; check host and port', true]

const wireErrors: Readonly<Record<string, Told>> = {
  ECONNREFUSED: refused,
  ETIMEDOUT: slow,
  UND_ERR_CONNECT_TIMEOUT: slow,
  UND_ERR_HEADERS_TIMEOUT: slow,
  UND_ERR_BODY_TIMEOUT: slow,
  UND_ERR_HEADERS_OVERFLOW: [
    'too_large',
    `answers with more than ${limits.httpResponseHeaderBytes} bytes of headers`,
    false,
  ],
  UND_ERR_RES_EXCEEDED_MAX_SIZE: [
    'too_large',
    `answers with more than ${limits.httpResponseBytes} bytes; ask for a part`,
    false,
  ],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: garbled,
}
