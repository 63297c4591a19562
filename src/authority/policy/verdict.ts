import type { ReasonCode } from '../../base/reasons.ts'
import { noObligations } from './obligations.ts'
import type { Obligations, Verdict } from './types.ts'

/** A permit by the rules `ids`. */
export function permitBy(ids: readonly string[], obligations: Obligations, className: string | undefined): Verdict {
  return Object.freeze({
    effect: 'permit',
    reason: 'permitted',
    rules: Object.freeze(ids),
    message: `permitted by ${listed(ids)}`,
    obligations,
    ...(className === undefined ? {} : { class: className }),
  } as const)
}

export function forbid(
  reason: ReasonCode,
  rules: readonly string[],
  message: string,
  hint: string | undefined,
  className: string | undefined,
  obligations: Obligations = noObligations,
): Verdict {
  return Object.freeze({
    effect: 'forbid',
    reason,
    rules: Object.freeze(rules),
    message,
    ...(hint === undefined ? {} : { hint }),
    obligations,
    ...(className === undefined ? {} : { class: className }),
  } as const)
}

/** A refusal by the deny rules `ids`. */
export function deniedBy(ids: readonly string[], className: string | undefined): Verdict {
  const hint = `${listed(ids)} forbids it, and deny wins over every allow rule; narrow or remove it to allow this`
  return forbid('denied_by_rule', ids, `${listed(ids)} forbids it`, hint, className)
}

/** Names in backticks; of many only the first few, so that a message stays one line. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `\`${name}\``)
  return names.length > 5 ? `${shown.join(', ')} and ${names.length - 5} more` : shown.join(', ')
}
