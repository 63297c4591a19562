import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonObject } from '../../../src/base/json.ts'
import { protect } from '../../../src/effects/protection.ts'
import { http, type Answer, type Call, type HttpOptions, type Provider } from '../../../src/effects/providers/index.ts'
import { noContents } from '../a-host.ts'

/** What a server was sent. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A web server on this machine, which remembers what it was sent. */
export interface Site extends AsyncDisposable {
  readonly port: number
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  readonly seen: Seen[]
}

/** A server that answers by `respond`; default `200 ok`. */
export async function aSite(respond: RequestListener = (_, response) => void response.end('ok')): Promise<Site> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      seen.push({ method, url, headers, body: Buffer.concat(pieces).toString() })
      respond(request, response)
    })
  })
  return { ...(await listening(server)), seen }
}

/** Lets `server` listen on a port of its own. */
export async function listening(server: Server | import('node:net').Server): Promise<Omit<Site, 'seen'>> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      if ('closeAllConnections' in server) server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What a test looks at of an answer. */
export type Told = Answer | { readonly invalid: string }

/** Carries out `net.http` as the gate would: reads resource and params first. */
export type Ask = (url: string, params?: JsonObject, changes?: Partial<Call>) => Promise<Told>

/** The provider as an agent meets it. Unless `changes` say otherwise a rule permits everything, private addresses too. */
export function aBrowser(options: HttpOptions = {}): { readonly ask: Ask; readonly provider: Provider } {
  const provider = http(options)
  return { provider, ask: (url, params, changes) => act(provider, url, params, changes) }
}

async function act(
  provider: Provider,
  url: string,
  params: JsonObject = {},
  changes: Partial<Call> = {},
): Promise<Told> {
  const definition = provider.actions['net.http']
  if (definition === undefined) throw new Error('no net.http')
  const invalid = definition.checkParams?.(params)
  if (invalid !== undefined) return { invalid }
  const reading = definition.readResource(url)
  if ('problem' in reading) return { invalid: reading.problem }
  return await definition.perform({ ...callFor(reading.canonical, params), ...changes })
}

export function callFor(resource: string, params: JsonObject = {}): Call {
  return {
    action: 'net.http',
    resource,
    params,
    mounts: undefined,
    protection: protect([]),
    signal: new AbortController().signal,
    network: 'private',
    judge: () => ({ network: 'private' }),
    contents: noContents,
    report: () => undefined,
  }
}

/** The result of an answer that is `done`. */
export function resultIn(told: Told): { status: number; headers: Record<string, unknown>; body: string } & JsonObject {
  if (!('effect' in told) || told.effect !== 'done') throw new Error(`not done: ${JSON.stringify(told)}`)
  return told.result as never
}

export const failing = (code: string, effect = 'none'): object => ({ effect, error: { code } })
