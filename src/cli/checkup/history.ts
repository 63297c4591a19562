import { existsSync } from 'node:fs'
import { systemClock } from '../../base/clock.ts'
import { isKernelError } from '../../base/errors.ts'
import type { KeyRing } from '../../base/keys.ts'
import type { Log } from '../../evidence/ledger/index.ts'
import { placesIn } from '../../kernel/data-directory.ts'
import { survey, viewIndex, type IndexFindings, type Survey } from '../../kernel/survey.ts'
import type { World } from '../world.ts'
import { failed, type Check } from './check.ts'
import { VaultCheckup } from './vault.ts'

type View = ReturnType<typeof viewIndex>

/** What one walk over all entries tells: of the vault, the index, what waits for a person, and the clock. */
export async function historyChecks(
  { places, terminal }: World,
  log: Log,
  keys: KeyRing | undefined,
  inUse: boolean,
): Promise<Check[]> {
  const vault = new VaultCheckup(places.dataDir, keys)
  const index = openIndex(placesIn(places.dataDir).state, log.origin, inUse)
  const progress = (seq: number): void => {
    if (seq % progressEntries === 0) terminal.progress(seq === 0 ? '' : `looking: ${seq} of ${log.size} entries`)
  }
  try {
    const found = await survey(told(log, progress), index.view, (payload) => vault.look(payload))
    return [...(await vault.checks()), index.check ?? indexCheck(found), unsettledCheck(found), clockCheck(found)]
  } catch (error) {
    // A log that cannot be walked was told of already, entry by entry.
    if (isKernelError(error)) return [...(await vault.checks()), ...(index.check === undefined ? [] : [index.check])]
    throw error
  } finally {
    terminal.progress('')
    index.view?.close()
  }
}

const progressEntries = 20_000

async function* told(log: Log, progress: (seq: number) => void): ReturnType<Log['entries']> {
  for await (const entry of log.entries()) {
    progress(entry.seq)
    yield entry
  }
}

const indexName = 'state index'
const rebuildNext = '`kestrel rebuild` remakes it from the log and the vault'

/** The index for looking at it, or the check that says why there is none. */
function openIndex(file: string, origin: string, inUse: boolean): { readonly view?: View; readonly check?: Check } {
  const name = indexName
  if (!existsSync(file)) {
    return { check: { name, status: 'note', message: 'none; the next start makes it from the log', file } }
  }
  try {
    const view = viewIndex(file, inUse)
    if (view.isWhole() && view.origin === origin) return { view }
    const what = view.origin === origin ? 'is damaged' : 'is the index of another log'
    view.close()
    return { check: { name, status: 'damage', message: `\`${file}\` ${what}`, file, next: rebuildNext } }
  } catch (error) {
    return { check: { ...failed(name, error), file, next: rebuildNext } }
  }
}

function indexCheck({ index, keys, resolves, undos }: Survey): Check {
  const name = indexName
  if (index.missing === 0 && index.wrong === 0) {
    const message = `says what the log says: ${keys} idempotency keys, ${resolves} resolutions, ${undos} undos`
    return { name, status: 'ok', message }
  }
  return { name, status: 'damage', message: disagreement(index), count: index.missing + index.wrong, next: rebuildNext }
}

function disagreement({ missing, wrong }: IndexFindings): string {
  const what = [missing > 0 ? `lacks ${missing} rows` : '', wrong > 0 ? `has ${wrong} rows that are wrong` : '']
  const said = what.filter((part) => part !== '').join(' and ')
  return `it ${said}, held against the log: someone changed it, and a retry under such a key would not get its answer`
}

function unsettledCheck({ unsettled }: Survey): Check {
  const name = 'unknown outcomes'
  const newest = unsettled.at(-1)
  if (newest === undefined) return { name, status: 'ok', message: 'none waits for a person', count: 0 }
  const message = `${unsettled.length} wait for a person; the newest is entry ${newest}`
  const next = `look at it with \`kestrel explain ${newest}\`, find out, then: kestrel resolve ${newest} --as-done|--as-not-done --reason TEXT`
  return { name, status: 'note', message, seq: newest, count: unsettled.length, next }
}

/** Up to here a clock may be behind without anyone having set it. */
const clockToleranceMs = 60_000

function clockCheck({ lastTimeMs }: Survey): Check {
  const name = 'clock'
  const behindMs = lastTimeMs - systemClock.now()
  if (behindMs <= clockToleranceMs) return { name, status: 'ok', message: 'not behind the last entry' }
  const message = `it is ${Math.round(behindMs / 1000)} s behind the last entry: until it catches up entries get the time of that one`
  return { name, status: 'configuration', message, next: 'set the clock of this machine' }
}
