import { rmSync } from 'node:fs'
import { afterAll, expect } from 'vitest'
import { aPlace, copyOf, type Place } from './a-place.ts'

/** A policy whose every byte counts. */
export const policyText = `# kept as it is
version: 1
mounts: { /workspace: ./workspace }   # here

allow:
  - action: fs.read            # reading
    resource: /workspace/**
  - { action: fs.write, resource: "/workspace/team/**", who: [role:editor] }
  - action: fs.append
    resource: '/workspace/log'
    constraint: { content: "a" }
  # the end of the list

deny:
  - { action: fs.*, resource: "**/.env" }
`

export const requests: readonly object[] = [
  { action: 'fs.read', resource: '/workspace/a.txt' },
  { action: 'fs.write', resource: '/workspace/out/x', params: { content: 'secret-words', parents: true } },
  { action: 'fs.read', resource: '/workspace/.env' },
  { action: 'fs.write', resource: '/workspace/team/x', params: { content: 'x', parents: true } },
  { action: 'fs.append', resource: '/workspace/log', params: { content: 'b' } },
  { action: 'fs.append', resource: '/workspace/log', params: { content: 'c' } },
  { action: 'nonsense' },
  { action: 'fs.read', resource: '/workspace/link' },
]
/** Numbers of their entries. */
export const seqs = { read: 2, write: 3, env: 4, team: 5, append: 6, otherAppend: 7, invalid: 8 } as const

const made: Place[] = []
afterAll(() => {
  for (const { root } of made) rmSync(root, { recursive: true, force: true })
})

/** A place with a log of `requests`, a copy of one that is made once. */
export async function aLog(): Promise<Place> {
  let [first] = made
  if (first === undefined) {
    first = aPlace({ 'a.txt': 'a', '.env': 'x' }, policyText)
    made.push(first)
    const input = requests.map((request) => `${JSON.stringify(request)}\n`).join('')
    expect((await first.run(['submit', '--batch', '-'], { input })).code).toBe(0)
  }
  return copyOf(first)
}
