import { describe, expect, test } from 'vitest'
import { KernelError } from '../../../src/base/errors.ts'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { webPrimitives } from '../../../src/base/primitives.ts'
import { decodeBundle, encodeBundle } from '../../../src/evidence/ledger/tile.ts'
import { verifyLog, type Problem, type Verification } from '../../../src/evidence/receipt/index.ts'
import { guards } from '../../guards.ts'
import { aLog, aSigner, publish, signedCheckpoint, someEntries, writeTree, type ALog } from './a-log.ts'

const signer = aSigner()
const size = 600
const honest = aLog(signer, size)

function verify(log: ALog, since?: Uint8Array): Promise<Verification> {
  return verifyLog(log, { vkey: signer.vkey, primitives: nodePrimitives, ...(since && { since }) })
}

/** Problems without their messages: what scripts read. */
function found({ problems }: Verification): Omit<Problem, 'message'>[] {
  return problems.map(({ message, ...rest }) => {
    expect(message).not.toBe('')
    return rest
  })
}

function rebundle(log: ALog, path: string, change: (entries: Uint8Array[]) => Uint8Array[]): void {
  log.files.set(path, encodeBundle(change(decodeBundle(log.file(path)))))
}

/** Flips the lowest bit of a byte that is inside a value, so that the entry still parses. */
function flipIn(entry: Uint8Array, text: string): Uint8Array {
  const bytes = Buffer.from(entry)
  const at = bytes.indexOf(text)
  expect(at).toBeGreaterThan(0)
  bytes[at] = (bytes[at] as number) ^ 1
  return bytes
}

function flip(bytes: Uint8Array, at: number): void {
  bytes[at] = (bytes[at] as number) ^ 1
}

const middle = 'tile/entries/001'
const tail = 'tile/entries/002.p/88'

describe('an untouched log', () => {
  guards('LED-04', 'LED-16')

  test.each([1, 2, 3, 255, 256, 257, 511, 512, 513, 514, 600, 1100])('of %i entries verifies', async (entries) => {
    const log = aLog(signer, entries)
    const verification = await verify(log)
    expect(verification.problems).toEqual([])
    expect(verification).toMatchObject({ ok: true, origin: signer.origin, size: entries })
    for (const primitives of [undefined, webPrimitives]) {
      expect(await verifyLog(log, { ...(primitives && { primitives }) })).toEqual(verification)
    }
  })

  test('names the policies that were in force', async () => {
    const { policyChanges } = await verify(honest)
    expect(policyChanges).toEqual([{ seq: 1, time: 1_700_000_000_003, digest: 'ab'.repeat(32) }])
  })

  test('is verified with fuller tiles than its checkpoint needs, as while it grows', async () => {
    const entries = someEntries(signer, 700)
    const log = publish(signer, entries)
    const { files } = publish(signer, entries.slice(0, size))
    log.files.set('checkpoint', files.get('checkpoint') as Uint8Array)
    expect(await verify(log)).toMatchObject({ ok: true, size })
    const full = publish(signer, someEntries(signer, 768))
    full.files.set('checkpoint', files.get('checkpoint') as Uint8Array)
    const list = async (folder: string): Promise<string[]> =>
      [...full.files.keys()]
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1))
    expect(await verifyLog({ read: (path) => full.read(path), list })).toMatchObject({ ok: true, size })
  })

  test('tells how far it is', async () => {
    const seen: number[] = []
    await verifyLog(honest, { primitives: nodePrimitives, onProgress: ({ entries }) => seen.push(entries) })
    expect(seen).toEqual([256, 512, 600])
  })
})

