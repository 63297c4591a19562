import type { LookupFunction, Socket } from 'node:net'
import { buildConnector } from 'undici'
import { limits } from '../../../base/limits.ts'
import type { Network } from '../../provider.ts'
import { familyOf, isSameAddress } from './address.ts'
import type { Ground } from './ground.ts'
import { assertAllowed } from './names.ts'
import { fail, refuse } from './stop.ts'
import type { WebUrl } from './url.ts'

/** Where one connection goes, as it was judged. */
export interface Route {
  readonly url: WebUrl
  readonly network: Network
  /** The only ones that are connected to: no name is looked up a second time. */
  readonly addresses: readonly string[]
  /** Ends the connection, also while it is made. */
  readonly signal: AbortSignal
}

/**
 * Makes the one connection of one request.
 *
 * The address that the socket has come to is judged once more before a byte is sent; TLS begins only then.
 *
 * @param onOpen called when the connection stands: from then on the request may have been sent
 */
export function connectorFor(route: Route, ground: Ground, onOpen: () => void): buildConnector.connector {
  const { url, signal } = route
  let isUsed = false
  const shared = { allowH2: false, maxCachedSessions: 0, timeout: limits.httpConnectMs } as const
  const dial = buildConnector({ ...shared, lookup: lookupOf(route.addresses), autoSelectFamily: true, signal } as never)
  const secure = buildConnector({ ...shared, rejectUnauthorized: true, secureContext: ground.trust() })
  return (options, callback) => {
    // A request that needs a second connection is one that is sent twice.
    if (isUsed) {
      callback(fail('connection_failed', `the connection to \`${url.display}\` was lost`, true), null as never)
      return
    }
    isUsed = true
    const done = whenOpen(onOpen, callback)
    dial({ ...options, protocol: 'http:', port: String(url.port) }, (error, socket) => {
      if (error !== null) return callback(error, null)
      const wrong = misled(socket, route, ground)
      if (wrong !== undefined) {
        socket.destroy()
        return callback(wrong, null)
      }
      if (!url.isSecure) return done(null, socket)
      return secure({ ...options, port: String(url.port), httpSocket: socket }, (tlsError, secured) => {
        if (tlsError === null) return done(null, secured)
        socket.destroy()
        return callback(tlsProblem(tlsError, url), null)
      })
    })
  }
}

function whenOpen(onOpen: () => void, callback: buildConnector.Callback): buildConnector.Callback {
  return (...args) => {
    if (args[0] === null) onOpen()
    callback(...args)
  }
}

/** Answers with the addresses that were judged, whatever is asked for. */
function lookupOf(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: familyOf(address) }))
  return (_, options, callback) => {
    const [first] = all
    if (options.all === true) callback(null, all)
    else callback(null, first?.address ?? '', first?.family ?? 0)
  }
}

function misled({ remoteAddress = '' }: Socket, { url, network, addresses }: Route, ground: Ground): Error | undefined {
  if (!addresses.some((address) => isSameAddress(address, remoteAddress))) {
    return refuse('private_address', `\`${url.display}\` led to another address than the one that was judged`)
  }
  try {
    assertAllowed(remoteAddress, url, network, ground)
    return undefined
  } catch (error) {
    return error as Error
  }
}

function tlsProblem(error: Error, { display }: WebUrl): Error {
  const { code = '' } = error as { code?: string }
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return error
  const why = /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? ` (${code})` : ''
  return fail('tls_failed', `no trusted TLS connection to \`${display}\` could be made${why}; check its certificate`)
}
