import type { JsonObject, JsonValue } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import { reasonTable } from '../../base/reasons.ts'
import { snapshot } from '../../base/snapshot.ts'
import {
  actionName,
  type ActionDefinition,
  type Answer,
  type Call,
  type ContentStore,
  type Network,
  type Provider,
} from '../provider.ts'

/** A request that must succeed, for one action of the provider under test. */
export interface Sample {
  readonly resource: string
  readonly params?: JsonObject
  readonly mounts?: ReadonlyMap<string, string>
  /** What the policy lets the action reach; `public` unless said. */
  readonly network?: Network
  /** Whether the action reaches files of the host, so that it must refuse what is protected. */
  readonly touchesFiles?: boolean
  /** What the world looks like, as far as the action can change it: a dry run and an `observe` must leave it equal. */
  readonly world?: () => JsonValue | Promise<JsonValue>
}

/** One promise of the interface. `run` rejects with what is broken. */
export interface ContractCase {
  readonly name: string
  readonly run: () => Promise<void>
}

/**
 * What every provider must hold, as cases for any test framework:
 * `for (const { name, run } of providerContract(make, samples)) test(name, run)`.
 *
 * @param makeProvider a fresh provider, in a world where each sample succeeds
 * @param samples by full action name, one for each action
 */
export function providerContract(
  makeProvider: () => Provider | Promise<Provider>,
  samples: Readonly<Record<string, Sample>>,
): readonly ContractCase[] {
  const whole: ContractCase[] = [
    {
      name: 'has a name and well-named actions, each with a sample',
      run: () => using(makeProvider, (it) => declared(it, samples)),
    },
    { name: 'closes', run: () => using(makeProvider, () => undefined) },
  ]
  const each = Object.entries(samples).flatMap(([action, sample]) =>
    actionCases.map(({ name, check }) => ({
      name: `${action}: ${name}`,
      run: () =>
        using(makeProvider, async (provider) => {
          const definition = provider.actions[action]
          demand(definition !== undefined, `the provider has no action \`${action}\``)
          await check({ action, definition, sample })
        }),
    })),
  )
  return [...whole, ...each]
}

interface Subject {
  readonly action: string
  readonly definition: ActionDefinition
  readonly sample: Sample
}

const canary = 'canary-7f3a'

const actionCases: readonly { readonly name: string; readonly check: (subject: Subject) => void | Promise<void> }[] = [
  { name: 'reads every resource to one canonical form or a problem', check: readsResources },
  { name: 'checks params at once, strictly, without repeating them', check: checksParams },
  { name: 'foresees without acting', check: foresees },
  { name: 'performs the sample', check: performs },
  { name: 'settles when it is cancelled before it begins', check: settlesWhenCancelled },
  { name: 'refuses what is protected', check: refusesProtected },
]

function declared(provider: Provider, samples: Readonly<Record<string, Sample>>): void {
  demand(typeof provider.name === 'string' && provider.name !== '', '`name` must be a text')
  const actions = Object.entries(provider.actions)
  demand(actions.length > 0, '`actions` is empty')
  for (const [action, definition] of actions) {
    demand(
      actionName.test(action) && action.length <= limits.actionLength,
      `\`${action}\` is not a name like \`fs.read\``,
    )
    demand(['observe', 'mutate'].includes(definition.kind), `\`${action}\`: \`kind\` must be \`observe\` or \`mutate\``)
    const { timeoutMs = 1 } = definition
    demand(Number.isSafeInteger(timeoutMs) && timeoutMs > 0, `\`${action}\`: \`timeoutMs\` must be a positive integer`)
    demand(Object.hasOwn(samples, action), `\`${action}\` has no sample`)
  }
}

/** Spellings that have misled programs before; also what a caller may send by mistake. */
const oddResources: readonly string[] = [
  '', '/', '.', '..', '../..', '/..', '/a/../../b', '//a//b/', '/a/./b/', 'a//b', 'a/../b', '/a\0b', `/${canary}\0`, '/\ud800', '~/x',
  '/%2e%2e/x', '/．．/x', '/a\nb', '/a\u001b[31m', '/\u202eb', 'https://u:p@h/a?b#c', 'file:///etc/passwd', `/${'a'.repeat(300)}`,
  `/${'a/'.repeat(4000)}`, '__proto__', 'constructor', '/\\..\\x', ' ', '\t', '*', '**',
] // prettier-ignore