describe('a log that someone without the key changed', () => {
  guards('LED-01', 'LED-04')

  const cases: readonly [string, (log: ALog) => void, Omit<Problem, 'message'>[]][] = [
    [
      'one bit of one entry',
      (log) => rebundle(log, middle, (list) => list.with(44, flipIn(list[44] as Uint8Array, '300.csv'))),
      [{ code: 'entry_altered', seq: 300, file: middle }],
    ],
    [
      'one bit of an entry at the end',
      (log) => rebundle(log, tail, (list) => list.with(87, flipIn(list[87] as Uint8Array, '599.csv'))),
      [{ code: 'entry_altered', seq: 599, file: tail }],
    ],
    [
      'the agentSeq of an entry',
      (log) => rebundle(log, middle, (list) => list.with(3, flipIn(list[3] as Uint8Array, '259,'))),
      [{ code: 'entry_altered', seq: 259, file: middle }],
    ],
    [
      'two entries swapped',
      (log) => rebundle(log, middle, (list) => list.with(10, list[20] as Uint8Array).with(20, list[10] as Uint8Array)),
      [
        { code: 'wrong_order', seq: 266, file: middle },
        { code: 'wrong_order', seq: 276, file: middle },
      ],
    ],
    [
      'two neighbours swapped',
      (log) => rebundle(log, middle, (list) => list.with(10, list[11] as Uint8Array).with(11, list[10] as Uint8Array)),
      [
        { code: 'wrong_order', seq: 266, file: middle },
        { code: 'wrong_order', seq: 267, file: middle },
      ],
    ],
    [
      'an entry taken out',
      (log) => rebundle(log, middle, (list) => list.toSpliced(9, 1)),
      [{ code: 'entry_removed', seq: 265, file: middle }],
    ],
    [
      'an entry put in',
      (log) => rebundle(log, tail, (list) => list.toSpliced(9, 0, Buffer.from('{"v":1}'))),
      [{ code: 'entry_inserted', seq: 521, file: tail }],
    ],
    [
      'an entry replaced by another',
      (log) => rebundle(log, middle, (list) => list.with(9, Buffer.from('{"v":1}'))),
      [{ code: 'entry_altered', seq: 265, file: middle }],
    ],
    [
      'the last entries cut off',
      (log) => rebundle(log, tail, (list) => list.slice(0, 80)),
      [{ code: 'truncated', seq: 592, file: tail }],
    ],
    ['the last bundle gone', (log) => log.files.delete(tail), [{ code: 'truncated', seq: 512, file: tail }]],
    [
      'the last bundle and its tile gone',
      (log) => {
        log.files.delete(tail)
        log.files.delete('tile/0/002.p/88')
      },
      [
        { code: 'missing', file: 'tile/0/002.p/88' },
        { code: 'truncated', seq: 512, file: tail },
      ],
    ],
    ['a bundle in the middle gone', (log) => log.files.delete(middle), [{ code: 'missing', seq: 256, file: middle }]],
    [
      'a bundle cut inside an entry',
      (log) => log.files.set(middle, log.file(middle).slice(0, -5)),
      [{ code: 'file_damaged', seq: 511, file: middle }],
    ],
    [
      'the length of an entry',
      (log) =>
        flip(
          log.file(middle),
          decodeBundle(log.file(middle))
            .slice(0, 9)
            .reduce((sum, e) => sum + e.length + 2, 1),
        ),
      [{ code: 'file_damaged', seq: 265, file: middle }],
    ],
    [
      'an entry put into a full bundle',
      (log) => log.files.set(middle, Buffer.concat([Buffer.from('\u0000\u0002{}'), log.file(middle)])),
      [{ code: 'entry_inserted', seq: 256, file: middle }],
    ],
    [
      'a bundle emptied',
      (log) => log.files.set(middle, new Uint8Array(0)),
      [{ code: 'truncated', seq: 256, file: middle }],
    ],
    [
      'every bundle shifted by an entry taken out',
      (log) => {
        const other = new Map<string, Uint8Array>()
        writeTree(other, someEntries(signer, size).toSpliced(300, 1))
        log.files.delete(tail)
        for (const [path, bytes] of other) if (path.startsWith('tile/entries/')) log.files.set(path, bytes)
      },
      [
        { code: 'entry_removed', seq: 300, file: middle },
        { code: 'entry_inserted', seq: 511, file: middle },
        { code: 'truncated', seq: 512, file: tail },
      ],
    ],
    [
      'a hash of a full tile',
      (log) => flip(log.file('tile/0/001'), 32 * 7 + 3),
      [{ code: 'file_damaged', file: 'tile/0/001' }],
    ],
    [
      'a hash of the tile at the edge',
      (log) => flip(log.file('tile/0/002.p/88'), 32 * 7 + 3),
      [{ code: 'file_damaged', file: 'tile/0/002.p/88' }],
    ],
    [
      'a hash of an upper tile',
      (log) => flip(log.file('tile/1/000.p/2'), 40),
      [{ code: 'file_damaged', file: 'tile/1/000.p/2' }],
    ],
    ['a tile gone', (log) => log.files.delete('tile/0/000'), [{ code: 'missing', file: 'tile/0/000' }]],
    ['an upper tile gone', (log) => log.files.delete('tile/1/000.p/2'), [{ code: 'missing', file: 'tile/1/000.p/2' }]],
    [
      'a tile of the wrong length',
      (log) => log.files.set('tile/0/000', log.file('tile/0/000').slice(0, 100)),
      [{ code: 'file_damaged', file: 'tile/0/000' }],
    ],
    [
      'an entry and its tile rewritten to match',
      (log) => {
        const entries = someEntries(signer, size).with(300, Buffer.from('{"v":1}'))
        const other = new Map<string, Uint8Array>()
        writeTree(other, entries)
        for (const path of [middle, 'tile/0/001']) log.files.set(path, other.get(path) as Uint8Array)
      },
      [{ code: 'entry_altered', file: middle }],
    ],
    [
      'an entry and every tile rewritten to match',
      (log) => {
        const entries = someEntries(signer, size)
        entries[300] = flipIn(entries[300] as Uint8Array, '300.csv')
        writeTree(log.files, entries)
      },
      [
        { code: 'head_invalid', seq: 512, file: tail },
        { code: 'root_mismatch', file: 'checkpoint' },
      ],
    ],
    [
      'an entry, and the edge that could tell',
      (log) => {
        rebundle(log, middle, (list) => list.with(44, flipIn(list[44] as Uint8Array, '300.csv')))
        flip(log.file('tile/0/002.p/88'), 3)
      },
      [
        { code: 'head_invalid', seq: 512, file: tail },
        { code: 'entry_altered', seq: 300, file: middle },
        { code: 'entry_altered', seq: 512, file: tail },
        { code: 'file_damaged', file: 'tile/1/000.p/2' },
        { code: 'root_mismatch', file: 'checkpoint' },
      ],
    ],
    ['the checkpoint gone', (log) => log.files.delete('checkpoint'), [{ code: 'missing', file: 'checkpoint' }]],
    [
      'the checkpoint is garbage',
      (log) => log.files.set('checkpoint', Buffer.from('nothing\n')),
      [{ code: 'file_damaged', file: 'checkpoint' }],
    ],
    [
      'the signature of the checkpoint',
      (log) => {
        const bytes = Buffer.from(log.file('checkpoint')).toString()
        const at = bytes.length - 20
        const letter = bytes[at] === 'A' ? 'B' : 'A'
        log.files.set('checkpoint', Buffer.from(bytes.slice(0, at) + letter + bytes.slice(at + 1)))
      },
      [{ code: 'signature_invalid', file: 'checkpoint' }],
    ],
    [
      'the size in the checkpoint lowered',
      (log) =>
        log.files.set('checkpoint', Buffer.from(Buffer.from(log.file('checkpoint')).toString().replace('600', '599'))),
      [
        { code: 'signature_invalid', file: 'checkpoint' },
        { code: 'root_mismatch', file: 'checkpoint' },
      ],
    ],
    [
      'the size in the checkpoint raised beyond reason',
      (log) =>
        log.files.set(
          'checkpoint',
          Buffer.from(Buffer.from(log.file('checkpoint')).toString().replace('600', '9007199254740991')),
        ),
      [
        { code: 'signature_invalid', file: 'checkpoint' },
        { code: 'missing', file: 'tile/0/002' },
        { code: 'truncated', seq: 512, file: 'tile/entries/002' },
      ],
    ],
    [
      'another key in the folder',
      (log) => log.files.set('vkey', Buffer.from(`${aSigner(signer.origin).vkey}\n`)),
      [{ code: 'foreign_key', file: 'vkey' }],
    ],
    [
      'a vkey without the end of its line',
      (log) => log.files.set('vkey', Buffer.from(signer.vkey)),
      [{ code: 'file_damaged', file: 'vkey' }],
    ],
    [
      'a signature line of the log twice',
      (log) => {
        const note = Buffer.from(log.file('checkpoint')).toString()
        log.files.set('checkpoint', Buffer.from(note + note.slice(note.indexOf('\u2014'))))
      },
      [{ code: 'signature_invalid', file: 'checkpoint' }],
    ],
    ['a vkey that is none', (log) => log.files.set('vkey', Buffer.from('x')), [{ code: 'file_damaged', file: 'vkey' }]],
  ]

  test.each(cases)('%s is named', async (_what, tamper, problems) => {
    const log = honest.copy()
    tamper(log)
    const verification = await verify(log)
    expect(verification.ok).toBe(false)
    expect(found(verification)).toEqual(problems)
  })

  test('a log of another key under the same origin is foreign', async () => {
    const other = aSigner(signer.origin)
    const verification = await verify(aLog(other, 10))
    expect(found(verification)).toEqual([
      { code: 'foreign_key', file: 'vkey' },
      { code: 'foreign_key', file: 'checkpoint' },
    ])
  })

  test('without any key nothing counts as verified', async () => {
    const log = honest.copy()
    log.files.delete('vkey')
    expect(found(await verifyLog(log, { primitives: nodePrimitives }))).toEqual([{ code: 'missing', file: 'vkey' }])
    expect(await verify(log)).toMatchObject({ ok: true })
  })

  test.each(['checkpoint', 'vkey', 'tile/0/001', 'tile/1/000.p/2', middle])(
    'a link in the place of %s is named',
    async (path) => {
      const read = async (wanted: string): Promise<Uint8Array | undefined> => {
        if (wanted === path) throw new KernelError('LEDGER_CORRUPT', 'a link')
        return honest.read(wanted)
      }
      const { problems } = await verifyLog({ read }, { vkey: signer.vkey, primitives: nodePrimitives })
      expect(problems).toHaveLength(1)
      expect(problems[0]).toMatchObject({ code: 'file_damaged', file: path })
      const broken = { read: (): Promise<never> => Promise.reject(new Error('EIO')) }
      await expect(verifyLog(broken)).rejects.toThrow('EIO')
    },
  )

  test('a hundred problems are enough', async () => {
    const log = honest.copy()
    rebundle(log, middle, (list) => list.map((entry) => flipIn(entry, '"v":1')))
    expect((await verify(log)).problems).toHaveLength(100)
  })

  test('no folder of a log is an error, not a verdict', async () => {
    const nothing = { read: async (): Promise<undefined> => undefined }
    await expect(verifyLog(nothing)).rejects.toMatchObject({ code: 'LEDGER_NOT_FOUND' })
    await expect(verifyLog(honest, { vkey: 'x' })).rejects.toMatchObject({ code: 'KEY_INVALID' })
  })

  test('an earlier checkpoint that is none is a problem of its own', async () => {
    const found = await verifyLog(honest, { since: Buffer.from('x') })
    expect(found).toMatchObject({
      ok: false,
      problems: [{ code: 'file_damaged', message: expect.stringContaining('earlier checkpoint') }],
    })
  })
})

