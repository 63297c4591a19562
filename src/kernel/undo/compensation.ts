import type { Obligations } from '../../authority/policy/index.ts'
import { fitsUtf8 } from '../../base/bytes.ts'
import { canonicalJson, oversize } from '../../base/canonical-json.ts'
import { isKernelError } from '../../base/errors.ts'
import { isJsonObject, parseJson, type JsonObject, type JsonValue } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import { readTemplate, type Reference, type Template } from '../../base/template.ts'
import { placedIn } from './placed-value.ts'

/** A request that takes another one back, as a rule declares it. */
export type Compensation = Exclude<NonNullable<Obligations['compensate']>, string>

/** What its references mean: the first request, and how it was answered. */
export interface Sources {
  readonly params: JsonObject
  readonly resource: string
  /** `pending`: not known yet, so what refers to it is taken to be there. Undefined: there is none. */
  readonly result: { readonly value: JsonValue } | 'pending' | undefined
}

/** A request with nothing left to fill in. */
export interface FilledRequest {
  readonly action: string
  readonly resource: string
  readonly params: JsonObject
}

/** Fills in what a rule declares. A value never becomes more than one name, one part of a query or one value of a param. */
export function fillRequest(
  { action, resource, params = {} }: Compensation,
  sources: Sources,
): { readonly request: FilledRequest } | { readonly problem: string } {
  const filling = new Filling(sources)
  try {
    const filled = filling.params(params)
    return { request: { action, resource: filling.resource(templateOf(resource)), params: filled as JsonObject } }
  } catch (error) {
    if (error instanceof Unfilled) return { problem: error.message }
    throw error
  }
}

/** Whether it can only be filled in once there is a result. */
export function asksForResult({ resource, params = {} }: Compensation): boolean {
  return referencesIn(resource) || deepTexts(params).some(referencesIn)
}

function referencesIn(text: string): boolean {
  return templateOf(text).some((part) => typeof part !== 'string' && part.root === 'result')
}

function deepTexts(value: JsonValue): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(deepTexts) : []
}

/** Why a reference cannot be filled in. Says what stands in the policy, never a value. */
class Unfilled extends Error {}

/** The loader has read each text before: here it is as the policy was then. */
function templateOf(text: string): Template {
  const reading = readTemplate(text)
  if ('problem' in reading) throw new Unfilled(reading.problem)
  return reading.template
}

/** What stands in for a value that is not known yet. */
const pending = 'x'

/** Around what a provider puts in by itself, as `{{secret:NAME}}`: no server or program may choose what that is. */
const opening = '{{'
const closing = '}}'

interface Span {
  readonly from: number
  readonly to: number
}

/** Whether text that came from a result stands in, or makes, what a provider would replace. */
function namesSecret(text: string, foreign: readonly Span[]): boolean {
  if (foreign.length === 0) return false
  for (let at = text.indexOf(opening); at >= 0; at = text.indexOf(opening, at + 1)) {
    const closed = text.indexOf(closing, at + opening.length)
    const end = closed < 0 ? at + opening.length : closed + closing.length
    if (foreign.some(({ from, to }) => from < end && to > at)) return true
  }
  return false
}

function secretNamed(text: string): Unfilled {
  return new Unfilled(
    `in \`${text.slice(0, 100)}\` the result would stand in \`{{\` and \`}}\`, and could name a secret`,
  )
}

class Filling {
  readonly #sources: Sources
  readonly #read: Map<string, JsonValue> = new Map()
  #left: number = limits.paramsBytes

  constructor(sources: Sources) {
    this.#sources = sources
  }

  resource(template: Template): string {
    const reading = placedIn(template, (reference) => this.#scalar(reference), this.#sources.resource)
    if ('problem' in reading) throw new Unfilled(reading.problem)
    if (fitsUtf8(reading.text, limits.resourceBytes)) return reading.text
    throw new Unfilled(`the resource would take more than ${limits.resourceBytes} bytes`)
  }

  params(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.#text(value)
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return (value as readonly JsonValue[]).map((item) => this.params(item))
    const object = Object.create(null) as Record<string, JsonValue>
    for (const [name, member] of Object.entries(value)) object[name] = this.params(member as JsonValue)
    return object
  }

  #text(text: string): JsonValue {
    const template = templateOf(text)
    const [only = ''] = template
    if (template.length <= 1) return typeof only === 'string' ? only : this.#whole(only)
    const json = jsonIn(text)
    // Text that is JSON stays what it is: a value cannot end the string that it stands in.
    if (json !== undefined) return canonicalJson(this.params(json))
    let filled = ''
    const foreign: Span[] = []
    for (const part of template) {
      const from = filled.length
      filled += typeof part === 'string' ? part : this.#scalar(part)
      if (typeof part !== 'string' && part.root === 'result') foreign.push({ from, to: filled.length })
    }
    if (namesSecret(filled, foreign)) throw secretNamed(text)
    return filled
  }

  #whole(reference: Reference): JsonValue {
    const value = this.#valueOf(reference)
    this.#spend(oversize(value, this.#left) ?? 0, reference)
    if (reference.root === 'result' && canonicalJson(value).includes(opening)) throw secretNamed(reference.text)
    return value
  }

  #scalar(reference: Reference): string {
    const value = this.#valueOf(reference)
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new Unfilled(`\`${reference.text}\` is neither text nor a number nor a boolean`)
    }
    const text = `${value}`
    this.#spend(text.length, reference)
    return text
  }

  #spend(length: number, { text }: Reference): void {
    this.#left -= length
    if (this.#left < 0) throw new Unfilled(`with \`${text}\` it would take more than ${limits.paramsBytes} bytes`)
  }

  #valueOf(reference: Reference): JsonValue {
    const { root, path, text } = reference
    const { params, resource, result } = this.#sources
    if (root === 'resource') return resource
    if (root === 'result' && result === 'pending') return pending
    if (root === 'result' && result === undefined) throw new Unfilled(`\`${text}\`: there is no result`)
    let value: JsonValue | undefined = root === 'params' ? params : (result as { value: JsonValue }).value
    for (const step of path) {
      value = memberOf(typeof value === 'string' ? this.#json(value, text) : value, step)
      if (value === undefined) throw new Unfilled(`\`${text}\` leads nowhere: there is no \`${step}\``)
    }
    return value
  }

  #json(text: string, reference: string): JsonValue {
    const known = this.#read.get(text)
    if (known !== undefined) return known
    const value = text.length > limits.templateJsonBytes ? undefined : jsonOf(text)
    if (value === undefined) throw new Unfilled(`\`${reference}\` leads into text that is not strict JSON, or too much`)
    this.#read.set(text, value)
    return value
  }
}

function memberOf(value: JsonValue, step: string | number): JsonValue | undefined {
  if (typeof step === 'number') return Array.isArray(value) ? (value as readonly JsonValue[])[step] : undefined
  return isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined
}

/** The object or list that a text is. */
function jsonIn(text: string): JsonValue | undefined {
  return /^\s*[{[]/.test(text) ? jsonOf(text) : undefined
}

function jsonOf(text: string): JsonValue | undefined {
  try {
    return parseJson(text)
  } catch (error) {
    if (isKernelError(error, 'JSON_INVALID')) return undefined
    throw error
  }
}
