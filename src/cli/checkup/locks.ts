import { join } from 'node:path'
import { holderOf } from '../../kernel/data-directory.ts'
import type { Check } from './check.ts'

/** Who holds the data directory. */
export function lockCheck(dataDir: string): { readonly check: Check; readonly inUse: boolean } {
  const name = 'lock'
  const holder = holderOf(dataDir)
  if (holder === undefined) return { inUse: false, check: { name, status: 'ok', message: 'free' } }
  if (holder.isRunning) {
    const message = `held by process ${holder.pid}, the one writer of this log`
    return { inUse: true, check: { name, status: 'note', message } }
  }
  const file = join(dataDir, 'lock.owner')
  const message = `free; process ${holder.pid} ended without a word and left its name in \`${file}\``
  return { inUse: false, check: { name, status: 'ok', message, file, next: 'nothing: the next start takes it over' } }
}
