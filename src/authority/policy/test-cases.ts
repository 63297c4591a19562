import type { JsonObject } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import { readPrincipal, type Principal } from '../../base/principal.ts'
import { reasonTable, type ReasonCode } from '../../base/reasons.ts'
import type { CompiledPolicy } from './compiled-policy.ts'
import { readDocument } from './document.ts'
import { Findings } from './findings.ts'
import { quoted } from './node.ts'
import { jsonMap, list, oneOf, optional, record, required, text, type Placed, type Reader } from './shape.ts'
import type { PolicyProblem, Verdict } from './types.ts'

/** One case of a file for `kestrel policy test`, as it was written. */
interface CaseDraft extends Placed {
  readonly action: string
  readonly resource: string
  readonly params?: JsonObject
  readonly as?: Principal
  readonly expect: 'permit' | 'forbid' | 'hold'
  readonly reason?: ReasonCode
}

export interface PolicyTestResult {
  readonly line: number
  readonly action: string
  readonly resource: string
  readonly ok: boolean
  readonly expected: 'permit' | 'forbid' | 'hold'
  readonly verdict: Verdict
  /** What differs, in words; absent when `ok`. */
  readonly message?: string
}

export interface PolicyTestReport {
  /** What is wrong with the file itself; then there are no results. */
  readonly problems: readonly PolicyProblem[]
  readonly results: readonly PolicyTestResult[]
  /** The rules that determined at least one verdict, and those that determined none. */
  readonly covered: readonly string[]
  readonly uncovered: readonly string[]
}

export interface PolicyTestOptions {
  /** What `time` is in conditions. */
  readonly timeMs: number
  /** All canonical resources of a request; without it, the resource as written. */
  readonly resourcesOf?: (action: string, resource: string, params: JsonObject) => readonly string[]
}

const reasons = Object.keys(reasonTable) as readonly ReasonCode[]

const asPrincipal: Reader<Principal> = (node, findings) => {
  const value = text('`as`')(node, findings)
  if (value === undefined) return undefined
  const colon = value.indexOf(':')
  const id = colon === -1 ? value : value.slice(0, colon)
  try {
    return readPrincipal({ id, roles: colon === -1 ? [] : value.slice(colon + 1).split(',') })
  } catch {
    return findings.problem(node.at, 'value', `${quoted(value)} is no principal; write \`ID\` or \`ID:role,role\``)
  }
}

const cases = list(
  'a policy test',
  record<CaseDraft>('a test case', {
    action: required(text('`action`')),
    resource: required(text('`resource`')),
    params: optional(jsonMap('`params`', { isStrict: false })),
    as: optional(asPrincipal),
    expect: required(oneOf('`expect`', ['permit', 'forbid', 'hold'])),
    reason: optional(oneOf('`reason`', reasons)),
  }),
  { max: limits.policyRules },
)

const local: Principal = Object.freeze({ id: 'local', roles: Object.freeze([]) })
const noParams: JsonObject = Object.freeze(Object.create(null) as JsonObject)

/** Asks `policy` every case of the YAML list `text` and compares. */
export function runPolicyTests(policy: CompiledPolicy, fileText: string, options: PolicyTestOptions): PolicyTestReport {
  const findings = new Findings()
  const node = readDocument(fileText, findings)
  const drafts = node === undefined ? undefined : cases(node, findings)
  if (node === undefined && !findings.failed) {
    findings.problem({ line: 1, column: 1, path: '' }, 'empty', 'the file holds no cases; write a list of them')
  }
  const results = findings.failed ? [] : (drafts ?? []).map((draft) => run(policy, draft, options))
  const covered = new Set(results.flatMap(({ verdict }) => verdict.rules))
  const ids = [...policy.book.rules, ...policy.book.accessEntries].map(({ id }) => id)
  return {
    problems: findings.problems,
    results,
    covered: ids.filter((id) => covered.has(id)),
    uncovered: ids.filter((id) => !covered.has(id)),
  }
}

function run(policy: CompiledPolicy, draft: CaseDraft, options: PolicyTestOptions): PolicyTestResult {
  const { action, resource, params = noParams, as: principal = local, expect, reason } = draft
  const resources = options.resourcesOf?.(action, resource, params) ?? [resource]
  const verdict = policy.decide({ principal, agent: principal.id, action, resources, params, timeMs: options.timeMs })
  const ok = verdict.effect === expect && (reason === undefined || verdict.reason === reason)
  const wanted = reason === undefined ? expect : `${expect} (${reason})`
  const message = `expected ${wanted}, but it is ${verdict.effect} (${verdict.reason}): ${verdict.message}`
  return { line: draft.at.line, action, resource, ok, expected: expect, verdict, ...(ok ? {} : { message }) }
}
