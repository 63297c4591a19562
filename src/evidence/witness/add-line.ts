import { dirname, join } from 'node:path'
import { equalBytes, utf8 } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { isKernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { readOwn } from '../../base/own-file.ts'
import { nodeFiles, type FileLayer } from '../ledger/file-layer.ts'
import { acquireLock } from '../ledger/lock.ts'
import { formatNote, formatSignatureLine, isLineOf } from '../ledger/note.ts'
import type { SignedHead } from '../receipt/log-head.ts'
import type { AskedLine } from './ask.ts'

/**
 * What became of a line: `kept` where this witness had cosigned before and a running writer forbids to exchange its line;
 * `outdated` where the log has another checkpoint by now.
 */
export type Added = 'added' | 'kept' | 'outdated'

/**
 * Adds a cosignature to the `checkpoint` of a log, in place of an older one by the same key, if that file still is `signed`.
 *
 * Without a writer this process takes the writer's lock and replaces the file. With one, which may publish the next checkpoint
 * at any moment by putting a new file in place, the line is appended to the very file that was opened: if that has been
 * replaced, what is appended goes nowhere. A newer checkpoint is never overwritten by an older one.
 *
 * @param ledger the log's folder in its data directory
 * @throws KernelError LEDGER_UNWRITABLE; system errors, as for a full disk
 */
export async function addLine(
  ledger: string,
  signed: SignedHead,
  { line, key }: Pick<AskedLine, 'line' | 'key'>,
  clock: Pick<Clock, 'now'>,
  files: FileLayer = nodeFiles,
): Promise<Added> {
  const path = join(ledger, 'checkpoint')
  const isStill = (): boolean => equalBytes(readOwn(path, limits.noteBytes) ?? new Uint8Array(), signed.bytes)
  const { body, signatures } = signed.note
  const others = signatures.filter((each) => !isLineOf(each, key))
  const dataDir = dirname(ledger)
  try {
    const lock = acquireLock(dataDir, { pid: process.pid, startedAt: clock.now(), dataDir })
    try {
      if (!isStill()) return 'outdated'
      const lines = others.map(({ name, keyId, signature }) => formatSignatureLine(name, keyId, signature))
      await files.replace(path, formatNote(body, [...lines, line]))
      return 'added'
    } finally {
      lock.release()
    }
  } catch (error) {
    if (!isKernelError(error, 'LEDGER_LOCKED')) throw error
  }
  if (others.length < signatures.length) return isStill() ? 'kept' : 'outdated'
  return (await append(path, signed.bytes.length, utf8(line), isStill, files)) ? 'added' : 'outdated'
}

/** Opens first and looks then: a file that is still the same after it was opened is the one that was opened. */
async function append(
  path: string,
  length: number,
  line: Uint8Array,
  isStill: () => boolean,
  files: FileLayer,
): Promise<boolean> {
  const fd = files.open(path, false)
  try {
    if (!isStill()) return false
    files.write(fd, line, length)
    await files.sync(fd)
  } finally {
    files.close(fd)
  }
  return readOwn(path, limits.noteBytes)?.length === length + line.length
}
