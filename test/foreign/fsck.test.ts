import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aLog, aSigner, leafHashOf, writeTree, type ALog } from '../evidence/receipt/a-log.ts'
import { decodeBundle, encodeBundle } from '../../src/evidence/ledger/tile.ts'
import { guards } from '../guards.ts'
import { aPlace, aRead, policyDraft } from '../ledger/a-ledger.ts'
import { aGoProgram } from './a-go-program.ts'
import { placed, written } from './on-disk.ts'

/** The checker of the Tessera logs, as its authors ship it. */
const fsck = await aGoProgram('fsck', 'github.com/transparency-dev/tessera/cmd/fsck')

fsck.suite('Tessera’s fsck', () => {
  guards('LED-01', 'LED-05')

  const signer = aSigner()

  /** What it found. Without its screen this version exits with 0 whatever that was: only what it says counts. */
  async function check(folder: string, vkey: string): Promise<'sound' | 'unsound'> {
    const key = written(vkey, fsck.folder)
    const said = await fsck.run([`-storage_url=file://${folder}`, `-public_key=${key}`, '-ui=false', '-N=2'])
    const isSound = said.code === 0 && said.stderr.includes(`Successfully fsck'd log with size `)
    const isUnsound = said.code !== 0 || said.stderr.includes('fsck failed: ')
    expect({ said, isUnsound }).toEqual({ said, isUnsound: !isSound })
    return isSound ? 'sound' : 'unsound'
  }
  const checkLog = (log: ALog): ReturnType<typeof check> => check(placed(log, fsck.folder), signer.vkey)

  test.each([1, 2, 255, 256, 257, 512, 1000])('finds nothing in a log of %i entries', async (size) => {
    expect(await checkLog(aLog(signer, size))).toBe('sound')
  })

  test('finds nothing in a log of three levels of tiles, and one changed hash among its 66,000', async () => {
    const log = aLog(signer, 66_000)
    expect(await checkLog(log)).toBe('sound')
    change(log.file('tile/0/100'), 17 * 32)
    expect(await checkLog(log)).toBe('unsound')
  })

  test('finds nothing in what the ledger published, before and after it went on', async () => {
    using place = aPlace()
    for (const entries of [255, 1, 400]) {
      const ledger = await place.open()
      if (ledger.policy === undefined) await ledger.append(policyDraft, { durability: 'written' })
      const reads = Array.from({ length: entries }, (_, i) => ledger.append(aRead(i), { durability: 'written' }))
      await Promise.all(reads)
      await ledger.close()
      const copy = join(place.root, `copy-${entries}`)
      cpSync(place.directory, copy, { recursive: true })
      for (const rest of ['vkey', 'wal']) rmSync(join(copy, rest), { recursive: true })
      expect(await check(copy, place.keys.vkey)).toBe('sound')
    }
  })

  const bundle = 'tile/entries/001'
  const tampering: readonly [string, (log: ALog) => void][] = [
    ['an edited entry', (log) => change(log.file(bundle), 1000)],
    ['an entry taken out', (log) => rebundle(log, (entries) => entries.toSpliced(7, 1))],
    ['two entries swapped', (log) => rebundle(log, ([a, b, ...rest]) => [b, a, ...rest] as Uint8Array[])],
    ['an altered tile', (log) => change(log.file('tile/0/001'), 10)],
    ['an altered tile at the edge', (log) => change(log.file('tile/0/002.p/88'), 10)],
    ['an altered upper tile', (log) => change(log.file('tile/1/000.p/2'), 10)],
    ['a bundle gone', (log) => log.files.delete(bundle)],
    ['a checkpoint of another key', (log) => log.files.set('checkpoint', aLog(aSigner(), 600).file('checkpoint'))],
    ['an older checkpoint with a newer size', (log) => writeOver(log, '\n600\n', '\n599\n')],
    [
      'a bundle and all tiles above it written anew',
      (log) => {
        rebundle(log, (entries) => entries.with(7, Buffer.from('{"v":1}')))
        const bundles = [0, 1].map((index) => log.file(`tile/entries/00${index}`))
        const entries = [...bundles, log.file('tile/entries/002.p/88')].flatMap((bytes) => decodeBundle(bytes))
        writeTree(log.files, entries)
        expect(Buffer.from(log.file('tile/0/001')).subarray(7 * 32, 8 * 32)).toEqual(leafHashOf(Buffer.from('{"v":1}')))
      },
    ],
  ]

  test.each(tampering)('finds %s', async (_what, tamper) => {
    const log = aLog(signer, 600)
    tamper(log)
    expect(await checkLog(log)).toBe('unsound')
  })

  test('finds an entry edited in a folder that the ledger published', async () => {
    using place = aPlace()
    const ledger = await place.open()
    await ledger.append(policyDraft, { durability: 'written' })
    for (let i = 0; i < 8; i++) await ledger.append(aRead(i), { durability: 'written' })
    await ledger.close()
    const path = join(place.directory, 'tile/entries/000.p/10')
    const bytes = readFileSync(path, 'latin1')
    writeFileSync(path, bytes.replace('/workspace/3', '/workspace/4'), 'latin1')
    expect(await check(place.directory, place.keys.vkey)).toBe('unsound')
  })
})

function change(bytes: Uint8Array, at: number): void {
  bytes[at] = (bytes[at] as number) ^ 1
}

function rebundle(log: ALog, alter: (entries: Uint8Array[]) => Uint8Array[]): void {
  const path = 'tile/entries/001'
  log.files.set(path, encodeBundle(alter(decodeBundle(log.file(path)))))
}

function writeOver(log: ALog, text: string, other: string): void {
  const note = Buffer.from(log.file('checkpoint')).toString('utf8')
  log.files.set('checkpoint', Buffer.from(note.replace(text, other)))
}
