import { constants, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { isKernelError, KernelError } from '../../base/errors.ts'
import type { KeyRing } from '../../base/keys.ts'
import { entriesPath, openLedger, openLog, tileLevels, tilePath, tileWidth } from '../../evidence/ledger/index.ts'
import { failed, type Check } from './check.ts'

const name = 'write-ahead log'
const copiedMaxBytes = 1_073_741_824

/**
 * Whether the log can go on: starts it on a copy of its end, as the next start will. Nothing in the data directory is touched,
 * and no key is copied.
 */
export async function walCheck(ledger: string, keys: KeyRing, inUse: boolean): Promise<Check> {
  if (inUse) return { name, status: 'note', message: 'not looked at while another process writes' }
  const bytes = walFiles(ledger).reduce((sum, file) => sum + statSync(file).size, 0)
  if (bytes > copiedMaxBytes) return { name, status: 'note', message: `not looked at: it has ${bytes} bytes` }
  const folder = mkdtempSync(join(tmpdir(), 'kestrel-doctor-'))
  try {
    return await rehearse(ledger, keys, folder)
  } catch (error) {
    return damaged(ledger, keys, folder, error)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function rehearse(ledger: string, keys: KeyRing, folder: string): Promise<Check> {
  const size = (await openLog(ledger)).size
  const stage = { ledger: join(folder, 'ledger'), keys: join(folder, 'keys') }
  for (const file of [
    join(ledger, 'vkey'),
    join(ledger, 'checkpoint'),
    ...walFiles(ledger),
    ...lastFiles(ledger, size),
  ]) {
    copy(file, join(stage.ledger, file.slice(ledger.length)))
  }
  mkdirSync(stage.keys)
  copy(join(keys.directory, 'head'), join(stage.keys, 'head'))
  const opened = await openLedger({
    directory: stage.ledger,
    keys: { ...keys, directory: stage.keys },
    clock: systemClock,
  })
  const { treeSize, unsettled } = opened
  await opened.close().catch(() => undefined)
  const left = treeSize - size
  if (left === 0 && unsettled.length === 0) return { name, status: 'ok', message: 'clean' }
  const cut = unsettled.length === 0 ? '' : `, and ends ${unsettled.length} attempts that it cut as \`unknown\``
  const message = `the last process did not end cleanly; the next start publishes ${left} entries that it left${cut}`
  return { name, status: 'note', message, count: left }
}

function walFiles(ledger: string): string[] {
  const folder = join(ledger, 'wal')
  return existsSync(folder) ? readdirSync(folder).map((each) => join(folder, each)) : []
}

/** What a writer needs of the published files: the last of each level, and the bundle of the first entry. */
function lastFiles(ledger: string, size: number): string[] {
  const paths = tileLevels(size).flatMap(({ level, fullTiles, partialWidth }) => [
    ...(fullTiles > 0 ? [tilePath(level, fullTiles - 1)] : []),
    ...(partialWidth > 0 ? [tilePath(level, fullTiles, partialWidth)] : []),
  ])
  const [bundles, rest] = [Math.floor(size / tileWidth), size % tileWidth]
  if (bundles > 0) paths.push(entriesPath(0), entriesPath(bundles - 1))
  if (rest > 0) paths.push(entriesPath(bundles, rest))
  return paths.map((path) => join(ledger, path))
}

function copy(from: string, to: string): void {
  if (!existsSync(from)) return
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to, constants.COPYFILE_FICLONE)
}

/** What went wrong, with the places of the originals. */
function damaged(ledger: string, keys: KeyRing, folder: string, error: unknown): Check {
  if (!isKernelError(error)) return failed(name, error)
  const message = error.message
    .replaceAll(join(folder, 'ledger'), ledger)
    .replaceAll(join(folder, 'keys'), keys.directory)
  const told = failed(name, new KernelError(error.code, ''))
  return { ...told, message, next: 'what is published still verifies with `kestrel verify`; see docs/durability.md' }
}
