import type { Findings } from './findings.ts'
import { obligationsOf } from './obligations.ts'
import { matchesPattern, type Pattern } from './pattern.ts'
import type { Rule } from './rule.ts'
import type { Access, ActionPlan, Classification, Pending, RuleBook } from './rule-book.ts'
import { ActionCache, ActionIndex, ResourceIndex } from './rule-index.ts'
import type { PolicyDraft } from './sections/policy-file.ts'
import type { AllowDraft, RuleHead } from './sections/rules.ts'
import { deniedBy, permitBy } from './verdict.ts'

/** Compiles a valid draft. */
export function compile(draft: PolicyDraft): RuleBook {
  const allowName = draft.capabilities === undefined ? 'allow' : 'capabilities'
  const allowRules = (draft.allow ?? draft.capabilities ?? []).map((rule, i) =>
    compileAllow(rule, `${allowName}[${i}]`, i),
  )
  const offset = allowRules.length
  const denyRules = (draft.deny ?? []).map((rule, i) => compileHead(rule, 'deny', `deny[${i}]`, offset + i))
  const allow = indexed(allowRules)
  const deny = indexed(denyRules)
  const governed = governedActions(draft)
  const accessEntries = (draft.access ?? draft.policy?.access ?? []).map((entry, i) => ({
    ...entry,
    id: `access[${i}]`,
    order: i,
  }))
  return {
    allowName,
    rules: [...allowRules, ...denyRules],
    accessEntries,
    allow,
    deny,
    plans: new ActionCache((action): ActionPlan => ({
      allow: allow.indexesFor(action),
      deny: deny.indexesFor(action),
      pending: governed.filter(({ pattern }) => matchesPattern(pattern, action)).map(({ pending }) => pending),
    })),
    access: indexedByResource<Access>(accessEntries),
    classify: indexedByResource<Classification>(draft.classify ?? []),
    retention: retentionByClass(draft),
  }
}

function compileAllow(rule: AllowDraft, id: string, order: number): Rule {
  const pending = pendingFeatures(rule)
  const compiled = { ...compileHead(rule, 'allow', id, order), obligations: obligationsOf(rule), pending }
  return { ...compiled, alone: pending.length === 0 ? permitBy([id], compiled.obligations, undefined) : undefined }
}

function compileHead(rule: RuleHead, effect: 'allow' | 'deny', id: string, order: number): Rule {
  const { at, action, resource, who, constraint, when } = rule
  return {
    id,
    effect,
    order,
    at,
    action,
    resource,
    who,
    constraint,
    when,
    obligations: {},
    pending: [],
    alone: effect === 'deny' ? deniedBy([id], undefined) : undefined,
  }
}

function pendingFeatures(rule: AllowDraft): readonly string[] {
  return [
    ...(rule.approval === undefined ? [] : [`approval: ${rule.approval}`]),
    ...(rule.cost === undefined ? [] : ['cost']),
  ]
}

function indexed(rules: readonly Rule[]): ActionIndex<Rule> {
  const index = new ActionIndex<Rule>()
  for (const rule of rules) index.add(rule.action, rule.resource, rule)
  return index
}

function indexedByResource<T extends { readonly resource: Pattern }>(
  entries: readonly T[],
): ResourceIndex<T> | undefined {
  if (entries.length === 0) return undefined
  const index = new ResourceIndex<T>()
  for (const entry of entries) index.add(entry.resource, entry)
  return index
}

interface Governed {
  readonly pattern: Pattern
  readonly pending: Pending
}

function governedActions(draft: PolicyDraft): readonly Governed[] {
  const rates = (draft.limits?.rates ?? []).map(({ action }, i) =>
    governedBy(action, `limits.rates[${i}]`, 'limits.rates'),
  )
  const flows = (draft.flows ?? []).map(({ action }, i) => governedBy(action, `flows[${i}]`, 'flows'))
  const exports = draft.export ?? draft.policy?.export ?? []
  const anyExport: Pattern = {
    kind: 'glob',
    text: 'export.*',
    folder: undefined,
    start: 'export.',
    last: undefined,
    matches: isExport,
  }
  return [...rates, ...flows, ...(exports.length === 0 ? [] : [governedBy(anyExport, 'export[0]', 'export')])]
}

function isExport(action: string): boolean {
  return action.startsWith('export.')
}

function governedBy(pattern: Pattern, id: string, feature: string): Governed {
  return { pattern, pending: { id, feature } }
}

function retentionByClass(draft: PolicyDraft): ReadonlyMap<string, Pending> | undefined {
  const entries = draft.retention ?? draft.policy?.retention ?? []
  if (entries.length === 0) return undefined
  const byClass = new Map<string, Pending>()
  for (const [i, { type }] of entries.entries()) {
    if (!byClass.has(type)) byClass.set(type, { id: `retention[${i}]`, feature: 'retention' })
  }
  return byClass
}

/** Warns of what this version validates but cannot enforce, and of a policy that permits nothing. */
export function warnOf(draft: PolicyDraft, book: RuleBook, findings: Findings): void {
  for (const { at, id, pending } of book.rules) {
    if (pending.length > 0) {
      findings.warning(
        at,
        'not_enforced_yet',
        `this version cannot enforce ${named(pending)}; what \`${id}\` matches is refused`,
      )
    }
  }
  for (const { at } of draft.limits?.rates ?? [])
    findings.warning(at, 'not_enforced_yet', 'this version cannot enforce rates; the actions that match are refused')
  for (const { at } of draft.flows ?? [])
    findings.warning(at, 'not_enforced_yet', 'this version cannot enforce flows; the actions that match are refused')
  for (const { at } of draft.retention ?? draft.policy?.retention ?? []) {
    findings.warning(
      at,
      'not_enforced_yet',
      'this version cannot enforce retention; requests for resources of this class are refused',
    )
  }
  for (const { at } of draft.export ?? draft.policy?.export ?? []) {
    findings.warning(at, 'not_enforced_yet', 'this version cannot export; actions `export.*` are refused')
  }
  const idle: readonly (readonly [string, { readonly at: Rule['at'] } | undefined])[] = [
    ['limits.budgets', [...(draft.limits?.budgets?.values() ?? [])][0]],
    ['sources', draft.sources?.[0]],
    ['approval', draft.approval],
    ['identity', draft.identity],
  ]
  for (const [section, first] of idle) {
    if (first !== undefined)
      findings.warning(first.at, 'not_enforced_yet', `\`${section}\` has no effect in this version`)
  }
  warnOfPatterns(draft, book, findings)
}

function warnOfPatterns(draft: PolicyDraft, book: RuleBook, findings: Findings): void {
  const mounts = draft.mounts === undefined ? undefined : [...draft.mounts.keys()]
  for (const { at, id, effect, action, resource } of book.rules) {
    if (mounts === undefined || effect === 'deny' || action.kind !== 'literal' || !action.value.startsWith('fs.'))
      continue
    const folder = resource.kind === 'literal' ? resource.value : 'folder' in resource ? resource.folder : undefined
    if (folder === undefined) continue
    const isReachable = mounts.some(
      (name) => `${folder}/`.startsWith(`${name}/`) || `${name}/`.startsWith(`${folder}/`),
    )
    if (!isReachable)
      findings.warning(
        at,
        'outside_mounts',
        `no mount holds what \`${id}\` allows; add a mount or use one of ${named(mounts)}`,
      )
  }
  if (!book.rules.some(({ effect }) => effect === 'allow')) {
    findings.warning(
      { line: 1, column: 1, path: '' },
      'allows_nothing',
      'no rule allows anything, so every request is refused; add an `allow` list',
    )
  }
}

function named(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}
