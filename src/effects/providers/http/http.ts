import { limits } from '../../../base/limits.ts'
import type { Answer, Call, Provider } from '../../provider.ts'
import { loadApart } from './load-apart.ts'
import type { OpenGround } from './open-ground.ts'
import { checkOptions, type HttpOptions } from './options.ts'
import { checkRequest } from './request.ts'
import { toldByStatus } from './status.ts'
import { readUrl } from './url.ts'

/**
 * The web: `net.http`, a request to a URL → `{status, headers, body, encoding?, hops?, notFollowed?}`.
 *
 * One action for all methods, `mutate` because also a GET can change the world; what a failed GET did is told as nothing.
 *
 * @throws KernelError PROVIDER_INVALID for an option that cannot be used
 */
export function http(options: HttpOptions = {}): Provider {
  checkOptions(options)
  let closing = new AbortController()
  // Loaded at the first request: undici takes longer to load than all the rest of a kernel.
  const open = once(async () => {
    const { openGround } = await loadApart(() => import('./open-ground.ts'))
    return openGround(options, () => closing.signal)
  })
  return {
    name: 'http',
    ownPlaces: options.secrets?.places ?? [],
    actions: {
      'net.http': {
        kind: 'mutate',
        readResource: readUrl,
        checkParams: checkRequest,
        timeoutMs: limits.httpMs + limits.httpGraceMs,
        foresee: async (call) => (await open()).foresee(call),
        perform: (call) => perform(call, open),
        achieved: toldByStatus,
      },
    },
    close: () => {
      closing.abort()
      // Another kernel may be given the same provider.
      closing = new AbortController()
    },
  }
}

async function perform(call: Call, open: () => Promise<OpenGround>): Promise<Answer> {
  // Taken before the first wait: whoever makes it on demand could not abort it afterwards.
  const { signal } = call
  return (await open()).travel(call, signal)
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined
  return () => (made ??= make())
}
