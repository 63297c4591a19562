/**
 * Patterns as docs/policy.md defines them, straight from the words: segments between `/`; `**` is any number of segments, none
 * included; in a segment `*` is any characters (a `*` alone wants one at least) and `?` one, and `\` takes the meaning from the next.
 *
 * @returns undefined for a pattern with a character class, which is the engine's own matter
 */
export function globMatches(pattern: string, value: string): boolean | undefined {
  if (/(?<!\\)(?:\\\\)*\[/.test(pattern)) return undefined
  if (pattern === '**') return true
  return segmentsMatch(pattern.split('/'), value.split('/'))
}

function segmentsMatch(patterns: readonly string[], values: readonly string[]): boolean {
  const rows = patterns.map((pattern) => (pattern === '**' ? undefined : tokens(pattern)))
  let reached = new Set([0])
  for (const row of rows) {
    const next = new Set<number>()
    for (const at of reached) {
      if (row === undefined) for (let to = at; to <= values.length; to++) next.add(to)
      else if (at < values.length && tokensMatch(row, values[at] as string)) next.add(at + 1)
    }
    reached = next
  }
  return reached.has(values.length)
}

type Token = { readonly character: string } | 'one' | 'many'

function tokens(segment: string): readonly Token[] {
  const found: Token[] = []
  for (const [token] of segment.matchAll(/\\?[^]/gu)) {
    if (token === '*') found.push('many')
    else if (token === '?') found.push('one')
    else found.push({ character: token.length > 1 && token.startsWith('\\') ? token.slice(1) : token })
  }
  return found
}

function tokensMatch(row: readonly Token[], value: string): boolean {
  if (value === '' && row.length > 0) return false
  const characters = [...value]
  let reached = new Set([0])
  for (const token of row) {
    const next = new Set<number>()
    for (const at of reached) {
      if (token === 'many') for (let to = at; to <= characters.length; to++) next.add(to)
      else if (at < characters.length && (token === 'one' || token.character === characters[at])) next.add(at + 1)
    }
    reached = next
  }
  return reached.has(characters.length)
}
