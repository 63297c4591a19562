import type { ASTNode } from '@marcbachmann/cel-js'

const loops = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])

/**
 * The first part of an expression whose time could grow faster than the request: a loop over params, or over parts of the
 * resource, that looks at them again for every item. The policy is its author's, but the lists are an agent's, and 64 KiB of them squared would stop the
 * gate for seconds.
 */
export function findCostlyLoop(node: ASTNode): { readonly problem: string; readonly offset: number } | undefined {
  return walk(node, new Set(['params', 'resource']))
}

/** @param own the names that stand for something of the agent's choosing at this place */
function walk(
  node: unknown,
  own: ReadonlySet<string>,
): { readonly problem: string; readonly offset: number } | undefined {
  if (Array.isArray(node)) {
    for (const item of node) {
      const found = walk(item, own)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (!isNode(node)) return undefined
  if (node.op === 'id' && node.args === 'cel') {
    return { problem: '`cel.bind` is not available; write the value where it is used', offset: node.range.start }
  }
  if (node.op !== 'rcall' || !loops.has(node.args[0])) return walk(node.args, own)
  const [, receiver, [variable, ...body]] = node.args
  const name = variable?.op === 'id' ? variable.args : ''
  if (!mentions(receiver, own)) return walk(receiver, own) ?? walk(body, without(own, name))
  if (mentions(body, without(own, name))) {
    const problem =
      'a loop over params or the resource may not look at them again for each item; compare with literals or `principal`'
    return { problem, offset: node.range.start }
  }
  return walk(receiver, own) ?? walk(body, new Set([name]))
}

function mentions(node: unknown, names: ReadonlySet<string>): boolean {
  if (Array.isArray(node)) return node.some((item) => mentions(item, names))
  if (!isNode(node)) return false
  if (node.op === 'id') return names.has(node.args)
  return mentions(node.args, names)
}

function without(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const rest = new Set(names)
  rest.delete(name)
  return rest
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}
