import { posix } from 'node:path'
import { Minimatch } from 'minimatch'
import { limits } from '../../base/limits.ts'

/**
 * A pattern over resources or actions, compiled.
 *
 * Most patterns are a literal or a folder with `/**` behind it, which need no glob engine and can be looked up; only what is
 * left is matched by minimatch, whose matching does not backtrack.
 */
export type Pattern =
  | { readonly kind: 'any'; readonly text: string }
  | { readonly kind: 'literal'; readonly text: string; readonly value: string }
  | { readonly kind: 'prefix'; readonly text: string; readonly folder: string }
  | GlobPattern

export interface GlobPattern {
  readonly kind: 'glob'
  readonly text: string
  /** The literal segments before the first wildcard, joined; undefined when the first segment has one already. */
  readonly folder: string | undefined
  /** What the first segment with a wildcard begins with before it: `ab` of `/w/ab*c`. */
  readonly start: string
  /** The last segment where it is literal. */
  readonly last: string | undefined
  readonly matches: (value: string) => boolean
}

export type PatternReading = { readonly pattern: Pattern } | { readonly problem: string }

const globOptions = {
  dot: true,
  noext: true,
  nobrace: true,
  nonegate: true,
  nocomment: true,
  // `//` of a URL is not `/`: without this minimatch drops empty segments
  preserveMultipleSlashes: true,
  // a policy means the same on every machine
  platform: 'linux',
} as const

/** Compiles `text`, or says what is wrong with it and what to write. */
export function compilePattern(text: string): PatternReading {
  if (text.length > limits.policyPatternLength)
    return { problem: `longer than ${limits.policyPatternLength} characters; shorten it` }
  if (/\p{Cc}/u.test(text)) return { problem: 'it holds a control character; remove it' }
  const segments: Segment[] = []
  for (const raw of text.split('/')) {
    const segment = readSegment(raw)
    if ('problem' in segment) return segment
    // `**/**` says the same as `**`
    if (segment.raw !== '**' || segments.at(-1)?.raw !== '**') segments.push(segment)
  }
  return checkSegments(text, segments) ?? { pattern: build(text, segments) }
}

interface Segment {
  readonly raw: string
  /** What it matches where it has no wildcard. */
  readonly literal: string | undefined
  /** What it begins with before its first wildcard. */
  readonly start: string
}

function readSegment(raw: string): Segment | { readonly problem: string } {
  if (raw === '**') return { raw, literal: undefined, start: '' }
  let isLiteral = true
  let start = ''
  for (let i = 0; i < raw.length; i++) {
    const character = raw.charAt(i)
    if (character === '\\') {
      const next = raw.charAt(++i)
      if (next === '' || !'*?[]\\'.includes(next)) {
        return {
          problem:
            'a `\\` may only stand before `*`, `?`, `[`, `]` or `\\`, to mean that character; between folders write `/`',
        }
      }
      if (isLiteral) start += next
    } else if (character === '*' || character === '?') {
      if (raw.startsWith('**', i)) return { problem: starProblem(raw) }
      isLiteral = false
    } else if (character === '[') {
      const end = classEnd(raw, i)
      if (end === undefined) return { problem: 'the `[` has no `]`; close it, or write `\\[` for the character itself' }
      isLiteral = false
      i = end
    } else if (isLiteral) {
      start += character
    }
  }
  return { raw, literal: isLiteral ? start : undefined, start }
}

function starProblem(raw: string): string {
  const fixed = raw.replace(/^\*\*+/, '**/*').replace(/(?<=[^/*])\*\*+$/, '*/**')
  return `\`**\` must be a whole segment${fixed === raw ? '' : `: write \`${fixed}\` to cross folders, or \`*\` to stay in one`}`
}

/** The index of the `]` that ends the class at `start`; the first character of a class is never its end. */
function classEnd(raw: string, start: number): number | undefined {
  let i = start + 1
  if (raw.charAt(i) === '!' || raw.charAt(i) === '^') i++
  for (let first = true; i < raw.length; i++, first = false) {
    if (raw.charAt(i) === '\\') i++
    else if (raw.startsWith('[:', i) && raw.includes(':]', i)) i = raw.indexOf(':]', i) + 1
    else if (raw.charAt(i) === ']' && !first) return i
  }
  return undefined
}

function checkSegments(text: string, segments: readonly Segment[]): { readonly problem: string } | undefined {
  const isPath = text.startsWith('/')
  const hasDots = segments.some(({ literal }) => literal === '.' || literal === '..')
  const hasGap = isPath && text !== '/' && segments.slice(1).some(({ raw }) => raw === '')
  if (!hasDots && !hasGap) return undefined
  const normal = isPath ? posix.normalize(text).replace(/(?<=.)\/$/, '') : posix.normalize(text)
  const why = hasGap && !hasDots ? 'has an empty segment' : 'has a `.` or `..` segment'
  return { problem: `it ${why}, which no resource has, so it would never match; write \`${normal}\`` }
}

function build(text: string, segments: readonly Segment[]): Pattern {
  const literals = segments.map(({ literal }) => literal)
  const firstWild = literals.indexOf(undefined)
  if (firstWild === -1) return { kind: 'literal', text, value: literals.join('/') }
  if (segments.length === 1 && segments[0]?.raw === '**') return { kind: 'any', text }
  const endsOpen = segments.at(-1)?.raw === '**'
  const folder = literals.slice(0, firstWild).join('/')
  if (endsOpen && firstWild === segments.length - 1) return { kind: 'prefix', text, folder }
  const glob = segments.map(({ raw }) => raw).join('/')
  return {
    kind: 'glob',
    text,
    folder: firstWild === 0 ? undefined : folder,
    start: segments[firstWild]?.start ?? '',
    last: literals.at(-1),
    matches: endsOpen ? openMatcher(glob) : closedMatcher(glob),
  }
}

/** `X/**` matches X itself and everything below. */
function openMatcher(glob: string): (value: string) => boolean {
  const itself = closedMatcher(glob.slice(0, -'/**'.length))
  const below = new Minimatch(glob, globOptions)
  return (value) => below.match(value) || itself(value)
}

function closedMatcher(glob: string): (value: string) => boolean {
  const matcher = new Minimatch(glob, globOptions)
  // minimatch lets `a/*` match `a/b/`; here an empty last segment is a segment
  const mayEndEmpty = glob.endsWith('/')
  return (value) => (mayEndEmpty || !value.endsWith('/')) && matcher.match(value)
}

/** Whether `value` matches. For the few patterns that are not worth an index. */
export function matchesPattern(pattern: Pattern, value: string): boolean {
  switch (pattern.kind) {
    case 'any':
      return true
    case 'literal':
      return value === pattern.value
    case 'prefix':
      return value === pattern.folder || value.startsWith(`${pattern.folder}/`)
    case 'glob':
      return pattern.matches(value)
  }
}

/** The pattern that matches exactly `value`. */
export function literalPattern(value: string): string {
  return value.replace(/[*?[\]\\]/g, '\\$&')
}

const dots = /(?:^|\/)\.{1,2}(?:\/|$)/

/** Whether `resource` has a `.` or `..` segment: then it is no canonical name, and no pattern may match it. */
export function hasDotSegment(resource: string): boolean {
  return (resource.endsWith('.') || resource.includes('./')) && dots.test(resource)
}
