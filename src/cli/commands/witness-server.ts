import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { limits } from '../../base/limits.ts'
import { answerAddCheckpoint, answerHead, said, type Answer, type Served } from '../../evidence/witness/index.ts'
import { usage } from '../typed-request.ts'

/** A host and a port as typed: `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`. */
const listenPattern = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):([0-9]{1,5})$/
const highestPort = 65_535
/** How often Node looks for connections that are over their time. */
const sweepMs = 500

/**
 * A witness on HTTP. Every request has a bounded body, a bounded number of headers and a bounded time.
 *
 * @param onError told what made an answer a 500; nothing was cosigned then
 */
export function witnessServer(served: Served, onError: (error: unknown) => void): Server {
  const server = createServer(
    {
      headersTimeout: limits.witnessRequestMs,
      requestTimeout: limits.witnessRequestMs,
      keepAliveTimeout: limits.witnessRequestMs,
      connectionsCheckingInterval: sweepMs,
      maxHeaderSize: 16_384,
    },
    (request, response) => {
      answerTo(request, served)
        .catch((error: unknown) => {
          if (!request.aborted) onError(error)
          return said(500, 'the witness cannot remember now, so that nothing was cosigned')
        })
        .then((answer) => send(request, response, answer))
        .catch(onError)
    },
  )
  server.maxConnections = limits.witnessConnections
  return server
}

/** Resolves to where it listens. @throws KernelError USAGE_INVALID for an address that is none; system errors */
export async function listen(server: Server, address: string): Promise<string> {
  const [, bracketed, plain, digits] = listenPattern.exec(address) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host === undefined || !(port <= highestPort)) {
    throw usage(`\`--listen ${address}\` is not HOST:PORT, as \`127.0.0.1:8080\``)
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen({ host, port }, resolve)
  await promise
  server.off('error', reject)
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw usage(`\`--listen ${address}\` is not HOST:PORT`)
  return `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
}

async function answerTo(request: IncomingMessage, served: Served): Promise<Answer> {
  const { method, url = '' } = request
  if (url !== '/add-checkpoint') return method === 'GET' ? answerHead(served, url) : said(404, 'there is nothing here')
  if (method !== 'POST') return said(405, 'use POST')
  const body = await readBody(request)
  return body === undefined ? said(413, 'the request is too long') : answerAddCheckpoint(served, body)
}

/** The whole body, or undefined when it is too long. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > limits.witnessRequestBytes) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body }: Answer): void {
  const bytes = Buffer.from(body as Uint8Array)
  response.statusCode = status
  response.setHeader('content-type', contentType)
  response.setHeader('content-length', bytes.length)
  if (status === 405) response.setHeader('allow', 'POST')
  // what was not read of a body would be taken for the next request
  if (!request.complete) response.setHeader('connection', 'close')
  response.end(bytes)
}
