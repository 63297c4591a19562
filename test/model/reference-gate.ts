import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { ReferenceLog, Said } from './reference-log.ts'

/** One request of the model's world, well-formed. */
export interface Ask {
  readonly by: 'alice' | 'bob' | 'local'
  readonly action: string
  readonly resource: string
  readonly params?: Readonly<Record<string, string | number>>
  readonly key?: string
  readonly dryRun?: true
}

/** What is sent instead of a request, and what of it the log may show. */
export interface Garbage {
  readonly by: Ask['by']
  readonly garbage: unknown
  readonly shows?: { readonly action?: string; readonly resource?: string }
}

export interface Ending {
  readonly status: string
  /** The reason's or the error's code. */
  readonly code?: string
  readonly effect?: string
  readonly result?: unknown
}

export interface Expected extends Ending {
  readonly seq: number
}

/** What was judged and not written yet; or the answer of an earlier attempt that this one joins. */
export type Judged =
  | { readonly ending: Ending; readonly said: Said; readonly stored?: Stored }
  | { readonly ending?: undefined; readonly stored: Stored }

/** The answer to a keyed request; undefined while it is carried out. */
interface Stored {
  request: string | undefined
  answer: Expected | undefined
}

export type PolicyName = 'wide' | 'narrow'

/** The same policies as `policies` in `a-kernel.ts`, written a second time as plain conditions. */
function decide(policy: PolicyName, { by, action, resource }: Ask): string {
  if (action.startsWith('fs.') && resource.endsWith('/.env')) return 'denied_by_rule'
  if (policy === 'narrow' && action === 'fn.act') return 'denied_by_rule'
  if (action === 'fn.admin') return by === 'bob' ? 'permitted' : 'role_missing'
  if (action === 'fs.read' && resource.startsWith('/workspace/')) return 'permitted'
  if (action === 'fs.write' && resource.startsWith('/workspace/out/') && policy === 'wide') return 'permitted'
  return /^(?:fn\.(?:act|look|throws)|odd\.)/.test(action) ? 'permitted' : 'no_matching_rule'
}

/** What the functions and the lying provider of `a-kernel.ts` come to. */
const endings: Readonly<Record<string, Ending>> = {
  'fn.look': { status: 'ok', effect: 'done', result: { seen: true } },
  'fn.admin': { status: 'ok', effect: 'done' },
  'fn.throws': { status: 'failed', code: 'function_failed' },
  'odd.garbage': { status: 'unknown', code: 'provider_broken', effect: 'uncertain' },
  'odd.throws': { status: 'unknown', code: 'provider_broken', effect: 'uncertain' },
  'odd.blind': { status: 'failed', code: 'provider_broken', effect: 'none' },
  'odd.refuses': { status: 'denied', code: 'unsafe_file', effect: 'none' },
  'odd.none': { status: 'failed', code: 'busy', effect: 'none' },
  'odd.unsure': { status: 'unknown', code: 'lost', effect: 'uncertain' },
  'odd.unshown': { status: 'failed', code: 'invalid_result', effect: 'done' },
  'odd.hangs': { status: 'unknown', code: 'timeout', effect: 'uncertain' },
}

const mutating = /^(?:fs\.write|fn\.(?:act|admin|throws)|odd\.(?!blind))/

/** The gate, as a few conditions over maps. */
export class ReferenceGate {
  readonly log: ReferenceLog
  readonly files: Map<string, string>
  /** The amounts of every `fn.act` that took effect. */
  readonly effects: number[] = []
  readonly answers: Map<string, Stored> = new Map()
  policy: PolicyName
  policySeq: number

  constructor(log: ReferenceLog, policy: PolicyName, files: Readonly<Record<string, string>>) {
    this.log = log
    this.files = new Map(Object.entries(files))
    this.policy = policy
    this.policySeq = log.append({ kind: 'policy', principal: 'local' })
  }

  /** A new start: another policy is entered, the one in force is not. */
  restart(policy: PolicyName): void {
    if (policy !== this.policy) this.policySeq = this.log.append({ kind: 'policy', principal: 'local' })
    this.policy = policy
  }