function readsResources({ definition, sample }: Subject): void {
  for (const raw of [sample.resource, ...oddResources]) {
    const shown = JSON.stringify(raw.slice(0, 40))
    const reading = definition.readResource(raw)
    const again = definition.readResource(raw)
    demand(!(reading instanceof Promise), '`readResource` must be synchronous')
    demand(JSON.stringify(reading) === JSON.stringify(again), `${shown} is read differently each time`)
    if ('problem' in reading) {
      demand(
        reading.problem !== '' && !reading.problem.includes(canary),
        `${shown}: the problem is empty or repeats the text`,
      )
      demand(raw !== sample.resource, 'the resource of the sample is refused')
      continue
    }
    const { canonical } = reading
    demand(typeof canonical === 'string' && canonical !== '', `${shown} has an empty canonical form`)
    demand(canonical.isWellFormed() && !canonical.includes('\0'), `${shown}: the canonical form is not clean text`)
    demand(Buffer.byteLength(canonical) <= limits.resourceBytes, `${shown}: the canonical form is too long`)
    const twice = definition.readResource(canonical)
    demand(
      'canonical' in twice && twice.canonical === canonical,
      `${shown}: its canonical form has another canonical form`,
    )
  }
}

function checksParams({ definition, sample }: Subject): void {
  const { checkParams } = definition
  if (checkParams === undefined) return
  const params = frozenCopy(sample.params ?? {})
  demand(checkParams(params) === undefined, 'the params of the sample are refused')
  const odd: JsonObject[] = [
    { ...params, kestrel_unknown_param: canary },
    frozenCopy(JSON.parse('{"__proto__": {"a": 1}}') as JsonObject),
  ]
  for (const name of Object.keys(params)) {
    for (const value of [null, { [canary]: canary }, [canary]]) odd.push({ ...params, [name]: value })
  }
  for (const [index, wrong] of odd.entries()) {
    const problem: unknown = checkParams(frozenCopy(wrong))
    demand(problem === undefined || (typeof problem === 'string' && problem !== ''), 'a problem must be a text')
    demand(index > 0 || problem !== undefined, 'an unknown param is let through')
    demand(problem === undefined || !(problem as string).includes(canary), 'the problem repeats a value')
  }
}

async function foresees({ action, definition, sample }: Subject): Promise<void> {
  if (definition.foresee === undefined) return
  const before = await fingerprint(sample)
  const answer = await definition.foresee(callOf(action, definition, sample))
  demand((await fingerprint(sample)) === before, '`foresee` has changed the world')
  if (answer !== undefined) demandShape(answer)
  demand(answer === undefined || !isRefusal(answer), 'the sample is foreseen to fail')
}

async function performs({ action, definition, sample }: Subject): Promise<void> {
  const before = await fingerprint(sample)
  const answer: unknown = await definition.perform(callOf(action, definition, sample))
  demandShape(answer)
  demand(!isRefusal(answer), `the sample fails: ${JSON.stringify(answer)}`)
  if (definition.kind === 'observe')
    demand((await fingerprint(sample)) === before, 'an `observe` has changed the world')
}

async function settlesWhenCancelled({ action, definition, sample }: Subject): Promise<void> {
  const call = { ...callOf(action, definition, sample), signal: AbortSignal.abort() }
  const before = await fingerprint(sample)
  const answer = await inTime(Promise.resolve(definition.perform(call)), definition.timeoutMs ?? limits.performMs)
  demandShape(answer)
  if (isRefusal(answer) && !isUncertain(answer)) {
    demand((await fingerprint(sample)) === before, 'it says that nothing happened, but the world has changed')
  }
}

