import { KernelError } from '../../../base/errors.ts'
import type { JsonObject, JsonValue } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import {
  actionName,
  type ActionDefinition,
  type Answer,
  type Call,
  type Provider,
  type ResourceReading,
} from '../../provider.ts'
import { EffectError } from './effect-error.ts'
import { readName } from './name.ts'
import { checkBySchema, plainCopy, type StandardSchema } from './schema.ts'

/** What a function is told beside its params. */
export interface FunctionContext {
  /** Aborted when the caller cancels, the time is up or the kernel closes; pass it on to `fetch` and the like. */
  readonly signal: AbortSignal
  /** Canonical, as policy has judged it. */
  readonly resource: string
  /** `fn.<name>`. */
  readonly action: string
  /** Tells the caller how far it is, if it wants to know. */
  readonly report: Call['report']
}

/**
 * An ordinary function: params in, a JSON value (or nothing) out, now or later.
 *
 * Typed as a method because TypeScript compares the params of methods both ways: so `(params: Query, { signal }) => …` fits.
 */
export type PlainFunction<Params> = { call(params: Params, context: FunctionContext): unknown }['call']

/** A function with what the gate should know of it. */
export interface FunctionDefinition<Params> {
  /** Checks and types the params, before policy is asked. Without it any JSON object comes in. */
  readonly params?: StandardSchema<Params>
  readonly run: (params: Params, context: FunctionContext) => unknown
  /** Default `mutate`: nobody knows what a function does, so its intent is made durable first. */
  readonly kind?: 'observe' | 'mutate'
  /** What a request that names no resource is about. Default: the function's name. */
  readonly resource?: string
  /** Reads the resource of a request, where it is more than a name or a path. Pure and synchronous. */
  readonly readResource?: (raw: string) => ResourceReading
  readonly timeoutMs?: number
}

export interface FunctionsOptions {
  /** How long each function may take that does not say so itself, in ms. */
  readonly timeoutMs?: number
}

/** Functions by name; the type of each one's params comes from its schema or its signature. */
export type FunctionTable<Table> = {
  readonly [Name in keyof Table]: PlainFunction<Table[Name]> | FunctionDefinition<Table[Name]>
}

/**
 * Plain functions as actions: `functions({ search })` gives `fn.search`. A function needs to know nothing of Kestrel.
 *
 * What it returns is the result. What it throws is a failure that makes no claim about its effect and does not repeat the
 * error's text, which may hold secrets; `NoEffect` and `UncertainEffect` say more.
 *
 * @throws KernelError PROVIDER_INVALID for a name that cannot be an action's
 */
export function functions<Table extends Readonly<Record<string, unknown>>>(
  table: FunctionTable<Table>,
  options: FunctionsOptions = {},
): Provider {
  const actions: Record<string, ActionDefinition> = {}
  for (const [name, entry] of Object.entries(table as FunctionTable<Readonly<Record<string, unknown>>>)) {
    const definition = typeof entry === 'function' ? { run: entry } : entry
    const action = `fn.${name}`
    if (!actionName.test(action) || action.length > limits.actionLength) {
      const rule = 'begin with a letter; then letters, digits, `_` and `-`'
      throw new KernelError('PROVIDER_INVALID', `\`${name.slice(0, 100)}\` cannot be the name of a function: ${rule}`)
    }
    if (typeof definition.run !== 'function') {
      throw new KernelError('PROVIDER_INVALID', `\`${action}\` has no function \`run\``)
    }
    actions[action] = actionOf(action, name, definition, options)
  }
  return { name: 'functions', actions }
}

function actionOf(
  action: string,
  name: string,
  definition: FunctionDefinition<unknown>,
  options: FunctionsOptions,
): ActionDefinition {
  const { params: schema } = definition
  const timeoutMs = definition.timeoutMs ?? options.timeoutMs
  return {
    kind: definition.kind ?? 'mutate',
    defaultResource: definition.resource ?? name,
    readResource: definition.readResource ?? readName,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(schema === undefined ? {} : { checkParams: (params) => problemOf(schema, params, action) }),
    perform: (call) => perform(definition, call),
  }
}

function problemOf(schema: StandardSchema, params: JsonObject, action: string): string | undefined {
  const checked = checkBySchema(schema, params, action)
  return 'problem' in checked ? checked.problem : undefined
}

/** Answers at once where the function does. */
function perform(definition: FunctionDefinition<unknown>, call: Call): Answer | Promise<Answer> {
  const { action, resource, signal, report } = call
  if (signal.aborted) return none('cancelled', `\`${action}\` was cancelled before it began`, true)
  const checked =
    definition.params === undefined
      ? { value: plainCopy(call.params) }
      : checkBySchema(definition.params, call.params, action)
  if ('problem' in checked) return none('invalid_params', checked.problem, false)
  try {
    const result = definition.run(checked.value, { signal, resource, action, report })
    return isThenable(result) ? performLater(result, action) : done(result)
  } catch (error) {
    return failed(error, action)
  }
}

async function performLater(result: PromiseLike<unknown>, action: string): Promise<Answer> {
  try {
    return done(await result)
  } catch (error) {
    return failed(error, action)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** What is not JSON is for the gate to find: it copies and checks every result. */
function done(result: unknown): Answer {
  return result === undefined ? { effect: 'done' } : { effect: 'done', result: result as JsonValue }
}

function failed(error: unknown, action: string): Answer {
  if (error instanceof EffectError) return { effect: error.effect, error: error.failure }
  const message = `\`${action}\` threw an error; its text is withheld, look in the logs of the host program`
  return { failed: { code: 'function_failed', message, retryable: false } }
}

function none(code: string, message: string, retryable: boolean): Answer {
  return { effect: 'none', error: { code, message, retryable } }
}
