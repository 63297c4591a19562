import type { Addition } from '../../authority/policy/index.ts'
import { visible } from '../../base/display.ts'
import type { Paint } from '../render/paint.ts'

/** Lines around what was added. */
const around = 3

/** What `addition` adds to `before`, as a unified diff: no line of it begins with `-`. */
export function unifiedDiff(before: string, { line, lines }: Addition, name: string): string[] {
  const old = before.split('\n').map((each) => each.replace(/\r$/, ''))
  if (old.at(-1) === '') old.pop()
  const start = Math.max(0, line - around)
  const lead = old.slice(start, line)
  const tail = old.slice(line, line + around)
  const oldLines = lead.length + tail.length
  const place = `@@ -${range(start, oldLines)} +${range(start, oldLines + lines.length)} @@`
  return [
    `--- ${name}`,
    `+++ ${name}`,
    place,
    ...lead.map((text) => ` ${text}`),
    ...lines.map((text) => `+${text}`),
    ...tail.map((text) => ` ${text}`),
  ]
}

function range(start: number, count: number): string {
  return `${count === 0 ? start : start + 1},${count}`
}

/** The same for a terminal. */
export function shownDiff(diff: readonly string[], paint: Paint): string[] {
  return diff.map((line, i) => {
    const text = shownLine(line)
    if (i < 2) return paint.strong(text)
    if (line.startsWith('@@')) return paint.name(text)
    return line.startsWith('+') ? paint.good(text) : paint.quiet(text)
  })
}

/** With spaces as they are, since they align; what a terminal could act upon or hide is spelled out. */
function shownLine(line: string): string {
  return line
    .split(/( +)/)
    .map((part) => (/^ *$/.test(part) ? part : visible(part)))
    .join('')
}
