import { setTimeout as wait } from 'node:timers/promises'
import { isKernelError, KernelError } from '../../base/errors.ts'
import { openLog, parseEntry, type Entry, type LoggedEntry } from '../../evidence/ledger/index.ts'
import { endingsIn, type Endings } from '../../kernel/ended-by.ts'
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

async function list(
  { terminal, places }: World,
  folder: string,
  listing: Listing,
  isDone: () => boolean,
): Promise<void> {
  const { isJson, paint } = terminal
  using undoable = new Undoable(places.dataDir, folder)
  try {
    for await (const found of entriesFrom(folder, listing.next)) {
      listing.next = found.seq + 1
      if (found.seq % progressEntries === 0) {
        await terminal.drain()
        terminal.progress(found.seq === 0 ? '' : `reading: ${found.seq} of ${found.size} entries`)
      }
      const entry = readEntry(found)
      if (listing.matches !== undefined && !listing.matches(entry)) continue
      const line = isJson ? jsonLine(found) : entryLine(entry, paint, await undoable.has(entry))
      terminal.write(`${line}\n`)
      listing.left--
      if (isDone()) break
    }
  } finally {
    terminal.progress('')
    await terminal.drain()
  }
}

/** Knows what can still be put back, from the first entry on that has a before-image. */
class Undoable implements Disposable {
  readonly #dataDir: string
  readonly #folder: string
  #endings: Endings | undefined

  constructor(dataDir: string, folder: string) {
    this.#dataDir = dataDir
    this.#folder = folder
  }

  async has({ seq, undo, outcome }: Entry): Promise<boolean> {
    if (undo === undefined || outcome?.status !== 'ok' || undo.until < Date.now()) return false
    try {
      this.#endings ??= await endingsIn(this.#dataDir, await openLog(this.#folder))
      return (await this.#endings.by('undos', seq)) === undefined
    } catch (error) {
      // A listing shows what it can: `verify` and `doctor` name the damage.
      if (isKernelError(error)) return false
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#endings?.[Symbol.dispose]()
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
