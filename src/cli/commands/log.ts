import { setTimeout as wait } from 'node:timers/promises'
import { isKernelError, KernelError } from '../../base/errors.ts'
import { parseEntry, type Entry, type LoggedEntry } from '../../evidence/ledger/index.ts'
import { exitCodes } from '../exit-code.ts'
import { matcherOf, readCount, type LogFilter, type Matches } from '../log-filter.ts'
import { entriesFrom } from '../log-source.ts'
import { recoverIfNeeded } from '../recover-if-needed.ts'
import { entryLine } from '../render/entry.ts'
import { inertJson } from '../render/json-text.ts'
import type { World } from '../world.ts'

export interface LogOptions extends LogFilter {
  readonly from?: string | undefined
  readonly limit?: string | undefined
  readonly follow?: true | undefined
}

/** How often `--follow` looks for a newer checkpoint. */
const pollMs = 200
/** Every so many entries a terminal learns how far it is. */
const progressEntries = 20_000

/** Where the listing stands, over all looks at the log. */
interface Listing {
  readonly matches: Matches | undefined
  next: number
  left: number
}

/** Lists entries, oldest first. Needs no keys, and no writer has to stop for it. */
export async function log(world: World, options: LogOptions): Promise<number> {
  const listing: Listing = {
    matches: await matcherOf(options, Date.now()),
    next: options.from === undefined ? 0 : readCount(options.from, '`--from`'),
    left: options.limit === undefined ? Number.POSITIVE_INFINITY : readCount(options.limit, '`--limit`'),
  }
  const { terminal, places } = world
  await recoverIfNeeded(world)
  const isDone = (): boolean => listing.left === 0 || terminal.isClosed || terminal.interrupted.aborted
  while (!isDone()) {
    await list(world, places.ledger, listing, isDone)
    if (options.follow !== true || isDone()) break
    await wait(pollMs, undefined, { signal: terminal.interrupted }).catch(() => undefined)
  }
  return exitCodes.ok
}

async function list({ terminal }: World, folder: string, listing: Listing, isDone: () => boolean): Promise<void> {
  const { isJson, paint } = terminal
  try {
    for await (const found of entriesFrom(folder, listing.next)) {
      listing.next = found.seq + 1
      if (found.seq % progressEntries === 0) {
        await terminal.drain()
        terminal.progress(found.seq === 0 ? '' : `reading: ${found.seq} of ${found.size} entries`)
      }
      const entry = readEntry(found)
      if (listing.matches !== undefined && !listing.matches(entry)) continue
      terminal.write(isJson ? `${jsonLine(found)}\n` : `${entryLine(entry, paint)}\n`)
      listing.left--
      if (isDone()) break
    }
  } finally {
    terminal.progress('')
    await terminal.drain()
  }
}

function readEntry({ seq, bytes }: LoggedEntry): Entry {
  try {
    return parseEntry(bytes)
  } catch (cause) {
    if (!isKernelError(cause)) throw cause
    throw new KernelError('ENTRY_INVALID', `entry ${seq} is damaged; find out more with \`kestrel verify\``, { cause })
  }
}

/** The stored text of the entry with its leaf hash as one more member. */
function jsonLine({ bytes, leafHash }: LoggedEntry): string {
  return inertJson(`${Buffer.from(bytes).toString('utf8').slice(0, -1)},"leafHash":"${leafHash}"}`)
}
