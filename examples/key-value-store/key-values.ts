import {
  integer,
  optional,
  shape,
  type ActionDefinition,
  type Answer,
  type Call,
  type ParamRule,
  type Provider,
  type ResourceReading,
} from 'kestrel-kernel/providers'
import { reversalOf, type Change } from './reversal.ts'
import { placeOf, Table, UncertainCommit } from './table.ts'

const keysPerList = 1000
const valueBytes = 32_768

/**
 * Stores of texts by key, in one SQLite file: `kv.get`, `kv.put`, `kv.delete` on `store/key`, and `kv.list` on `store`.
 *
 * What put and delete change can be taken back.
 */
export function keyValues(file: string): Provider {
  const table = new Table(file)
  return {
    name: 'key values',
    // No other provider may write into the database behind this one.
    ownPlaces: [file, `${file}-wal`, `${file}-shm`],
    actions: {
      'kv.get': observing({
        readResource: readPair,
        checkParams: shape({}),
        perform: ({ resource }) => {
          const value = table.get(placeOf(resource))
          return value === null ? absent(resource) : { effect: 'done', result: { value } }
        },
      }),
      'kv.list': observing({
        readResource: readStore,
        checkParams: shape({ after: optional(keyName), limit: optional(integer(1, keysPerList)) }),
        perform: ({ resource, params }) => {
          const limit = Number(params['limit'] ?? keysPerList)
          const keys = table.keys(resource, (params['after'] ?? '') as string, limit + 1)
          const last = keys[limit - 1]
          const more = keys.length > limit && last !== undefined && { next: last }
          return { effect: 'done', result: { keys: keys.slice(0, limit), ...more } }
        },
      }),
      'kv.put': changing(table, shape({ value: storable }), ({ params }) => params['value'] as string),
      'kv.delete': changing(table, shape({}), () => null),
    },
    close: () => table.close(),
  }
}

function observing(definition: Omit<ActionDefinition, 'kind'>): ActionDefinition {
  return { ...definition, kind: 'observe', perform: (call) => guarded(() => definition.perform(call) as Answer) }
}

/** @param next what stands there afterwards; null takes it away, which needs something to take */
function changing(
  table: Table,
  checkParams: NonNullable<ActionDefinition['checkParams']>,
  next: (call: Call) => string | null,
): ActionDefinition {
  const foresee = (call: Call): Answer | undefined =>
    next(call) === null && table.get(placeOf(call.resource)) === null ? absent(call.resource) : undefined
  return {
    kind: 'mutate',
    readResource: readPair,
    checkParams,
    foresee,
    perform: (call) =>
      guarded((): Answer => {
        if (call.signal.aborted) return failed('cancelled', 'it was cancelled before it began', true)
        const ending = foresee(call)
        if (ending !== undefined) return ending
        // Of what has changed since the image was taken, the image would put back something else.
        const { was, changed } = table.swap(placeOf(call.resource), next(call), expectedIn(call))
        if (!changed) return failed('changed', `\`${call.resource}\` was changed at this moment; try again`, true)
        return { effect: 'done', result: { replaced: was !== null } }
      }),
    reversal: reversalOf(table, (call) => foresee(call) ?? next(call), guarded),
  }
}

function expectedIn({ image }: Call): string | null | undefined {
  return (image as unknown as Change | undefined)?.before
}

/** An error of the database is an answer: what failed before its commit has surely not happened. */
function guarded<Value>(act: () => Value): Value | Answer {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof UncertainCommit)) return failed('store_failed', 'the store did not answer; try again', true)
    const message = 'the store did not confirm the change; look with `kv.get`'
    return { effect: 'uncertain', error: { code: 'store_failed', message, retryable: false } }
  }
}

const storeName = /^[a-z][a-z0-9-]{0,63}$/
const keyPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

const keyName: ParamRule = {
  mustBe: 'a key',
  fits: (value) => typeof value === 'string' && keyPattern.test(value),
}
const storable: ParamRule = {
  mustBe: `text of at most ${valueBytes} bytes`,
  fits: (value) => typeof value === 'string' && Buffer.byteLength(value) <= valueBytes && !value.includes('\0'),
}

function readStore(raw: string): ResourceReading {
  return storeName.test(raw) ? { canonical: raw } : { problem: 'name a store, as `notes`' }
}

/** One spelling a key, so that a policy can say `notes/*`. */
function readPair(raw: string): ResourceReading {
  const { store, key } = placeOf(raw)
  const fits = storeName.test(store) && keyPattern.test(key)
  return fits ? { canonical: raw } : { problem: 'name a store and a key, as `notes/today`' }
}

function absent(resource: string): Answer {
  return failed('not_found', `there is no \`${resource}\``, false)
}

function failed(code: string, message: string, retryable: boolean): Answer {
  return { effect: 'none', error: { code, message, retryable } }
}
