import { Bounds } from './bounds.ts'
import type { CompiledPolicy } from './compiled-policy.ts'
import type { JsonObject } from '../../base/json.ts'
import { wasDecidedByPolicy, type PastDecision, type PastRequest } from './past.ts'
import { matchesPattern } from './pattern.ts'
import type { Rule } from './rule.ts'
import type { Question, Verdict } from './types.ts'
import { isOneOf } from './who.ts'

/** What the log does not hold, and the new decision hangs on. */
export type Missing = 'params' | 'roles' | 'query'

/** How a decision of the past stands under another policy. */
export type Judgement =
  | { readonly is: 'same' }
  | { readonly is: 'changed'; readonly now: PastDecision }
  | { readonly is: 'undecided'; readonly needs: Missing }
  /** The policy was not what decided it. */
  | { readonly is: 'not_by_policy' }

export interface ReplayOptions {
  /** The policy that may have decided then: where it did, the log proves roles. */
  readonly before?: CompiledPolicy | undefined
  /** Roles by principal; who is named here has these and no others. */
  readonly roles?: ReadonlyMap<string, readonly string[]>
}

const noParams: JsonObject = Object.freeze(Object.create(null) as JsonObject)

/**
 * Decides requests of the past anew. The log holds no roles: a principal has those that `roles` names, else those that a
 * decision of `before` proves, else nobody knows. `local` has none.
 */
export class Replay {
  readonly #bounds: Bounds
  readonly #policy: CompiledPolicy
  readonly #before: CompiledPolicy | undefined
  readonly #rulesBefore: ReadonlyMap<string, Rule>
  readonly #roles: ReadonlyMap<string, readonly string[]>

  constructor(policy: CompiledPolicy, { before, roles = new Map() }: ReplayOptions = {}) {
    this.#policy = policy
    this.#bounds = new Bounds(policy)
    this.#before = before
    this.#rulesBefore = new Map((before?.book.rules ?? []).map((rule) => [rule.id, rule]))
    this.#roles = roles
  }

  /** @param params undefined where they are not known; those that were not sent are */
  judge(past: PastRequest, params: JsonObject | undefined): Judgement {
    if (!wasDecidedByPolicy(past.was)) return { is: 'not_by_policy' }
    const roles = this.#rolesOf(past)
    const unknown = { params: params === undefined && past.hasParams, roles: roles === undefined }
    const question: Question = {
      principal: { id: past.principal, roles: roles ?? [] },
      agent: past.agent,
      action: past.action,
      resources: past.resources,
      params: params ?? noParams,
      timeMs: past.timeMs,
    }
    const bounded = this.#bounds.decide(question, unknown)
    if (bounded === 'undecided') {
      const isByParams = unknown.params && this.#bounds.decide(question, { ...unknown, roles: false }) === 'undecided'
      return { is: 'undecided', needs: isByParams ? 'params' : 'roles' }
    }
    const { verdict } = bounded
    if (verdict.effect === past.was.effect) return { is: 'same' }
    if (this.#mayHangOnQuery(question, past.was.effect)) return { is: 'undecided', needs: 'query' }
    return { is: 'changed', now: decisionOf(verdict) }
  }

  #rolesOf(past: PastRequest): readonly string[] | undefined {
    const given = this.#roles.get(past.principal)
    if (given !== undefined) return given
    if (this.#before !== undefined && this.#before.digest === past.policyDigest) return this.#provenRoles(past)
    return past.principal === 'local' ? [] : undefined
  }

  /** The roles without which `before` would not have decided so. */
  #provenRoles(past: PastRequest): readonly string[] {
    const roles = new Set<string>()
    const asker = { principal: { id: past.principal, roles: [] }, agent: past.agent }
    for (const id of past.was.reason === 'role_missing' ? [] : past.was.rules) {
      const who = this.#rulesBefore.get(id)?.who
      if (who === undefined || isOneOf(who, asker)) continue
      for (const { kind, name } of who) if (kind === 'role') roles.add(name)
    }
    if (past.was.effect === 'permit') {
      for (const entry of this.#before?.book.accessEntries ?? []) {
        if (!past.resources.some((resource) => matchesPattern(entry.resource, resource))) continue
        for (const role of entry.roles) roles.add(role)
      }
    }
    return [...roles]
  }

  /** Whether a query, which the log leaves out, could make the decision what it was. */
  #mayHangOnQuery(question: Question, effect: Verdict['effect']): boolean {
    if (!question.resources.some(isUrl)) return false
    const asked = { ...question, resources: question.resources.map((each) => (isUrl(each) ? `${each}?q=1` : each)) }
    if (this.#bounds.best(asked, { params: true, roles: true }).effect === effect) return true
    return this.#policy.book.rules.some(
      (rule) =>
        rule.resource.text.includes('?') &&
        matchesPattern(rule.action, question.action) &&
        (effect === 'permit') === (rule.effect === 'allow'),
    )
  }
}

function isUrl(resource: string): boolean {
  return /^https?:\/\//.test(resource)
}

function decisionOf({ effect, reason, rules }: Verdict): PastDecision {
  return { effect, reason, rules }
}
