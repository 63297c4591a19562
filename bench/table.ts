import { shown, type Finding } from './benchmark.ts'

export interface Row {
  readonly name: string
  readonly who: string
  readonly finding: Finding
}

/** Rows as aligned Markdown, and below it the conditions that each has of its own. */
export function table(rows: readonly Row[]): string {
  const cells = [
    ['name', 'who', 'operations/s', 'p50 µs', 'p99 µs', 'n'],
    ...rows.map(({ name, who, finding }) => [
      name,
      who,
      finding.opsPerSec.toLocaleString('en'),
      figure(finding.p50Us),
      figure(finding.p99Us),
      finding.n.toLocaleString('en'),
    ]),
  ]
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = cells.map(
    (row) => `| ${row.map((cell, column) => pad(cell, widths[column] ?? 0, column > 1)).join(' | ')} |`,
  )
  const rule = `|${widths.map((width, column) => `${'-'.repeat(width + 1)}${column > 1 ? ':' : '-'}`).join('|')}|`
  return [lines[0], rule, ...lines.slice(1), '', ...rows.map(notes)].join('\n')
}

function figure(value: number): string {
  return value.toLocaleString('en', value < 100 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 })
}

function pad(cell: string, width: number, isNumber: boolean): string {
  return isNumber ? cell.padStart(width) : cell.padEnd(width)
}

function notes({ name, who, finding }: Row): string {
  const { conditions } = shown(finding)
  const facts = Object.entries(conditions).map(([fact, value]) => `${fact}: ${value}`)
  return `- ${name}, ${who}: ${facts.join('; ')}`
}
