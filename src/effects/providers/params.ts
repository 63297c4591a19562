import type { JsonObject, JsonValue } from '../../base/json.ts'

/** What one param must be: the words for a message, and the test. */
export interface ParamRule {
  /** Completes "`content` must be …". */
  readonly mustBe: string
  readonly fits: (value: JsonValue) => boolean
  readonly optional?: true
}

export const text: ParamRule = { mustBe: 'a string', fits: (value) => typeof value === 'string' }

export const flag: ParamRule = { mustBe: '`true` or `false`', fits: (value) => typeof value === 'boolean' }

export function integer(from: number, to: number): ParamRule {
  return {
    mustBe: `an integer from ${from} to ${to}`,
    fits: (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= from && value <= to,
  }
}

export function oneOf(...words: readonly string[]): ParamRule {
  return {
    mustBe: words.map((word) => `\`${word}\``).join(' or '),
    fits: (value) => typeof value === 'string' && words.includes(value),
  }
}

export function optional(rule: ParamRule): ParamRule {
  return { ...rule, optional: true }
}

/**
 * A strict check of params against a table: an unknown, missing or mistyped param is wrong. The message names the param and
 * what it must be, never the value.
 *
 * @param also runs once every param fits alone, for what two of them must fulfil together
 */
export function shape(
  rules: Readonly<Record<string, ParamRule>>,
  also?: (params: JsonObject) => string | undefined,
): (params: JsonObject) => string | undefined {
  const known = Object.keys(rules).map((name) => `\`${name}\``)
  const takes = known.length === 0 ? 'it takes no params' : `it takes ${known.join(', ')}`
  return (params) => {
    for (const name of Object.keys(params)) {
      if (!Object.hasOwn(rules, name)) return `${showName(name)} is not a param of this action; ${takes}`
    }
    for (const [name, rule] of Object.entries(rules)) {
      const value = Object.hasOwn(params, name) ? params[name] : undefined
      if (value === undefined) {
        if (rule.optional !== true) return `\`${name}\` is missing; it must be ${rule.mustBe}`
      } else if (!rule.fits(value)) {
        return `\`${name}\` must be ${rule.mustBe}`
      }
    }
    return also?.(params)
  }
}

/** A param's name is the caller's text as well: only one that looks like a name is repeated to them. */
export function showName(name: string): string {
  return /^[A-Za-z_][\w.-]{0,63}$/.test(name)
    ? `\`${name}\``
    : 'a name that is not written with letters, digits and `_`'
}
