import { KernelError, systemCode } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Post } from '../../evidence/witness/index.ts'
import { usage } from '../typed-request.ts'

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/**
 * Where a witness takes checkpoints: `<url>/add-checkpoint`. Only https, or http to this machine: in between, anyone could keep
 * a log from being witnessed without being noticed.
 *
 * @throws KernelError USAGE_INVALID
 */
export function submissionUrl(text: string): URL {
  if (!URL.canParse(text)) throw usage(`\`${text}\` is not a URL, as \`https://witness.example\``)
  const url = new URL(text)
  const isPlain = url.protocol === 'http:' && loopback.test(url.hostname)
  if (url.protocol !== 'https:' && !isPlain) throw usage('a witness is asked over https, or over http on this machine')
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw usage('the URL of a witness has no user, query or fragment')
  }
  url.pathname = `${url.pathname.replace(/\/$/, '')}/add-checkpoint`
  return url
}

/** One POST: no redirect, a bounded answer, a bounded time. @throws KernelError WITNESS_UNAVAILABLE */
export function postTo(url: URL, interrupted: AbortSignal): Post {
  return async (body) => {
    const signal = AbortSignal.any([interrupted, AbortSignal.timeout(limits.witnessRequestMs)])
    try {
      const init = { method: 'POST', body: Buffer.from(body), redirect: 'error', signal } as const
      const response = await fetch(url, { ...init, headers: { 'content-type': 'application/octet-stream' } })
      return { status: response.status, body: await bounded(response) }
    } catch (cause) {
      if (cause instanceof KernelError) throw cause
      const why = cause instanceof Error ? (systemCode(cause.cause) ?? cause.name) : 'unknown'
      throw new KernelError('WITNESS_UNAVAILABLE', `\`${url.origin}\` cannot be reached (${why}); try again`, { cause })
    }
  }
}

async function bounded(response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body ?? []) {
    length += part.length
    if (length > limits.witnessAnswerBytes) {
      throw new KernelError('WITNESS_UNAVAILABLE', `it answers more than ${limits.witnessAnswerBytes} bytes`)
    }
    parts.push(part)
  }
  return Buffer.concat(parts)
}
