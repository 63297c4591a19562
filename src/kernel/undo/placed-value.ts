import type { Reference, Template } from '../../base/template.ts'

type Placed = { readonly text: string } | { readonly problem: string }

/**
 * A resource with its values in place. In a URL each is percent-encoded as one segment or one part of the query, elsewhere it
 * must be one name: whatever a value holds, it leads to no other host, no other folder and no further param.
 */
export function placedIn(template: Template, valueOf: (reference: Reference) => string, own: string): Placed {
  const [first] = template
  const isOwn = typeof first === 'object' && first.root === 'resource'
  if (typeof first === 'object' && !isOwn) return { problem: `\`${first.text}\` would decide where it leads` }
  const start = typeof first === 'object' ? own : (first ?? '')
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(start)
  if (isOwn && template.length > 1 && isUrl && start.includes('?')) {
    return { problem: 'the resource has a query, so nothing can be put behind it' }
  }
  let text = start
  const places: (readonly [from: number, to: number, reference: Reference])[] = []
  for (const part of template.slice(1)) {
    const from = text.length
    if (typeof part === 'string') text += part
    else {
      const value = valueOf(part)
      const problem = problemWith(value, isUrl)
      if (problem !== undefined) return { problem: `\`${part.text}\` ${problem}` }
      text += isUrl ? encodeURIComponent(value) : value
      places.push([from, text.length, part])
    }
  }
  const climbing = places.find(([from, to]) => /^\.{1,2}$/.test(segmentAt(text, from, to)))
  return climbing === undefined
    ? { text }
    : { problem: `\`${climbing[2].text}\` makes a name of dots, which leads elsewhere` }
}

function problemWith(value: string, isUrl: boolean): string | undefined {
  if (value === '') return 'is empty, and what it stands in would mean something else'
  if (!value.isWellFormed()) return 'holds a lone surrogate'
  if (isUrl) return undefined
  return /[/\\\p{Cc}]/u.test(value) ? 'is not one name: it holds a slash or a control character' : undefined
}

function segmentAt(text: string, from: number, to: number): string {
  const start = Math.max(...['/', '?', '#'].map((mark) => text.lastIndexOf(mark, from - 1))) + 1
  const ends = ['/', '?', '#'].map((mark) => text.indexOf(mark, to)).filter((at) => at >= 0)
  return text.slice(start, Math.min(text.length, ...ends))
}
