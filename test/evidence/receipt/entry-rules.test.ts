import { describe, expect, test } from 'vitest'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { verifyLog, type Problem, type Verification } from '../../../src/evidence/receipt/index.ts'
import { guards } from '../../guards.ts'
import { aLog, aSigner, publish, signedCheckpoint, someEntries, treeHash, type ALog } from './a-log.ts'

const signer = aSigner()
const size = 600
const honest = aLog(signer, size)

function verify(log: ALog): Promise<Verification> {
  return verifyLog(log, { vkey: signer.vkey, primitives: nodePrimitives })
}

/** Problems without their messages: what scripts read. */
function found({ problems }: Verification): Omit<Problem, 'message'>[] {
  return problems.map(({ message: _message, ...rest }) => rest)
}

describe('a log whose own owner broke the rules between entries', () => {
  guards('LED-01', 'LED-16')

  const broken: readonly [string, number, Parameters<typeof aLog>[2], Omit<Problem, 'message'>[]][] = [
    [
      'a wrong seq',
      10,
      { alter: (entry) => (entry.seq === 5 ? { ...entry, seq: 6 } : entry) },
      [{ code: 'wrong_order', seq: 5, file: 'tile/entries/000.p/10' }],
    ],
    [
      'time going back',
      10,
      { alter: (entry) => (entry.seq === 5 ? { ...entry, time: 1 } : entry) },
      [{ code: 'wrong_order', seq: 5, file: 'tile/entries/000.p/10' }],
    ],
    [
      'no enrolment first',
      2,
      { alter: (entry) => (entry.seq === 0 ? { ...entry, agent: 'other' } : entry) },
      [
        { code: 'entry_invalid', seq: 0, file: 'tile/entries/000.p/2' },
        { code: 'wrong_order', seq: 1, file: 'tile/entries/000.p/2' },
      ],
    ],
    [
      'no policy second',
      2,
      {
        alter: ({ digest, ...entry }) =>
          entry.seq === 1 ? { ...entry, kind: 'note' } : { ...entry, ...(digest !== undefined && { digest }) },
      },
      [{ code: 'entry_invalid', seq: 1, file: 'tile/entries/000.p/2' }],
    ],
    [
      'an agent’s count going back',
      10,
      { alter: (entry) => (entry.seq === 9 ? { ...entry, agentSeq: 3 } : entry) },
      [{ code: 'wrong_order', seq: 9, file: 'tile/entries/000.p/10' }],
    ],
    [
      'an agent enrolled twice',
      10,
      {
        alter: (entry) => (entry.seq === 9 ? { ...entry, kind: 'enroll', publicKey: signer.agentPublicKey } : entry),
      },
      [{ code: 'entry_invalid', seq: 9, file: 'tile/entries/000.p/10' }],
    ],
    [
      'an agent never enrolled',
      10,
      { alter: (entry) => (entry.seq === 9 ? { ...entry, agent: 'other', agentSeq: 0 } : entry) },
      [{ code: 'entry_invalid', seq: 9, file: 'tile/entries/000.p/10' }],
    ],
    [
      'a gap in the agent’s count',
      10,
      { alter: (entry) => (entry.seq === 9 ? { ...entry, agentSeq: 10 } : entry) },
      [{ code: 'wrong_order', seq: 9, file: 'tile/entries/000.p/10' }],
    ],
    [
      'a policy that is none',
      10,
      { alter: (entry) => (entry.seq === 5 ? { ...entry, policy: 3 } : entry) },
      [{ code: 'entry_invalid', seq: 5, file: 'tile/entries/000.p/10' }],
    ],
    [
      'a reference to the future',
      10,
      { alter: (entry) => (entry.seq === 5 ? { ...entry, of: 5 } : entry) },
      [{ code: 'entry_invalid', seq: 5, file: 'tile/entries/000.p/10' }],
    ],
    [
      'too many entries without a head',
      520,
      { headEvery: 1000 },
      [{ code: 'head_missing', seq: 512, file: 'tile/entries/002.p/8' }],
    ],
    [
      'a head over another chain',
      20,
      {
        headEvery: 10,
        alter: (entry) =>
          entry.head === undefined ? entry : { ...entry, head: { ...entry.head, chain: '0'.repeat(64) } },
      },
      [{ code: 'head_invalid', seq: 10, file: 'tile/entries/000.p/20' }],
    ],
    [
      'a head with another signature',
      20,
      {
        headEvery: 10,
        alter: (entry) =>
          entry.head === undefined
            ? entry
            : { ...entry, head: { ...entry.head, sig: Buffer.alloc(64).toString('base64') } },
      },
      [{ code: 'head_invalid', seq: 10, file: 'tile/entries/000.p/20' }],
    ],
    [
      'a head that covers the future',
      20,
      {
        headEvery: 10,
        alter: (entry) => (entry.head === undefined ? entry : { ...entry, head: { ...entry.head, upTo: 10 } }),
      },
      [{ code: 'head_invalid', seq: 10, file: 'tile/entries/000.p/20' }],
    ],
  ]

  test.each(broken)('%s is named', async (_what, entries, options, problems) => {
    const verification = await verify(aLog(signer, entries, options))
    expect(found(verification)).toEqual(problems)
  })

  test.each(['{}', 'null', '[]', '{"v":1}', 'x', '"', '[[[[', '{"agent":"a"} '])(
    'bytes that are no entry: %s',
    async (text) => {
      const log = publish(signer, someEntries(signer, 10).with(4, Buffer.from(text)))
      expect(found(await verify(log))).toEqual([{ code: 'entry_invalid', seq: 4, file: 'tile/entries/000.p/10' }])
    },
  )

  test('a checkpoint over another root', async () => {
    const log = honest.copy()
    log.files.set('checkpoint', signedCheckpoint(signer, size, treeHash([])))
    expect(found(await verify(log))).toEqual([{ code: 'root_mismatch', file: 'checkpoint' }])
  })
})
