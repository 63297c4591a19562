import type { JsonObject, JsonValue } from '../../base/json.ts'
import type { Findings } from './findings.ts'
import { nameOf, quoted, type MapNode, type Node, type Place } from './node.ts'

/** Turns a node into a value, or reports what is wrong with it and returns undefined. */
export type Reader<T> = (node: Node, findings: Findings) => T | undefined

export interface Field<T> {
  readonly read: Reader<T>
  readonly isRequired: boolean
}

export interface Placed {
  readonly at: Place
}

export function required<T>(read: Reader<T>): Field<T> {
  return { read, isRequired: true }
}

export function optional<T>(read: Reader<T>): Field<T> {
  return { read, isRequired: false }
}

type Fields<T> = { readonly [Key in Exclude<keyof T, 'at'>]-?: Field<Exclude<T[Key], undefined>> }

/** A map with exactly these keys. `what` is its name in messages: `a rule`. */
export function record<T extends Placed>(what: string, fields: Fields<T>): Reader<T> {
  const names = Object.keys(fields)
  const table = new Map<string, Field<unknown>>(Object.entries(fields))
  return (node, findings) => {
    if (node.kind !== 'map')
      return findings.problem(node.at, 'type', `${what} must be a map with ${listed(names)}, not ${nameOf(node)}`)
    const value: Record<string, unknown> = { at: node.at }
    for (const { key, keyAt, value: member } of node.members) {
      if (findings.full) return undefined
      const field = table.get(key)
      if (field === undefined) {
        findings.problem(keyAt, 'unknown_key', `unknown key ${quoted(key)} in ${what}; ${advice(key, names)}`)
      } else {
        value[key] = field.read(member, findings)
      }
    }
    for (const [name, field] of table) {
      if (field.isRequired && !node.members.some((member) => member.key === name)) {
        findings.problem(node.at, 'missing_key', `${what} needs \`${name}\`; add it`)
      }
      if (value[name] === undefined) {
        if (field.isRequired) value[name] = missing
        else delete value[name]
      }
    }
    return Object.values(value).includes(missing) ? undefined : (value as unknown as T)
  }
}

const missing = Symbol('missing')

/** What to write instead of `key`: the name it is one or two slips away from, or all names. */
export function advice(key: string, names: readonly string[]): string {
  const close = names.find((name) => distance(key.slice(0, 40).toLowerCase(), name) <= (name.length > 4 ? 2 : 1))
  return close === undefined
    ? `the keys are ${listed(names)}`
    : `did you mean \`${close}\`? the keys are ${listed(names)}`
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}

function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}

export function list<T>(
  what: string,
  read: Reader<T>,
  options: { readonly max: number; readonly isFilled?: boolean },
): Reader<readonly T[]> {
  return (node, findings) => {
    if (node.kind !== 'list') return findings.problem(node.at, 'type', `${what} must be a list, not ${nameOf(node)}`)
    if (node.items.length > options.max)
      return findings.problem(node.at, 'too_many', `${what} has more than ${options.max} items; shorten it`)
    if (options.isFilled === true && node.items.length === 0) {
      return findings.problem(node.at, 'empty', `${what} is empty; add an item or remove it`)
    }
    return node.items.flatMap((item) => read(item, findings) ?? [])
  }
}

/** A map from names of the author's choosing to values of one kind, in the order of the file. */
export function dictionary<T>(
  what: string,
  readName: (name: string, at: Place, findings: Findings) => void,
  read: Reader<T>,
): Reader<ReadonlyMap<string, T>> {
  return (node, findings) => {
    if (node.kind !== 'map') return findings.problem(node.at, 'type', `${what} must be a map, not ${nameOf(node)}`)
    const values = new Map<string, T>()
    for (const { key, keyAt, value } of node.members) {
      readName(key, keyAt, findings)
      const entry = read(value, findings)
      if (entry !== undefined) values.set(key, entry)
    }
    return values
  }
}

export function text(what: string): Reader<string> {
  return (node, findings) => {
    if (node.kind === 'scalar' && typeof node.value === 'string') {
      if (node.value !== '') return node.value
      return findings.problem(node.at, 'empty', `${what} is empty; write it or remove it`)
    }
    const help = node.kind === 'scalar' && node.value !== null ? '; put it in quotes' : ''
    return findings.problem(node.at, 'type', `${what} must be text, not ${nameOf(node)}${help}`)
  }
}

/** Text of a given form; `form` says it in words, with an example. */
export function textLike(what: string, pattern: RegExp, form: string): Reader<string> {
  const read = text(what)
  return (node, findings) => {
    const value = read(node, findings)
    if (value === undefined || pattern.test(value)) return value
    return findings.problem(node.at, 'value', `${quoted(value)} is not ${what}: write ${form}`)
  }
}

export function oneOf<const T extends string>(what: string, choices: readonly T[]): Reader<T> {
  return (node, findings) => {
    const value = node.kind === 'scalar' ? node.value : undefined
    const choice = choices.find((candidate) => candidate === value)
    return (
      choice ?? findings.problem(node.at, 'value', `${what} must be one of ${listed(choices)}, not ${nameOf(node)}`)
    )
  }
}

export function integer(what: string, min: number): Reader<number> {
  return (node, findings) => {
    const value = node.kind === 'scalar' ? node.value : undefined
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value
    return findings.problem(node.at, 'value', `${what} must be a whole number of at least ${min}, not ${nameOf(node)}`)
  }
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration in milliseconds from `10s`, `1m`, `24h` or `30d`. */
export function duration(what: string): Reader<number> {
  const read = textLike(what, /^[1-9][0-9]{0,5}[smhd]$/, 'a number and s, m, h or d, as `30d`, `24h`, `1m` or `10s`')
  return (node, findings) => {
    const value = read(node, findings)
    return value === undefined ? undefined : Number(value.slice(0, -1)) * (unitMs[value.slice(-1)] as number)
  }
}

/** A map of JSON as an object that has no prototype. With `isStrict` it holds something, and no null. */
export function jsonMap(what: string, options: { readonly isStrict: boolean }): Reader<JsonObject> {
  return (node, findings) => {
    if (node.kind !== 'map') return findings.problem(node.at, 'type', `${what} must be a map, not ${nameOf(node)}`)
    if (options.isStrict && node.members.length === 0) {
      return findings.problem(node.at, 'empty', `${what} is empty; add a param or remove it`)
    }
    return jsonOf(node, options.isStrict ? findings : undefined)
  }
}

/** @param nulls where a null is a problem, the findings to report it to */
function jsonOf(node: MapNode, nulls: Findings | undefined): JsonObject {
  const object = Object.create(null) as Record<string, JsonValue>
  for (const { key, value } of node.members) object[key] = jsonValueOf(value, nulls)
  return object
}

function jsonValueOf(node: Node, nulls: Findings | undefined): JsonValue {
  if (node.kind === 'map') return jsonOf(node, nulls)
  if (node.kind === 'list') return node.items.map((item) => jsonValueOf(item, nulls))
  if (node.value === null)
    nulls?.problem(
      node.at,
      'null',
      'a value is missing here (null); write it, or ask for null by `when: params.name == null`',
    )
  return node.value
}
