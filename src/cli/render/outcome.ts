import { visible } from '../../base/display.ts'
import type { Outcome } from '../../kernel/outcome.ts'
import { timeText } from './entry.ts'
import { facts, indented, padded, textLines, valueLines } from './layout.ts'
import type { Paint } from './paint.ts'
import { paintStatus, statusWidth } from './status.ts'

/** One outcome for people. */
export function outcomeLines(outcome: Outcome, paint: Paint, { isDryRun }: { readonly isDryRun: boolean }): string[] {
  const { status, action, resource, reason, result, error, seq, durationMs } = outcome
  const asked = `${visible(action)} ${paint.name(visible(resource))}`
  const head = `${padded(paint.strong(paintStatus(status, paint)), statusWidth)}  ${asked}`
  const where = isDryRun ? 'dry run: nothing was changed or written' : entryWords(seq)
  const pairs: [string, string | readonly string[]][] = []
  if (reason !== undefined) {
    if (reason.message !== '') pairs.push(['why', textLines(reason.message)])
    if (reason.rule !== undefined) pairs.push(['rule', visible(reason.rule)])
    pairs.push(['code', reason.code])
    if (reason.hint !== undefined) pairs.push(['next', textLines(reason.hint)])
  }
  if (error !== undefined) {
    pairs.push(['why', textLines(error.message)], ['code', visible(error.code)])
    if (error.retryable) pairs.push(['next', 'try again'])
  }
  const indent = statusWidth + 2
  const body = [
    ...facts(pairs, paint),
    ...(result === undefined ? [] : valueLines(result, paint)),
    ...undoWords(outcome, paint),
    paint.quiet(`${where}, ${durationMs} ms`),
  ]
  return [head, ...indented(body, indent)]
}

function undoWords({ undo, seq }: Outcome, paint: Paint): string[] {
  if (undo === undefined) return []
  return facts([['undo', `until ${timeText(Date.parse(undo.until))}: kestrel undo ${seq}`]], paint)
}

function entryWords(seq: number): string {
  return seq < 0 ? 'not in the log: it cannot be written' : `entry ${seq}`
}
