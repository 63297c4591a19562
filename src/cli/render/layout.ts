import { stripVTControlCharacters } from 'node:util'
import { visible } from '../../base/display.ts'
import type { JsonValue } from '../../base/json.ts'
import { isJsonObject } from '../../base/json.ts'
import type { Paint } from './paint.ts'

/** Columns up to which a text is padded; a longer one pushes the rest of its line. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - shownWidth(text)))
}

export function shownWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length
}

/** Names and values under each other; values may have several lines. */
export function facts(
  pairs: readonly (readonly [name: string, value: string | readonly string[]])[],
  paint: Paint,
): string[] {
  const width = Math.max(0, ...pairs.map(([name]) => name.length))
  return pairs.flatMap(([name, value]) => {
    const [first = '', ...more] = typeof value === 'string' ? [value] : value
    return [`${paint.quiet(padded(name, width))}  ${first}`, ...more.map((line) => `${' '.repeat(width)}  ${line}`)]
  })
}

export function indented(lines: readonly string[], columns: number): string[] {
  return lines.map((line) => (line === '' ? '' : `${' '.repeat(columns)}${line}`))
}

/** The program's own words with visible text between them; a line break in a hint is kept, as rules to paste have some. */
export function textLines(text: string): string[] {
  return text.split('\n').map((line) => {
    const [, indent = '', rest = ''] = /^( *)(.*)$/s.exec(line) ?? []
    return `${indent}${visible(rest)}`
  })
}

/** A result for people: each member on a line, a text of several lines as a block. */
export function valueLines(value: JsonValue, paint: Paint): string[] {
  if (!isJsonObject(value))
    return typeof value === 'string' ? blockLines(value, paint) : [visible(JSON.stringify(value))]
  return facts(
    Object.entries(value).map(([name, member]) => [visible(name), memberLines(member, paint)] as const),
    paint,
  )
}

function memberLines(member: JsonValue, paint: Paint): string | readonly string[] {
  if (typeof member === 'string') return member.includes('\n') ? blockLines(member, paint) : visible(member)
  if (Array.isArray(member)) return member.length === 0 ? 'none' : (member as JsonValue[]).map((item) => inline(item))
  return inline(member)
}

function inline(value: JsonValue): string {
  if (typeof value === 'string') return visible(value)
  if (!isJsonObject(value)) return visible(JSON.stringify(value))
  return Object.entries(value)
    .map(
      ([name, member]) =>
        `${visible(name)} ${typeof member === 'string' ? visible(member) : visible(JSON.stringify(member))}`,
    )
    .join('  ')
}

function blockLines(text: string, paint: Paint): string[] {
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
  return lines.map((line) => `${paint.quiet('│')} ${visible(line)}`)
}