describe('a log held against an earlier checkpoint', () => {
  guards('LED-01')

  const earlier = (entries: number): Uint8Array => aLog(signer, entries).file('checkpoint')

  test.each([1, 2, 255, 256, 257, 512, 599, 600])('extends its own of %i entries', async (entries) => {
    expect(await verify(honest, earlier(entries))).toMatchObject({ ok: true, problems: [] })
  })

  test('that is longer: the log is an older one', async () => {
    const verification = await verify(honest, earlier(601))
    expect(found(verification)).toEqual([{ code: 'not_an_extension', file: 'checkpoint' }])
  })

  test.each([
    [0, 1],
    [200, 256],
    [255, 256],
    [256, 257],
    [599, 600],
    [300, 512],
  ])(
    'forked at %i under a checkpoint of %i entries: a log signed by its own owner is refused',
    async (from, entries) => {
      const fork = { from: Math.max(from, 2), mark: 'fork' }
      const log = aLog(signer, size, { fork })
      expect(await verify(log)).toMatchObject({ ok: true })
      const verification = await verify(log, earlier(Math.max(entries, fork.from + 1)))
      expect(found(verification)).toEqual([{ code: 'not_an_extension' }])
    },
  )

  test('forked after it: still an extension', async () => {
    const log = aLog(signer, size, { fork: { from: 300, mark: 'fork' } })
    expect(await verify(log, earlier(300))).toMatchObject({ ok: true })
  })

  test('of another log, or forged', async () => {
    const foreign = aLog(aSigner('example.com/other'), 5).file('checkpoint')
    expect(found(await verify(honest, foreign))).toEqual([{ code: 'foreign_key' }])
    const keyless = honest.copy()
    keyless.files.delete('vkey')
    const verification = await verifyLog(keyless, { since: foreign, primitives: nodePrimitives })
    expect(found(verification)).toEqual([{ code: 'missing', file: 'vkey' }, { code: 'foreign_key' }])
    const forged = signedCheckpoint({ ...aSigner(), keyId: signer.keyId }, 5, Buffer.alloc(32))
    expect(found(await verify(honest, forged))).toEqual([{ code: 'signature_invalid' }])
  })
})
