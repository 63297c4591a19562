import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type ParsedNode } from 'yaml'
import type { JsonValue } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import type { Findings } from './findings.ts'
import { pathOf, quoted, type Member, type Node, type Place } from './node.ts'

const start: Place = { line: 1, column: 1, path: '' }

/**
 * Reads the YAML of a policy into nodes that know their places, or undefined when it is empty or cannot be read (then
 * `findings` says why). YAML 1.2 core, one document, no tags, aliases expanded up to a limit.
 *
 * @see https://yaml.org/spec/1.2.2/
 */
export function readDocument(text: string, findings: Findings): Node | undefined {
  if (!text.isWellFormed()) return findings.problem(start, 'encoding', 'the file is not UTF-8 text; save it as UTF-8')
  if (Buffer.byteLength(text) > limits.policyBytes) {
    return findings.problem(
      start,
      'too_large',
      `the file has more than ${limits.policyBytes} bytes; split or shorten it`,
    )
  }
  const lines = new LineCounter()
  const document = parse(text, lines)
  if (document === undefined) return findings.problem(start, 'too_deep', tooDeep)
  const placeAt = (offset: number, path: string): Place => {
    const position = lines.linePos(offset)
    return { line: Math.max(1, position.line), column: Math.max(1, position.col), path }
  }
  if (document.errors.some(({ message }) => /call stack|stack overflow/i.test(message))) {
    return findings.problem(start, 'too_deep', tooDeep)
  }
  if (document.directives.yaml.version !== '1.2') {
    // 1.1 reads `yes` and `on` as booleans
    return findings.problem(start, 'yaml', 'a policy is YAML 1.2; remove the `%YAML` line')
  }
  for (const { code, message, pos } of document.errors) reportYaml(findings, placeAt(pos[0], ''), code, message)
  const contents = document.contents
  if (document.errors.length > 0 || contents === null || isBlank(contents)) return undefined
  return new Walk(findings, placeAt).read(contents, '', 0)
}

const tooDeep = `nested deeper than ${limits.jsonDepth}; flatten it`

/** Whether nothing is written where a value would stand. */
function isBlank(node: ParsedNode): boolean {
  return isScalar(node) && node.value === null && node.range[0] === node.range[1]
}

function parse(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    // duplicate keys are found by the walk, which needs one look at each key where the parser compares every pair
    return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false })
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function reportYaml(findings: Findings, at: Place, code: string, message: string): void {
  if (code === 'MULTIPLE_DOCS') {
    findings.problem(
      at,
      'yaml',
      'a second YAML document begins here; a policy is one document, so remove the `---` line',
    )
  } else {
    const line = message.split('\n', 1)[0] ?? ''
    findings.problem(at, 'yaml', `not valid YAML: ${line.charAt(0).toLowerCase()}${line.slice(1)}`)
  }
}

class Walk {
  readonly #findings: Findings
  readonly #placeAt: (offset: number, path: string) => Place
  readonly #anchors = new Map<string, ParsedNode>()
  #nodes = 0

  constructor(findings: Findings, placeAt: (offset: number, path: string) => Place) {
    this.#findings = findings
    this.#placeAt = placeAt
  }

