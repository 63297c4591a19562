/** Where something stands: in a file by line and column (both from 1), in an object by path alone (line and column 0). */
export interface Place {
  readonly line: number
  readonly column: number
  /** As `allow[0].action`; empty for the whole document. */
  readonly path: string
}

/** A value of a policy with its place, the same whether it came from YAML or from an object in memory. */
export type Node = ScalarNode | ListNode | MapNode

export interface ScalarNode {
  readonly kind: 'scalar'
  readonly at: Place
  readonly value: string | number | boolean | null
}

export interface ListNode {
  readonly kind: 'list'
  readonly at: Place
  readonly items: readonly Node[]
}

export interface MapNode {
  readonly kind: 'map'
  readonly at: Place
  readonly members: readonly Member[]
}

export interface Member {
  readonly key: string
  readonly keyAt: Place
  readonly value: Node
}

/** What a node is, in the words of a message. */
export function nameOf(node: Node): string {
  if (node.kind !== 'scalar') return `a ${node.kind}`
  if (node.value === null) return 'nothing (null)'
  if (typeof node.value === 'boolean') return `the boolean ${quoted(String(node.value))}`
  return `the ${typeof node.value} ${quoted(String(node.value))}`
}

/** A user's words in backticks, cut so that a message stays one line. */
export function quoted(text: string): string {
  return `\`${text.length > 80 ? `${text.slice(0, 79)}…` : text}\``
}

export function pathOf(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`
  return parent === '' ? key : `${parent}.${key}`
}