  /** Everything up to the effect, in the order of the calls. */
  judge(ask: Ask | Garbage): Judged {
    if ('garbage' in ask) {
      return this.malformed(ask.by, ask.shows ?? {}, 'invalid_request')
    }
    const { action, resource } = ask
    const refused = (code: string): Judged => this.recorded(ask, { status: 'denied', code })
    if (action === 'no.such') return refused('unknown_action')
    const request = canonicalize([action, resource, ask.params ?? {}])
    const key = ask.key && keyDigest(ask.by, ask.key)
    const stored = key === undefined ? undefined : this.answers.get(key)
    if (stored !== undefined) {
      if (stored.request === request) return { stored }
      return this.malformed(ask.by, { action, resource }, 'idempotency_conflict')
    }
    if (key === undefined || ask.dryRun) return this.decided(ask)
    const fresh: Stored = { request, answer: undefined }
    this.answers.set(key, fresh)
    return { ...this.decided(ask), stored: fresh }
  }

  private decided(ask: Ask): Judged {
    const code = decide(this.policy, ask)
    if (code !== 'permitted') return this.recorded(ask, { status: 'denied', code })
    return this.recorded(ask, ask.dryRun === true ? this.foresee(ask) : this.perform(ask))
  }

  private perform({ action, resource, params = {} }: Ask): Ending {
    if (action === 'fs.read') return this.read(resource)
    if (action === 'fs.write') {
      const content = String(params['content'])
      const created = !this.files.has(resource)
      this.files.set(resource, content)
      return { status: 'ok', effect: 'done', result: { sizeBytes: Buffer.byteLength(content), created } }
    }
    if (action !== 'fn.act') return endings[action] as Ending
    this.effects.push(params['amount'] as number)
    return { status: 'ok', effect: 'done', result: { amount: params['amount'] } }
  }

  /** A dry run tells how it would end, without a result. */
  private foresee({ action, resource }: Ask): Ending {
    const { status, code } = action === 'fs.read' ? this.read(resource) : { status: 'ok', code: undefined }
    return code === undefined ? { status } : { status, code }
  }

  private read(resource: string): Ending {
    const content = this.files.get(resource)
    if (content === undefined) return { status: 'failed', code: 'not_found', effect: 'none' }
    const result = { content, encoding: 'utf8', sizeBytes: Buffer.byteLength(content) }
    return { status: 'ok', effect: 'done', result }
  }

  /** Writes what was judged, in the order of the log. */
  conclude(ask: Ask | Garbage, judged: Judged): Expected {
    if (judged.ending === undefined) return judged.stored.answer as Expected
    const { ending, said, stored } = judged
    if ('dryRun' in ask && ask.dryRun === true) return { ...ending, seq: this.log.nextSeq }
    const answer = { ...ending, seq: this.log.append(said) }
    if (stored !== undefined) stored.answer = answer
    return answer
  }

  private recorded(ask: Ask, ending: Ending): Judged & { readonly ending: Ending } {
    const { status, code, effect } = ending
    const isRefused = status === 'denied'
    const isKeyed = ask.key !== undefined && code !== 'unknown_action'
    const said: Said = {
      ...this.said(ask.by, ask),
      policy: this.policySeq,
      reason: isRefused ? (code as string) : 'permitted',
      status,
      ...(effect !== undefined && { effect }),
      ...(!isRefused && code !== undefined && { error: code }),
      ...(isKeyed && { key: keyDigest(ask.by, ask.key as string) }),
    }
    return { ending, said }
  }

  /** Nothing was decided, so the entry names no policy. */
  private malformed(by: Ask['by'], shown: { action?: string; resource?: string }, code: string): Judged {
    const said = { ...this.said(by, shown), status: 'invalid', error: code }
    return { ending: { status: 'invalid', code }, said }
  }

  private said(principal: string, { action, resource }: { action?: string; resource?: string }): Said {
    return {
      kind: 'action',
      principal,
      ...(action !== undefined && { action }),
      ...(resource !== undefined && { resource }),
    }
  }
}

/** Whether an attempt of this action leaves an intent, so that a crash in it ends `unknown`. */
export function mutates(action: string): boolean {
  return mutating.test(action)
}

export function keyDigest(principal: string, key: string): string {
  return createHash('sha256')
    .update(canonicalize([principal, key]) as string)
    .digest('hex')
}