  read(node: ParsedNode, path: string, depth: number): Node {
    const at = this.#placeAt(node.range[0], path)
    if (depth > limits.jsonDepth) return this.#spoil(at, 'too_deep', tooDeep)
    if (++this.#nodes > limits.policyNodes) return this.#tooMany(at)
    if (isAlias(node)) return this.#readAlias(node.source, path, depth, at)
    if (node.tag !== undefined) {
      return this.#spoil(at, 'tag', `remove the tag ${quoted(node.tag)}; a policy has no tags`)
    }
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node)
    if (isMap(node)) return { kind: 'map', at, members: this.#readMembers(node.items as readonly Pair[], path, depth) }
    if (isSeq(node)) {
      const items = node.items as readonly ParsedNode[]
      return { kind: 'list', at, items: items.map((item, i) => this.read(item, pathOf(path, i), depth + 1)) }
    }
    return this.#readScalar(node.value, at)
  }

  #tooMany(at: Place): Node {
    // one report is enough: every further node would say the same
    if (this.#nodes > limits.policyNodes + 1) return { kind: 'scalar', at, value: null }
    const message = `more than ${limits.policyNodes} values once aliases are expanded; write fewer aliases`
    return this.#spoil(at, 'too_large', message)
  }

  #readAlias(name: string, path: string, depth: number, at: Place): Node {
    const target = this.#anchors.get(name)
    if (target !== undefined) return this.read(target, path, depth + 1)
    return this.#spoil(at, 'alias', `no anchor \`&${name}\` stands before this alias; define it or write the value`)
  }

  #readMembers(pairs: readonly Pair[], path: string, depth: number): readonly Member[] {
    const seen = new Set<string>()
    const members: Member[] = []
    for (const { key, value } of pairs) {
      const read = this.#readKey(key, path, seen)
      if (read === undefined) continue
      const { name, at } = read
      const isWritten = value !== null && !isBlank(value)
      const member: Node = isWritten ? this.read(value, at.path, depth + 1) : { kind: 'scalar', at, value: null }
      members.push({ key: name, keyAt: at, value: member })
    }
    return members
  }

  #readKey(key: unknown, path: string, seen: Set<string>): { readonly name: string; readonly at: Place } | undefined {
    const offset = (key as ParsedNode | null)?.range?.[0] ?? 0
    if (!isScalar(key) || typeof key.value !== 'string' || key.tag !== undefined) {
      return this.#findings.problem(this.#placeAt(offset, path), 'key', 'a key must be plain text; put it in quotes')
    }
    const name = key.value
    const at = this.#placeAt(offset, pathOf(path, name))
    if (!name.isWellFormed()) {
      return this.#findings.problem(at, 'encoding', 'the key holds half a surrogate pair; write it whole')
    }
    if (seen.has(name)) {
      return this.#findings.problem(at, 'duplicate_key', `${quoted(name)} stands twice in this map; keep one`)
    }
    seen.add(name)
    return { name, at }
  }

  #readScalar(value: unknown, at: Place): Node {
    switch (typeof value) {
      case 'string':
        if (value.isWellFormed()) return { kind: 'scalar', at, value }
        return this.#spoil(at, 'encoding', 'the text holds half a surrogate pair; write it whole')
      case 'number':
        if (Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value))) {
          return { kind: 'scalar', at, value: value === 0 ? 0 : value }
        }
        return this.#spoil(at, 'number', 'a number must be finite and within ±(2^53−1); put it in quotes if it is text')
      case 'boolean':
        return { kind: 'scalar', at, value }
      default:
        return { kind: 'scalar', at, value: null }
    }
  }

  #spoil(at: Place, code: string, message: string): Node {
    this.#findings.spoil(at, code, message)
    return { kind: 'scalar', at, value: null }
  }
}

interface Pair {
  readonly key: unknown
  readonly value: ParsedNode | null
}

/** The same nodes from a JSON value, placed by path alone. */
export function nodeOf(value: JsonValue, path = ''): Node {
  const at: Place = { line: 0, column: 0, path }
  if (typeof value !== 'object' || value === null) return { kind: 'scalar', at, value }
  if (Array.isArray(value)) {
    const items: readonly JsonValue[] = value
    return { kind: 'list', at, items: items.map((item, i) => nodeOf(item, pathOf(path, i))) }
  }
  const members = Object.entries(value as { readonly [key: string]: JsonValue }).map(([key, member]) => {
    const memberPath = pathOf(path, key)
    return { key, keyAt: { line: 0, column: 0, path: memberPath }, value: nodeOf(member, memberPath) }
  })
  return { kind: 'map', at, members }
}
