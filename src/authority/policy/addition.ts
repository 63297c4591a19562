import { isAlias, isMap, isSeq, parseDocument, type ParsedNode, type YAMLMap, type YAMLSeq } from 'yaml'
import { flowOfRule, linesOfRule, type RuleText } from './rule-text.ts'

/** The text of a policy with rules added to it: whole lines, and nothing else is changed. */
export interface Addition {
  readonly text: string
  /** Where the new lines begin, from 0. */
  readonly line: number
  /** Without their line ends. */
  readonly lines: readonly string[]
}

export type AdditionReading = Addition | { readonly problem: string }

/**
 * Adds allow rules to the text of a policy that loads: behind the last rule of its list, in the manner of that. Comments,
 * order, quoting, indentation and line ends stay byte for byte.
 */
export function addRules(text: string, rules: readonly RuleText[]): AdditionReading {
  const document = parseDocument(text, { keepSourceTokens: true, uniqueKeys: false, prettyErrors: false })
  const root = document.contents
  if (document.errors.length > 0) return { problem: 'it does not load' }
  if (root === null || (!isMap(root) && root.range[0] === root.range[1])) {
    return insert(text, text.length, ['version: 1', 'allow:', ...blocks(rules, 2, 2)])
  }
  if (!isMap(root)) return { problem: 'it is no map' }
  if (root.flow === true) return { problem: 'it is written in braces, where no line can be added' }
  const list = listIn(root)
  if (list === undefined) {
    const last = root.items.at(-1)
    const at = last === undefined ? text.length : endOfLine(text, endOfPair(last))
    return insert(text, at, ['allow:', ...blocks(rules, 2, 2)])
  }
  if (isAlias(list)) return { problem: 'its list of rules is an alias of another list' }
  if (!isSeq(list)) return { problem: 'its rules are no list' }
  return list.flow === true ? addToFlow(text, list, rules) : addToBlock(text, list, rules)
}

function listIn(root: YAMLMap): ParsedNode | undefined {
  for (const { key, value } of root.items) {
    const name = (key as { value?: unknown } | null)?.value
    if (name === 'allow' || name === 'capabilities') return value as ParsedNode
  }
  return undefined
}

/** Behind the last rule of a list of dashes. */
function addToBlock(text: string, list: YAMLSeq, rules: readonly RuleText[]): AdditionReading {
  const dash = (list.srcToken as { indent?: number } | undefined)?.indent
  const last = list.items.at(-1) as ParsedNode | undefined
  if (dash === undefined || last?.range === undefined) return { problem: 'its list of rules has none to write behind' }
  const isFlow = isMap(last) && last.flow === true && !text.slice(...span(last)).includes('\n')
  const column = columnOf(text, last.range[0])
  const gap = isMap(last) && last.flow !== true && column > dash + 1 ? column - dash : 2
  const lines = isFlow ? rules.map((rule) => `${' '.repeat(dash)}- ${flowOfRule(rule)}`) : blocks(rules, dash, gap)
  return insert(text, endOfLine(text, last.range[1]), lines)
}

/** Behind the last rule of a list in brackets, where its `]` stands on a line of its own. */
function addToFlow(text: string, list: YAMLSeq, rules: readonly RuleText[]): AdditionReading {
  const [, end] = list.range as [number, number, number]
  const last = list.items.at(-1) as ParsedNode | undefined
  const closing = text.lastIndexOf('\n', end - 1) + 1
  const first = (list.range as [number, number, number])[0]
  if (last === undefined || closing <= first || text.slice(closing, end - 1).trim() !== '' || last.range[1] > closing) {
    return { problem: 'its list of rules stands in brackets on one line; put the `]` on a line of its own' }
  }
  const behind = text.slice(last.range[1], closing)
  const hasComma = /^[^#\n]*,/.test(behind)
  if (!hasComma && /^[^#\n]*\n[^]*,/.test(behind))
    return { problem: 'a comma stands on a line of its own in its list of rules' }
  const indent = ' '.repeat(columnOf(text, last.range[0]))
  const texts = rules.map(flowOfRule)
  const lines = hasComma ? texts.map((rule) => `${indent}${rule},`) : texts.map((rule) => `${indent}, ${rule}`)
  return insert(text, endOfLine(text, last.range[1]), lines)
}

function blocks(rules: readonly RuleText[], dash: number, gap: number): string[] {
  return rules.flatMap((rule) =>
    linesOfRule(rule).map((line, i) =>
      i === 0 ? `${' '.repeat(dash)}-${' '.repeat(gap - 1)}${line}` : `${' '.repeat(dash + gap)}${line}`,
    ),
  )
}

function span(node: ParsedNode): [number, number] {
  return [node.range[0], node.range[1]]
}

function columnOf(text: string, offset: number): number {
  const start = text.lastIndexOf('\n', offset - 1) + 1
  return offset - start - (start === 0 && text.startsWith('\ufeff') ? 1 : 0)
}

function endOfPair(pair: YAMLMap['items'][number]): number {
  const value = pair.value as ParsedNode | null
  const key = pair.key as ParsedNode | null
  return value?.range?.[1] ?? key?.range?.[1] ?? 0
}

/** The start of the line behind the one that `offset` ends; the end of the text where that is the last. */
function endOfLine(text: string, offset: number): number {
  if (offset > 0 && text[offset - 1] === '\n') return offset
  const end = text.indexOf('\n', offset)
  return end < 0 ? text.length : end + 1
}

function insert(text: string, at: number, lines: readonly string[]): Addition {
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n'
  const isOpen = at > 0 && text[at - 1] !== '\n' && text !== '\ufeff'
  const block = lines.join(lineEnd)
  const added = isOpen ? `${lineEnd}${block}` : `${block}${lineEnd}`
  const line = text.slice(0, at).split('\n').length - (isOpen ? 0 : 1)
  return { text: text.slice(0, at) + added + text.slice(at), line, lines }
}
