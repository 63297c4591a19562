import type { Findings } from './findings.ts'
import { quoted, type Node } from './node.ts'
import { text, type Reader } from './shape.ts'
import type { Question } from './types.ts'

/** One entry of `who` or `approvers`. */
export interface Who {
  readonly kind: 'role' | 'principal' | 'agent'
  readonly name: string
}

const form = /^(role|principal|agent):([^\p{C}\p{Z}]+)$/u
const read = text('an entry of `who`')

export const who: Reader<Who> = (node: Node, findings: Findings) => {
  const value = read(node, findings)
  if (value === undefined) return undefined
  const [, kind, name] = form.exec(value) ?? []
  if (name !== undefined) return { kind: kind as Who['kind'], name }
  return findings.problem(
    node.at,
    'value',
    `${quoted(value)} says nobody; write \`role:NAME\`, \`principal:ID\` or \`agent:ID\``,
  )
}

export function isOneOf(entries: readonly Who[], question: Pick<Question, 'principal' | 'agent'>): boolean {
  return entries.some(({ kind, name }) => {
    if (kind === 'role') return question.principal.roles.includes(name)
    return name === (kind === 'principal' ? question.principal.id : question.agent)
  })
}

export function textOf(entry: Who): string {
  return `${entry.kind}:${entry.name}`
}
