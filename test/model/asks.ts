import fc from 'fast-check'
import type { Ask, Garbage } from './reference-gate.ts'

const by = fc.constantFrom<Ask['by'][]>('alice', 'bob', 'local')
const readable = ['/workspace/a.txt', '/workspace/out/b.txt', '/workspace/.env', '/workspace/missing', '/elsewhere/x']
const writable = [
  '/workspace/out/b.txt',
  '/workspace/out/c.txt',
  '/workspace/a.txt',
  '/workspace/out/.env',
  '/workspace/.env',
]
const custom = ['fn.look', 'fn.admin', 'fn.throws', 'fn.unlisted', 'no.such']
const oddities = ['garbage', 'throws', 'blind', 'refuses', 'none', 'unsure', 'unshown', 'hangs'].map(
  (name) => `odd.${name}`,
)

function asks(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>, required: readonly string[]): fc.Arbitrary<Ask> {
  return fc.record({ by, ...fields }, { requiredKeys: ['by', ...required] as never[] }) as unknown as fc.Arbitrary<Ask>
}

const dryRun = fc.constant(true as const)
const key = fc.constantFrom('k1', 'k2')
const amount = fc.record({ amount: fc.integer({ min: 1, max: 3 }) })

const act = asks({ action: fc.constant('fn.act'), resource: fc.constantFrom('till', 'box'), params: amount, key }, [
  'action',
  'resource',
  'params',
])

const look = asks({ action: fc.constantFrom(...custom), resource: fc.constantFrom('x', 'y/z'), key }, [
  'action',
  'resource',
])
const odd = asks({ action: fc.constantFrom(...oddities), resource: fc.constant('thing') }, ['action', 'resource'])
const read = asks({ action: fc.constant('fs.read'), resource: fc.constantFrom(...readable), key }, [
  'action',
  'resource',
])
const write = asks(
  {
    action: fc.constant('fs.write'),
    resource: fc.constantFrom(...writable),
    params: fc.record({ content: fc.string({ maxLength: 8, unit: 'grapheme' }) }),
    key,
  },
  ['action', 'resource', 'params'],
)
const tried = asks(
  { action: fc.constantFrom('fs.read', 'fn.act', 'fn.admin'), resource: fc.constantFrom(...readable), dryRun },
  ['action', 'resource', 'dryRun'],
)

const a = '/workspace/a.txt'
const garbage: fc.Arbitrary<Garbage> = fc.record({
  by,
  garbage: fc.constantFrom<unknown[]>('', '{"action":', null, 7, [], {}, { action: 5 }, { action: 'NO' }),
})
const nearly: fc.Arbitrary<Garbage> = fc
  .tuple(
    by,
    fc.constantFrom<unknown[]>(
      { action: 'fs.read', resource: a, extra: 1 },
      { action: 'fs.read', resource: a, params: { encoding: 'latin1' } },
      { action: 'fs.read', resource: a, idempotencyKey: '' },
      { action: 'fs.write', resource: a },
      `{"action":"fs.read","resource":"${a}","params":{"offset":0,"offset":1}}`,
    ),
  )
  .map(([who, sent]) => ({
    by: who,
    garbage: sent,
    // A text with two equal keys has no reading at all; an object was read before it was refused.
    ...(typeof sent === 'object' && { shows: { action: (sent as { action: string }).action, resource: a } }),
  }))

/** Any request, one at a time. */
export const anAsk: fc.Arbitrary<Ask | Garbage> = fc.oneof(
  { weight: 4, arbitrary: act },
  { weight: 3, arbitrary: fc.oneof(read, write, look) },
  { weight: 2, arbitrary: fc.oneof(garbage, nearly, tried) },
  { weight: 1, arbitrary: odd },
)

/** Requests whose answers do not hang on which of them acts first. */
export const aBundle: fc.Arbitrary<readonly (Ask | Garbage)[]> = fc.array(
  fc.oneof({ weight: 4, arbitrary: act }, { weight: 2, arbitrary: look }, read, odd, garbage, nearly),
  { minLength: 2, maxLength: 40 },
)

/** Requests that a crash may cut at any point. */
export const cutShort: fc.Arbitrary<readonly Ask[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: act }, { weight: 1, arbitrary: look }),
  { minLength: 1, maxLength: 12 },
)
