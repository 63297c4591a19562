import { canonicalJson } from '../../base/canonical-json.ts'
import type { Pattern } from './pattern.ts'
import type { Rule } from './rule.ts'
import { textOf } from './who.ts'

/** Whether all that `narrow` matches is surely matched by `wide`. Where that cannot be told from their texts: no. */
export function covers(wide: Pattern, narrow: Pattern): boolean {
  if (wide.kind === 'any' || wide.text === narrow.text) return true
  if (narrow.kind === 'literal') return matchesLiteral(wide, narrow.value)
  if (wide.kind !== 'prefix') return false
  const folder = narrow.kind === 'any' ? undefined : narrow.folder
  return folder !== undefined && isBelow(folder, wide.folder)
}

/** The same for actions, which have no slashes: there `*` matches everything. */
export function coversAction(wide: Pattern, narrow: Pattern): boolean {
  return wide.text === '*' || covers(wide, narrow)
}

function matchesLiteral(wide: Pattern, value: string): boolean {
  switch (wide.kind) {
    case 'any':
      return true
    case 'literal':
      return wide.value === value
    case 'prefix':
      return isBelow(value, wide.folder)
    case 'glob':
      return wide.matches(value)
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

/** A resource that a pattern which covers `pattern` matches too: where to look for such in an index. */
export function sampleOf(pattern: Pattern): string | undefined {
  if (pattern.kind === 'literal') return pattern.value
  return pattern.kind === 'any' ? undefined : pattern.folder
}

/** Whether `wide` applies to whatever `narrow` applies to: it has no condition, or the same ones. */
export function appliesWherever(wide: Rule, narrow: Rule): boolean {
  return (
    (wide.who === undefined || namesOf(wide) === namesOf(narrow)) &&
    (wide.constraint === undefined || constraintOf(wide) === constraintOf(narrow)) &&
    (wide.when === undefined || wide.when.text === narrow.when?.text) &&
    coversAction(wide.action, narrow.action) &&
    covers(wide.resource, narrow.resource)
  )
}

function namesOf({ who }: Rule): string | undefined {
  return who === undefined ? undefined : who.map(textOf).sort().join(' ')
}

function constraintOf({ constraint }: Rule): string | undefined {
  return constraint === undefined ? undefined : canonicalJson(constraint)
}