async function refusesProtected({ action, definition, sample }: Subject): Promise<void> {
  if (sample.touchesFiles !== true) return
  const before = await fingerprint(sample)
  const everything = { coversPath: () => true, coversIdentity: () => true }
  const answer: unknown = await definition.perform({ ...callOf(action, definition, sample), protection: everything })
  demandShape(answer)
  demand(
    'refused' in answer && answer.refused === 'self_protected',
    'a protected file is not refused as `self_protected`',
  )
  demand((await fingerprint(sample)) === before, 'a refused action has changed the world')
}

function callOf(action: string, definition: ActionDefinition, sample: Sample): Call {
  const reading = definition.readResource(sample.resource)
  demand('canonical' in reading, 'the resource of the sample is refused')
  return Object.freeze({
    action,
    resource: reading.canonical,
    params: frozenCopy(sample.params ?? {}),
    mounts: sample.mounts,
    protection: { coversPath: () => false, coversIdentity: () => false },
    signal: new AbortController().signal,
    network: sample.network ?? 'public',
    judge: () => ({ network: sample.network ?? 'public' }),
    contents: keptInMemory(),
  })
}

/** Content that lasts as long as the call. */
function keptInMemory(): ContentStore {
  const kept = new Map<string, readonly Uint8Array[]>()
  return {
    async keep(pieces) {
      const all: Uint8Array[] = []
      for await (const piece of pieces) all.push(Uint8Array.from(piece))
      const id = kept.size.toString(16).padStart(64, '0')
      kept.set(id, all)
      return { id, sizeBytes: all.reduce((sum, { length }) => sum + length, 0) }
    },
    async *open({ id }) {
      yield* kept.get(id) ?? []
    },
  }
}

/** As the gate hands params over: plain JSON without prototypes, frozen all through. */
function frozenCopy(params: JsonObject): JsonObject {
  const copy = snapshot(params, 'params') as JsonObject
  freeze(copy)
  return copy
}

function freeze(value: JsonValue): void {
  if (typeof value !== 'object' || value === null) return
  for (const member of Object.values(value) as JsonValue[]) freeze(member)
  Object.freeze(value)
}

async function fingerprint(sample: Sample): Promise<string> {
  return sample.world === undefined ? '' : JSON.stringify(await sample.world())
}

function demandShape(answer: unknown): asserts answer is Answer {
  demand(typeof answer === 'object' && answer !== null, 'the answer is not an object')
  const { effect, result, error, refused, failed, message } = answer as Record<string, unknown>
  if (effect === 'done') {
    if (result !== undefined) snapshot(result, 'result')
  } else if (effect === 'none' || effect === 'uncertain') {
    demandFailure(error)
  } else if (refused !== undefined) {
    demand(typeof refused === 'string' && Object.hasOwn(reasonTable, refused), '`refused` must be a known reason')
    demand(typeof message === 'string' && message !== '', 'a refusal needs a `message`')
  } else {
    demandFailure(failed)
  }
}

function demandFailure(failure: unknown): void {
  demand(typeof failure === 'object' && failure !== null, 'the answer has none of the shapes of `Answer`')
  const { code, message, retryable } = failure as Record<string, unknown>
  demand(typeof code === 'string' && /^[a-z][a-z0-9_]{0,63}$/.test(code), 'a failure needs a `code` like `not_found`')
  demand(typeof message === 'string' && message !== '', 'a failure needs a `message`')
  demand(typeof retryable === 'boolean', 'a failure must say whether it is `retryable`')
}

function isRefusal(answer: Answer): boolean {
  return !('effect' in answer && answer.effect === 'done')
}

function isUncertain(answer: Answer): boolean {
  return 'failed' in answer || ('effect' in answer && answer.effect === 'uncertain')
}

async function using(
  make: () => Provider | Promise<Provider>,
  check: (provider: Provider) => void | Promise<void>,
): Promise<void> {
  const provider = await make()
  try {
    await check(provider)
  } finally {
    await provider.close?.()
  }
}

async function inTime<Value>(promise: Promise<Value>, timeoutMs: number): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function demand(condition: boolean, broken: string): asserts condition {
  if (!condition) throw new Error(broken)
}
