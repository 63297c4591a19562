import { Client, type Dispatcher } from 'undici'
import { limits } from '../../../base/limits.ts'
import { connectorFor, type Route } from './connection.ts'
import { acceptedEncodings, knownEncoding, readContent } from './content.ts'
import type { Ground } from './ground.ts'
import { valueOf, type Headers } from './headers.ts'
import { fail } from './stop.ts'
import { stopFor } from './wire-error.ts'

/** One request as it goes over the wire: secrets filled in. */
export interface Outgoing {
  readonly method: string
  readonly headers: Headers
  readonly body: Buffer | undefined
}

/** One response. Names of headers are in lower case, one pair for each line that came. */
export interface Incoming {
  readonly status: number
  readonly headers: Headers
  /** Empty where nobody wanted it. */
  readonly body: Buffer
  readonly isDecoded: boolean
}

/** What is told on the way. */
export interface Listener {
  /** The connection stands: from now on bytes may have been sent. */
  onOpen(): void
  /** The server has answered. Says whether its body is wanted. */
  onAnswer(status: number, headers: Headers): boolean
}

/**
 * Sends one request over a connection of its own, and closes that: no principal meets another's connection, and nothing is
 * ever sent twice.
 *
 * @throws Stop with a code of the provider's
 */
export async function exchange(
  outgoing: Outgoing,
  route: Route,
  ground: Ground,
  listener: Listener,
): Promise<Incoming> {
  const client = new Client(route.url.origin, {
    connect: connectorFor(route, ground, () => listener.onOpen()),
    pipelining: 1,
    allowH2: false,
    useMilo: false,
    maxHeaderSize: limits.httpResponseHeaderBytes,
    maxResponseSize: limits.httpResponseBytes,
    headersTimeout: limits.httpMs,
    bodyTimeout: limits.httpIdleMs,
  })
  try {
    return await send(client, outgoing, route, ground, listener)
  } catch (error) {
    // Why it was called off says more than how undici notices it.
    throw stopFor(route.signal.aborted ? route.signal.reason : error, route.url)
  } finally {
    client.destroy().catch(() => undefined)
  }
}

async function send(
  client: Client,
  { method, headers, body }: Outgoing,
  { url, signal }: Route,
  ground: Ground,
  listener: Listener,
): Promise<Incoming> {
  const answer = await client.request({
    method: method as Dispatcher.HttpMethod,
    path: url.target,
    headers: withDefaults(headers).flat(),
    body: body ?? null,
    // No connection is kept: see above.
    reset: true,
    signal,
    responseHeaders: 'raw',
  })
  const received = pairsOf(answer.headers as unknown as readonly string[])
  const { statusCode: status } = answer
  // undici may fail it once more while it is thrown away.
  answer.body.on('error', () => undefined)
  if (!listener.onAnswer(status, received))
    return { status, headers: received, body: Buffer.alloc(0), isDecoded: false }
  const encoding = encodingOf(received)
  const content = await readContent(answer.body, encoding, ground.capacity, signal)
  return { status, headers: received, body: content, isDecoded: encoding !== undefined }
}

/** @throws Stop for more than one encoding: each unfolds the other, and nothing bounds what passes between them */
function encodingOf(headers: Headers): string | undefined {
  const encodings = headers.filter(([name]) => name === 'content-encoding').flatMap(([, value]) => value.split(','))
  if (encodings.length > 1) throw fail('bad_response', 'the body of the response is compressed more than once')
  return knownEncoding(encodings[0])
}

function withDefaults(headers: Headers): [string, string][] {
  const given = headers.map(([name, value]): [string, string] => [name, value])
  if (valueOf(headers, 'user-agent') === undefined) given.push(['user-agent', 'kestrel'])
  if (valueOf(headers, 'accept') === undefined) given.push(['accept', '*/*'])
  if (valueOf(headers, 'accept-encoding') === undefined) {
    // A part of a compressed body cannot be decompressed.
    given.push(['accept-encoding', valueOf(headers, 'range') === undefined ? acceptedEncodings : 'identity'])
  }
  return given
}

function pairsOf(raw: readonly string[]): Headers {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([(raw[i] as string).toLowerCase(), raw[i + 1] as string])
  return pairs
}
