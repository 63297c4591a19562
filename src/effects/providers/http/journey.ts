import type { JsonObject } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import type { Answer, Call, Network } from '../../provider.ts'
import { Echo } from './echo.ts'
import { exchange, type Incoming } from './exchange.ts'
import type { Ground } from './ground.ts'
import { addressesOf } from './names.ts'
import { isRedirect, nextRequest } from './redirect.ts'
import { isSafe, paramsOf, planRequest, type PlannedRequest } from './request.ts'
import { resultOf } from './result.ts'
import { fill, findSecrets, type Secret } from './secrets.ts'
import { fail, refuse, Stop, unlessAborted } from './stop.ts'
import { parseUrl, type WebUrl } from './url.ts'

/**
 * Carries out one `net.http`: the request, and each redirect once policy has judged it as a request of its own.
 *
 * @param signal the call's; also obeyed while names are resolved and connections are made
 */
export async function travel(ground: Ground, call: Call, signal: AbortSignal): Promise<Answer> {
  const journey = new Journey(ground, call)
  const time = new AbortController()
  const { timeoutMs = limits.performMs } = call.params as { timeoutMs?: number }
  const timer = setTimeout(() => time.abort(tooSlow(timeoutMs)), timeoutMs)
  const cancel = (): void => time.abort(cancelled())
  const others = [signal, ground.closing()]
  for (const other of others) {
    if (other.aborted) cancel()
    other.addEventListener('abort', cancel, { once: true })
  }
  try {
    return { effect: 'done', result: await journey.go(time.signal) }
  } catch (error) {
    if (error instanceof Stop) return journey.endingFor(error)
    throw error
  } finally {
    clearTimeout(timer)
    for (const other of others) other.removeEventListener('abort', cancel)
  }
}

/** What is known of the effect of the requests so far that ask for a change. */
type Known = { readonly effect: 'none' | 'uncertain' } | { readonly effect: 'answered'; readonly status: number }

class Journey {
  readonly #ground: Ground
  readonly #call: Call
  readonly #secrets: Map<string, Secret> = new Map()
  readonly #hops: WebUrl[] = []
  #known: Known = { effect: 'none' }
  /** The whole answer to the last request that asks for a change, until another such request is sent. */
  #answer: Incoming | undefined

  constructor(ground: Ground, call: Call) {
    this.#ground = ground
    this.#call = call
  }

  async go(signal: AbortSignal): Promise<JsonObject> {
    const url = parseUrl(this.#call.resource)
    if ('problem' in url) throw fail('invalid_params', url.problem)
    let request = planRequest(url, this.#call.params)
    let { network } = this.#call
    for (let hop = 0; ; hop++) {
      const response = await this.#ask(request, network, signal)
      if (hop > 0) this.#hops.push(request.url)
      if (!isRedirect(response.status, response.headers)) return resultOf(response, this.#hops, this.#echo)
      const { url: from } = request
      request = nextRequest(request, response, this.#echo)
      if (hop >= limits.httpHops) {
        throw fail('too_many_redirects', `\`${from.display}\` redirects once more, after ${limits.httpHops} times`)
      }
      network = this.#judge(request)
    }
  }

  /** How the request ends that was stopped: what has happened is told, and nothing else. */
  endingFor(stop: Stop): Answer {
    const { code, message, refused, hint } = stop
    const known = this.#known
    if (known.effect === 'answered') return this.#endingAfter(stop, known.status)
    if (refused !== undefined) return { refused, message, ...(hint !== undefined && { hint }) }
    const isOpen = known.effect === 'uncertain'
    return { effect: known.effect, error: { code, message, retryable: stop.retryable && !isOpen } }
  }

  /** What was asked for was asked and answered: neither a refusal nor "nothing happened" would be true. */
  #endingAfter({ code, message }: Stop, status: number): Answer {
    const error = {
      code,
      message: `the server answered with the status ${status}, but then: ${message}`,
      retryable: false,
    }
    if (this.#answer === undefined) return { failed: error }
    try {
      return { effect: 'done', result: resultOf(this.#answer, this.#hops, this.#echo, { code, message }) }
    } catch {
      return { failed: error }
    }
  }

  get #echo(): Echo {
    return new Echo(this.#secrets)
  }

  #judge(request: PlannedRequest): Network {
    const { url } = request
    const judged = this.#call.judge(url.canonical, paramsOf(request, this.#call.params))
    if (judged.refused === undefined) return judged.network
    throw refuse(judged.refused, `a redirect to \`${url.display}\`: ${judged.message}`, judged.hint)
  }

  async #ask(request: PlannedRequest, network: Network, signal: AbortSignal): Promise<Incoming> {
    const { url, method, headers, body } = request
    await unlessAborted(findSecrets(request, this.#ground.secrets, this.#secrets), signal)
    const outgoing = {
      method,
      headers: headers.map(([name, value]) => [name, fill(value, this.#secrets)] as const),
      body: typeof body === 'string' ? Buffer.from(fill(body, this.#secrets)) : body && Buffer.from(body),
    }
    const changes = !isSafe(method)
    return this.#ground.capacity.inTurn(signal, async () => {
      const addresses = await addressesOf(url, network, this.#ground, signal)
      const response = await exchange(outgoing, { url, network, addresses, signal }, this.#ground, {
        onOpen: () => {
          if (!changes) return
          this.#known = { effect: 'uncertain' }
          this.#answer = undefined
        },
        onAnswer: (status, received) => {
          if (changes) this.#known = { effect: 'answered', status }
          return changes || !isRedirect(status, received)
        },
      })
      if (changes) this.#answer = response
      return response
    })
  }
}

function tooSlow(timeoutMs: number): Stop {
  return fail('timeout', `there was no whole answer within ${timeoutMs} ms; give it longer with \`timeoutMs\``, true)
}

function cancelled(): Stop {
  return fail('cancelled', 'the request was cancelled', true)
}
