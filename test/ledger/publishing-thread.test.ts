import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeFiles } from '../../src/evidence/ledger/file-layer.ts'
import { ThreadLost, TileWriterThread } from '../../src/evidence/ledger/tile-writer-thread.ts'
import { TileWriter, type TileJob } from '../../src/evidence/ledger/tile-writer.ts'
import { guards } from '../guards.ts'
import { aPlace, aRead, policyDraft } from './a-ledger.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kestrel-thread-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const first: TileJob = {
  files: [
    { path: 'tile/0/000.p/3', bytes: Buffer.alloc(96, 1) },
    { path: 'tile/entries/000.p/3', bytes: Buffer.alloc(0) },
    { path: 'tile/0/x001/002', bytes: Buffer.from('a part of a larger piece of memory').subarray(2, 6) },
  ],
  note: Buffer.from('one'),
  outdated: [],
}
const second: TileJob = {
  files: [{ path: 'tile/0/000.p/5', bytes: Buffer.alloc(160, 2) }],
  note: Buffer.from('two'),
  outdated: ['tile/0/000.p/3', 'tile/entries/000.p/3'],
}

function filesBelow(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = names.map(({ parentPath, name }) => join(parentPath, name)).sort()
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length), readFileSync(path, 'hex')]))
}

describe('a thread that publishes', () => {
  test('leaves the same files as publishing in place', async () => {
    const [here, there] = [join(root, 'here'), join(root, 'there')]
    for (const folder of [here, there]) mkdirSync(folder)
    const writer = new TileWriter(here, nodeFiles)
    const thread = new TileWriterThread(there)
    for (const job of [first, second]) {
      await writer.write(job)
      await thread.write(job)
      expect(filesBelow(there)).toEqual(filesBelow(here))
    }
    expect(Object.keys(filesBelow(there))).toEqual(['/checkpoint', '/tile/0/000.p/5', '/tile/0/x001/002'])
    await thread.close()
  })

  test("passes the system's error on, and goes on afterwards", async () => {
    writeFileSync(join(root, 'tile'), 'in the way')
    const thread = new TileWriterThread(root)
    await expect(thread.write(first)).rejects.toMatchObject({ code: 'ENOTDIR' })
    rmSync(join(root, 'tile'))
    await thread.write(first)
    expect(readFileSync(join(root, 'checkpoint'), 'utf8')).toBe('one')
    await thread.close()
  })

  test('says so when it has ended, in the middle of a job too', async () => {
    const thread = new TileWriterThread(root)
    const writing = thread.write(first)
    const ending = thread.close()
    await expect(writing).rejects.toBeInstanceOf(ThreadLost)
    await ending
    await expect(thread.write(second)).rejects.toBeInstanceOf(ThreadLost)
  })
})

describe('a log under load', () => {
  guards('LED-06', 'LED-07')

  test('is whole whether threads publish it or not, and takes no others along', async () => {
    using place = aPlace()
    for (const threadedFiles of [1, 1000, 8]) {
      const ledger = await place.open({ bounds: { threadedFiles, publishPauseMs: 5 } })
      if (ledger.treeSize === 1) await ledger.append(policyDraft, { durability: 'written' })
      const appending = Array.from({ length: 4000 }, (_, i) => ledger.append(aRead(i), { durability: 'written' }))
      await Promise.all(appending)
      await ledger.close()
      expect(await place.verify()).toMatchObject({ ok: true, problems: [], size: ledger.treeSize })
    }
  })

  test('is sealed when its thread cannot write, and nothing acknowledged is lost', async () => {
    using place = aPlace()
    const ledger = await place.open({ bounds: { threadedFiles: 1, publishIntervalMs: 60_000 } })
    await ledger.append(policyDraft, { durability: 'durable' })
    await ledger.publish()
    await ledger.append(aRead('kept'), { durability: 'durable' })
    rmSync(join(place.directory, 'tile/entries'), { recursive: true })
    writeFileSync(join(place.directory, 'tile/entries'), 'in the way')
    await expect(ledger.publish()).rejects.toMatchObject({ code: 'LEDGER_UNWRITABLE' })
    await expect(ledger.append(aRead('late'), { durability: 'written' })).rejects.toMatchObject({
      code: 'LEDGER_UNWRITABLE',
    })
    await ledger.close().catch(() => undefined)
  })
})
