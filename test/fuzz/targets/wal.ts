import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { createKeys, loadKeys, type KeyRing } from '../../../src/base/keys.ts'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { hasUnpublished, logFiles, openLedger, openLog, type Ledger } from '../../../src/evidence/ledger/index.ts'
import { verifyLog } from '../../../src/evidence/receipt/index.ts'
import { aRead, policyDraft } from '../../ledger/a-ledger.ts'
import { unsyncedFiles } from '../../model/unsynced-files.ts'
import { applyEdits, copyOf, somePrograms, type Folder } from '../edits.ts'
import { readFolder, writeFolder } from '../folder.ts'
import { demand, endingLater, sameBytes, type Target } from '../target.ts'

const bounds = { walSegmentBytes: 131_072, publishIntervalMs: 600_000, syncIntervalMs: 600_000 }
let nowMs = 1_700_000_000_000
const clock = { now: () => nowMs, monotonicMs: () => performance.now() }

/** A log of the past: its folder and its keys as they lay there while it was open, and what was in it. */
interface Past {
  readonly folder: Folder
  readonly entries: readonly Uint8Array[]
  readonly intents: readonly number[]
  /** Entries under the last head that the key has signed. */
  readonly signed: number
  /** Entries under a durable barrier that a later synced batch states. */
  readonly stated: number
}

interface Ground {
  readonly root: string
  readonly origin: string
  readonly digest: string
  readonly honest: Past
  /** The same acts under another WAL key, and more behind: what somebody can make who does not have the key. */
  readonly forged: Past
}

const forgedName = 'nobody-with-the-key-wrote-this'

async function append(ledger: Ledger, names: readonly string[], durable: boolean): Promise<void> {
  const durability = durable ? 'durable' : 'written'
  await Promise.all(names.map((name) => ledger.append(aRead(name), { durability })))
}

async function live(directory: string, keys: KeyRing, keysDirectory: string, isForger: boolean): Promise<Past> {
  nowMs = 1_700_000_000_000
  const ledger = await openLedger({ directory, keys, clock, bounds, files: unsyncedFiles })
  await ledger.append(policyDraft, { durability: 'durable' })
  const settled = await ledger.intend({ does: 'something' })
  const intents = [await ledger.intend({ does: 'this' }), await ledger.intend({ does: 'that' })]
  await append(ledger, ['a1', 'a2'.padEnd(900, '-'), 'a3'], true)
  await ledger.publish()
  const signed = ledger.treeSize
  await ledger.append(aRead('settled'), { durability: 'durable', settles: settled })
  await append(ledger, ['b1', 'b2', 'b3'.padEnd(300, '-')], true)
  await ledger.sync()
  const stated = ledger.treeSize
  await append(ledger, ['c1'], true)
  await ledger.sync()
  await append(ledger, ['d1', 'd2'], false)
  // Frames behind the last trailer, as those of `d1`: nothing but their tags tells whose they are.
  if (isForger) await append(ledger, [forgedName, `${forgedName}-2`], false)
  const entries = await Promise.all(Array.from({ length: ledger.treeSize }, (_, seq) => ledger.read(seq)))
  const folder: Folder = new Map()
  for (const [path, bytes] of readFolder(directory)) folder.set(`ledger/${path}`, bytes)
  folder.set('head', readFileSync(join(keysDirectory, 'head')))
  await ledger.close()
  return { folder, entries, intents, signed, stated }
}

let ground: Promise<Ground> | undefined

async function prepare(): Promise<Ground> {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-fuzz-wal-'))
  const keys = createKeys(join(root, 'keys'))
  const key = readFileSync(join(keys.directory, 'wal.key'))
  const honest = await live(join(root, 'honest', 'ledger'), keys, keys.directory, false)
  rmSync(join(keys.directory, 'head'))
  writeFileSync(join(keys.directory, 'wal.key'), randomBytes(key.length))
  const forger = loadKeys(join(root, 'keys'), keys.origin)
  const forged = await live(join(root, 'forged', 'ledger'), forger, keys.directory, true)
  writeFileSync(join(keys.directory, 'wal.key'), key)
  rmSync(join(keys.directory, 'head'))
  return { root, origin: keys.origin, digest: basename(keys.directory), honest, forged }
}

