import { canonicalJson } from '../../base/canonical-json.ts'
import type { Access } from './rule-book.ts'
import type { Miss, Rule } from './rule.ts'
import { listed } from './verdict.ts'
import { textOf } from './who.ts'

/**
 * What an allow rule wants that the request did not bring, in words. Says what stands in the policy, never what stood in the
 * request.
 */
export function hintForMiss(rule: Rule, miss: Miss): string {
  switch (miss) {
    case 'role_missing':
      return `\`${rule.id}\` is for ${listed((rule.who ?? []).map(textOf))}; ask as one of them`
    case 'constraint_mismatch':
      return `\`${rule.id}\` wants exactly these params: ${wanted(rule)}`
    case 'condition_false':
      return `\`${rule.id}\` holds only when ${shortened(rule.when?.text ?? '')}; a param that is not sent makes it false`
  }
}

function wanted(rule: Rule): string {
  const params = Object.entries(rule.constraint ?? {}).map(
    ([name, value]) => `${name} = ${shortened(canonicalJson(value))}`,
  )
  return params.length > 5 ? `${params.slice(0, 5).join(', ')} and ${params.length - 5} more` : params.join(', ')
}

export function hintForAccess({ id, roles }: Access): string {
  return `\`${id}\` asks for one of the roles ${listed(roles)}; ask with such a role`
}

function shortened(text: string): string {
  return `\`${text.length > 200 ? `${text.slice(0, 199)}…` : text}\``
}
