import { expect, test } from 'vitest'
import type { Entry } from '../../src/evidence/ledger/entry.ts'
import { verifyLog } from '../../src/evidence/receipt/index.ts'
import { aLog, aSigner, type ALog, type EntriesOptions } from '../evidence/receipt/a-log.ts'
import { guards } from '../guards.ts'
import { aGoProgram } from './a-go-program.ts'
import { placed } from './on-disk.ts'

const verifier = await aGoProgram('go')

/** What a writer can get wrong, or lie about, in bytes that its own key then signs. */
const lies: readonly [string, EntriesOptions][] = [
  ['a head with a flipped bit in its signature', changeHead((head) => ({ ...head, sig: flipped(head.sig) }))],
  ['a head over another chain', changeHead((head) => ({ ...head, chain: 'ab'.repeat(32) }))],
  ['a head that covers less than it signs', changeHead((head) => ({ ...head, upTo: head.upTo - 1 }))],
  ['a head that covers what is to come', changeHead((head) => ({ ...head, upTo: head.upTo + 1 }))],
  [
    'a head of another agent',
    { headEvery: 100, alter: (entry) => (isHead(entry) ? { ...entry, agent: 'bob' } : entry) },
  ],
  ['no head in 512 entries', { headEvery: 513 }],
  ['an agentSeq left out', { alter: (entry) => countedFrom(entry, 50, 1) }],
  ['an agentSeq told twice', { alter: (entry) => countedFrom(entry, 50, -1) }],
  ['an agent that was never enrolled', { alter: (entry) => (entry.seq === 50 ? { ...entry, agent: 'eve' } : entry) }],
  ['a clock that goes back', { alter: (entry) => (entry.seq === 50 ? { ...entry, time: 1 } : entry) }],
  ['a policy that is none', { alter: (entry) => (entry.seq === 50 ? { ...entry, policy: 2 } : entry) }],
  ['a reference to what is to come', { alter: (entry) => (entry.seq === 50 ? { ...entry, of: 51 } : entry) }],
  [
    'no policy as second entry',
    { alter: (entry) => (entry.seq === 1 ? { ...entry, kind: 'note', digest: absent } : entry) },
  ],
]

verifier.suite('the chains of the agents', () => {
  guards('LED-01', 'LED-04')

  const signer = aSigner()
  const verify = (log: ALog): ReturnType<typeof verifier.run> =>
    verifier.run(['log', placed(log, verifier.folder), signer.vkey])

  test.each([2, 100, 512])('hold with a head every %i entries', async (headEvery) => {
    expect(await verify(aLog(signer, 700, { headEvery }))).toMatchObject({ code: 0, stdout: 'ok\n' })
  })

  test.each(lies)('do not hold with %s, says Go and says Kestrel', async (_what, options) => {
    const log = aLog(signer, 700, { headEvery: 100, ...options })
    const { code, stdout } = await verify(log)
    expect({ code, stdout }).toMatchObject({ code: 6, stdout: expect.stringMatching(/: entry \d+: ./) as string })
    expect((await verifyLog(log, { vkey: signer.vkey })).ok).toBe(false)
  })

  test('hold under the key that enrolled the agent, and no other', async () => {
    const other = aSigner(signer.origin)
    const log = aLog({ ...signer, agent: other.agent, heads: new Map() }, 300, { headEvery: 100 })
    expect(await verify(log)).toMatchObject({ code: 6, stdout: expect.stringContaining('not signed by its key') })
  })
})

const absent = undefined as unknown as string

function isHead(entry: Entry): boolean {
  return entry.head !== undefined && entry.seq > 300
}

function changeHead(change: (head: NonNullable<Entry['head']>) => NonNullable<Entry['head']>): EntriesOptions {
  return {
    headEvery: 100,
    alter: (entry) => (entry.head !== undefined && entry.seq > 300 ? { ...entry, head: change(entry.head) } : entry),
  }
}

function flipped(base64: string): string {
  const bytes = Buffer.from(base64, 'base64')
  bytes[40] = (bytes[40] as number) ^ 1
  return bytes.toString('base64')
}

function countedFrom(entry: Entry, seq: number, by: number): Entry {
  return entry.seq >= seq && entry.agentSeq !== undefined ? { ...entry, agentSeq: entry.agentSeq + by } : entry
}
