import { limits } from './limits.ts'

/** Text with places that are filled in later: what stands there, and what goes in between. */
export type Template = readonly (string | Reference)[]

/** What a place is filled with. */
export interface Reference {
  readonly root: (typeof roots)[number]
  /** Names of members and places in lists, from the root on. */
  readonly path: readonly (string | number)[]
  /** As it is written: `${result.body.id}`. */
  readonly text: string
}

const roots = ['params', 'result', 'resource'] as const
const step = /\.([A-Za-z_][A-Za-z0-9_-]*)|\[(0|[1-9][0-9]{0,5})\]/y

/**
 * Reads `${params.PATH}`, `${result.PATH}` and `${resource}`, PATH being names and places in lists: `items[0].id`. `$${` is a
 * `${` that stands there. There is nothing else: no expressions, no functions.
 *
 * @returns the template, or what is wrong at which character (from 0)
 */
export function readTemplate(
  text: string,
): { readonly template: Template } | { readonly problem: string; readonly offset: number } {
  const template: (string | Reference)[] = []
  let literal = ''
  for (let at = 0; at < text.length;) {
    if (text.startsWith('$${', at)) {
      literal += '${'
      at += 3
    } else if (text.startsWith('${', at)) {
      const end = text.indexOf('}', at)
      if (end < 0) return { problem: '`${` is not closed; write `}`, or `$${` for the two characters', offset: at }
      const reading = readReference(text.slice(at, end + 1))
      if (typeof reading === 'string') return { problem: reading, offset: at }
      if (literal !== '') template.push(literal)
      literal = ''
      if (template.length >= limits.templateParts) return { problem: 'it has too many references', offset: at }
      template.push(reading)
      at = end + 1
    } else {
      literal += text.charAt(at++)
    }
  }
  if (literal !== '') template.push(literal)
  return { template }
}

function readReference(text: string): Reference | string {
  const inner = text.slice(2, -1)
  const root = roots.find((each) => inner === each || inner.startsWith(`${each}.`) || inner.startsWith(`${each}[`))
  if (root === undefined) return 'a reference begins with `params.`, `result.` or is `${resource}`'
  const path: (string | number)[] = []
  step.lastIndex = root.length
  while (step.lastIndex < inner.length) {
    const [, name, index] = step.exec(inner) ?? []
    if (name === undefined && index === undefined) {
      return 'a reference is made of names and places in lists, as `${result.items[0].id}`'
    }
    path.push(name ?? Number(index))
    if (path.length > limits.jsonDepth) return `a reference has at most ${limits.jsonDepth} steps`
  }
  if (root === 'resource') return path.length === 0 ? { root, path, text } : '`${resource}` is text and has no parts'
  return path.length === 0 ? `name what of \`${root}\` is meant, as \`\${${root}.id}\`` : { root, path, text }
}
