import picocolors from 'picocolors'
import { visible, type Outcome } from 'kestrel-kernel'

/** What the demo prints with: colours on a terminal, plain text elsewhere. */
const colour = picocolors.createColors(process.stdout.isTTY && !process.env['NO_COLOR'])

// A reader that has seen enough, as `head`, closes the pipe: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})

export function title(text: string): void {
  console.log(`\n${colour.bold(text)}`)
}

export function say(...lines: readonly string[]): void {
  for (const line of lines) console.log(line === '' ? '' : `  ${line}`)
}

export function quiet(text: string): string {
  return colour.dim(text)
}

/** One outcome: what was asked, how it ended, and for a refusal why and what would allow it. */
export function tell(outcome: Outcome, about: string): void {
  const isOk = outcome.status === 'ok'
  const mark = isOk ? colour.green('✓') : colour.red('✗')
  const status = (isOk ? colour.green : colour.red)(outcome.status.padEnd(7))
  const action = visible(outcome.action || '?').padEnd(9)
  say(`${mark} ${status}  ${action}  ${visible(outcome.resource || '(not readable)').padEnd(27)}  ${quiet(about)}`)
  const { reason } = outcome
  if (reason === undefined) return
  const rule = reason.rule === undefined ? '' : ` (${reason.rule})`
  const indent = ' '.repeat(11)
  say(`${indent}${reason.code}${rule}: ${visible(reason.message)}`)
  const isRule = reason.hint?.startsWith('allow:') === true
  if (isRule) say(`${indent}the smallest rule that would allow it:`)
  for (const line of reason.hint?.split('\n') ?? []) say(`${indent}${isRule ? '  ' : ''}${colour.cyan(line)}`)
}

export function good(text: string): void {
  say(`${colour.green('✓')} ${text}`)
}

export function bad(text: string): void {
  say(`${colour.red('✗')} ${text}`)
}

/** Ends the demo with a message when what it shows is not so. */
export function assert(holds: boolean, claim: string): asserts holds {
  if (!holds) throw new Error(`the demo did not come out as it should: ${claim}`)
}
