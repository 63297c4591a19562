import { visible } from '../../base/display.ts'
import type { Entry } from '../../evidence/ledger/index.ts'
import { padded } from './layout.ts'
import type { Paint } from './paint.ts'
import { paintStatus, statusWidth } from './status.ts'

const seqWidth = 6
const principalWidth = 10
const actionWidth = 9

/** One entry as a line: number, time, how it ended, who, what. */
export function entryLine(entry: Entry, paint: Paint, isUndoable = false): string {
  const { seq, time, principal, outcome } = entry
  const status =
    outcome === undefined ? paint.quiet(padded(entry.kind, statusWidth)) : paintStatus(outcome.status, paint)
  const columns = [
    String(seq).padStart(seqWidth),
    paint.quiet(timeText(time)),
    padded(status, statusWidth),
    padded(visible(principal), principalWidth),
    outcome === undefined || entry.kind === 'resolve'
      ? subject(entry)
      : `${padded(visible(entry.action ?? '(no action)'), actionWidth)}  ${attempt(entry, paint)}`,
  ]
  if (isUndoable && entry.undo !== undefined) columns.push(paint.quiet(`undo until ${timeText(entry.undo.until)}`))
  return columns.join('  ')
}

function attempt({ resource, decision, outcome, of }: Entry, paint: Paint): string {
  const why = outcome?.status === 'ok' ? '' : (outcome?.error ?? decision?.reason ?? 'invalid_request')
  const rules = outcome?.status === 'ok' ? [] : (decision?.rules ?? [])
  const reason =
    why === ''
      ? ''
      : `  ${paint.quiet(`${visible(why)}${rules.length === 0 ? '' : ` (${rules.map(visible).join(', ')})`}`)}`
  const about = of === undefined ? '' : ` of entry ${of}`
  return `${visible(resource ?? '(no resource)')}${about}${reason}`
}

/** What an entry that is no attempt is about. */
function subject(entry: Entry): string {
  if (entry.digest !== undefined) return `policy file ${entry.digest.slice(0, 16)}…`
  if (entry.head !== undefined) return `agent ${visible(entry.agent)} signed its entries up to ${entry.head.upTo}`
  if (entry.publicKey !== undefined) return `agent ${visible(entry.agent)}, with its key`
  if (entry.kind === 'resolve') return `${padded('resolve', actionWidth)}  ${settlement(entry)}`
  return entry.of === undefined ? `agent ${visible(entry.agent)}` : `about entry ${entry.of}`
}

/** What a person said of an attempt that had ended `unknown`. */
export function settlement({ of, outcome }: Entry): string {
  return `entry ${of ?? ''} ${outcome?.effect === 'done' ? 'took effect' : 'did not take effect'}`
}

/** Universal time to the second. */
export function timeText(timeMs: number): string {
  const date = new Date(timeMs)
  return Number.isNaN(date.getTime())
    ? String(timeMs)
    : date
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, 'Z')
}
