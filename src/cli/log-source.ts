import { isKernelError } from '../base/errors.ts'
import { openLog, type Log, type LoggedEntry } from '../evidence/ledger/index.ts'

/**
 * The entries from `from` on, as far as they are published by now. A writer may replace the last files while they are read, so
 * that what is missing under one checkpoint is looked up under the next.
 *
 * @throws KernelError LEDGER_NOT_FOUND, LEDGER_CORRUPT, TILE_INVALID
 */
export async function* entriesFrom(
  folder: string,
  from: number,
): AsyncGenerator<LoggedEntry & { readonly size: number }> {
  let next = from
  let log = await openLog(folder)
  for (;;) {
    try {
      for await (const entry of log.entries(next)) {
        next = entry.seq + 1
        yield { ...entry, size: log.size }
      }
      return
    } catch (error) {
      const newer = await openLog(folder)
      if (!isKernelError(error, 'TILE_INVALID') || newer.size === log.size) throw error
      log = newer
    }
  }
}

/** One entry, found again under the next checkpoint when its files were replaced meanwhile. */
export async function entryAt(
  folder: string,
  seq: number,
): Promise<{ readonly log: Log; readonly found: LoggedEntry }> {
  const log = await openLog(folder)
  try {
    return { log, found: await log.entry(seq) }
  } catch (error) {
    const newer = await openLog(folder)
    if (!isKernelError(error, 'TILE_INVALID') || newer.size === log.size) throw error
    return { log: newer, found: await newer.entry(seq) }
  }
}