const codes = [
  'LEDGER_CORRUPT',
  'LEDGER_ROLLED_BACK',
  'LEDGER_UNWRITABLE',
  'KEY_INVALID',
  'TILE_INVALID',
  'ENTRY_INVALID',
]
const readerCodes = [...codes, 'LEDGER_NOT_FOUND']

/**
 * The folder of a log that was cut while open, changed by somebody without its keys: it opens as a beginning of what was there,
 * with everything that was signed in it, or not at all.
 */
export const walTarget: Target = {
  name: 'wal',
  seeds: () => somePrograms(8, 39),
  async run(input) {
    ground ??= prepare()
    const { root, origin, digest, honest, forged } = await ground
    const folder = copyOf(honest.folder)
    const { touched, isSmall } = applyEdits(input, folder, forged.folder, /^ledger\/wal\//)
    const head = folder.get('head')
    folder.delete('head')
    const tried = join(root, 'tried')
    writeFolder(tried, folder)
    const headFile = join(root, 'keys', digest, 'head')
    // Whoever gets at the keys folder can do anything; here nobody does.
    writeFileSync(headFile, honest.folder.get('head') as Buffer)
    const onlyWal = [...touched].every((path) => path.startsWith('ledger/wal/')) && head !== undefined
    const directory = join(tried, 'ledger')
    const before = await endingLater(
      () => readers(directory),
      () => undefined,
      readerCodes,
    )
    const opening = (): Promise<Ledger> =>
      openLedger({ directory, keys: loadKeys(join(root, 'keys'), origin), clock, bounds, files: unsyncedFiles })
    const ended = await endingLater(opening, (ledger) => judge(ledger, honest, isSmall, onlyWal, directory), codes)
    return `${ended} ${before.slice(0, 20)}`
  },
  async close() {
    if (ground !== undefined) rmSync((await ground).root, { recursive: true, force: true })
    ground = undefined
  },
}

async function readers(directory: string): Promise<void> {
  const log = await openLog(directory)
  for await (const { leafHash } of log.entries()) demand(leafHash.length === 64, 'a leaf hash is none')
  await hasUnpublished(directory)
}

async function judge(
  ledger: Ledger,
  past: Past,
  isSmall: boolean,
  onlyWal: boolean,
  directory: string,
): Promise<string> {
  const { treeSize, unsettled } = ledger
  let isClosed = false
  try {
    demand(treeSize >= past.signed, 'what the key has signed is gone, and nothing was said')
    demand(treeSize <= past.entries.length, 'there are entries that nobody wrote')
    for (let seq = 0; onlyWal && seq < treeSize; seq++) {
      const isSame = sameBytes(await ledger.read(seq), past.entries[seq] as Uint8Array)
      demand(isSame, `entry ${seq} is not the one that was written`)
    }
    if (isSmall && onlyWal)
      demand(treeSize >= past.stated, 'an entry under a stated barrier is gone, and nothing was said')
    // One settled behind the damage may be open again; none may be lost, and none made up.
    const ids = unsettled.map(({ id }) => id)
    for (const id of past.intents) demand(ids.includes(id), 'an open intent is gone')
    demand(ids.length <= past.intents.length + 1, 'there are intents that nobody has')
    await ledger.append(aRead('after'), { durability: 'durable' })
    isClosed = true
    await ledger.close()
    if (onlyWal) {
      const { problems } = await verifyLog(logFiles(directory), { primitives: nodePrimitives })
      demand(problems.length === 0, 'it opens, goes on, and then does not verify')
    }
    return `ok ${treeSize} ${unsettled.length}`
  } finally {
    if (!isClosed) await ledger.close().catch(() => undefined)
  }
}
