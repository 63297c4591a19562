import fc from 'fast-check'
import type { Entry, EntryKind } from '../../../src/evidence/ledger/entry.ts'

const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((value) => value.isWellFormed())
const name = fc.oneof(fc.constantFrom('alice', '"\\\n', '__proto__', '\u0000\u007f\u2028', '😀'), text)
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const hex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const base64 = (length: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('base64'))
const spki = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex')
const publicKeys = fc
  .uint8Array({ minLength: 64, maxLength: 64 })
  .map((point) => Buffer.concat([spki, point]).toString('base64'))
const meters = fc
  .uniqueArray(fc.tuple(name, fc.maxSafeInteger()), { selector: ([meter]) => meter, maxLength: 4 })
  .map((pairs) => Object.fromEntries(pairs))

const kinds: readonly EntryKind[] = [
  ...(['action', 'approval', 'resolve', 'policy', 'enroll', 'rotate', 'head', 'grant', 'revoke'] as const),
  ...(['run', 'state', 'snapshot', 'migrate', 'export', 'shred', 'note'] as const),
]

const common = fc.record(
  {
    v: fc.constant(1 as const),
    seq: count,
    time: count,
    agent: name,
    principal: name,
    run: name,
    step: count,
    action: name,
    resource: name,
    resources: fc.array(name, { maxLength: 3 }),
    params: hex,
    policy: count,
    decision: fc.record(
      {
        effect: fc.constantFrom('permit' as const, 'forbid' as const, 'hold' as const),
        reason: name,
        rules: fc.array(name, { maxLength: 3 }),
      },
      { requiredKeys: ['effect', 'reason'] },
    ),
    flow: fc.array(
      fc.record({ param: name, value: hex, label: name, entry: count }, { requiredKeys: ['param', 'value', 'label'] }),
      { maxLength: 2 },
    ),
    of: count,
    key: hex,
    approval: fc.record({ id: name, by: fc.array(name, { maxLength: 2 }), expires: count }),
    charge: meters,
    undo: fc.record({ image: hex, until: count }),
    outcome: fc.record(
      {
        status: fc.constantFrom(...(['ok', 'denied', 'invalid', 'held', 'failed', 'unknown'] as const)),
        result: hex,
        effect: fc.constantFrom('none' as const, 'done' as const, 'uncertain' as const),
        durationMs: count,
        error: name,
      },
      { requiredKeys: ['status'] },
    ),
    class: name,
    tier: fc.constantFrom('host' as const, 'wasm' as const, 'jail' as const, 'gvisor' as const, 'microvm' as const),
  },
  { requiredKeys: ['v', 'seq', 'time', 'agent', 'principal'] },
)

/** Any entry that the format has, with every combination of fields. */
export const anEntry: fc.Arbitrary<Entry> = fc
  .tuple(common, fc.constantFrom(...kinds), count, hex, publicKeys, base64(64), fc.boolean())
  .map(([fields, kind, number, digest, publicKey, sig, spoken]) => ({
    ...fields,
    kind,
    ...(kind === 'head' ? { head: { upTo: number, chain: digest, sig } } : { agentSeq: number }),
    ...(kind === 'policy' ? { digest } : {}),
    ...(kind === 'enroll' || kind === 'rotate' ? { publicKey } : {}),
    ...((kind === 'approval' || kind === 'resolve') && spoken ? { reason: digest } : {}),
  }))
