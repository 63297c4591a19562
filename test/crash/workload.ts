import type { Principal, Request } from '../../src/index.ts'
import { numbersFrom } from '../power/outcomes.ts'

/** One request of a round, and what is known of it without asking. */
export interface Ask {
  /** Action and resource; no two asks of a data directory share it. */
  readonly name: string
  readonly kind: AskKind
  readonly principal: Principal
  readonly request: Request
}

/** `unsure`: its provider acts and says that it cannot tell. `refuse`: its provider surely did nothing. */
export type AskKind = 'write' | 'append' | 'unsure' | 'refuse' | 'look' | 'read' | 'denied' | 'invalid'

/** Kinds that leave something in the world when they happen. */
export const acting: ReadonlySet<AskKind> = new Set(['write', 'append', 'unsure'])
/** Kinds whose intent is made durable before anything happens. */
export const mutating: ReadonlySet<AskKind> = new Set(['write', 'append', 'unsure', 'refuse'])

/** Submitters of a round; each waits for its answer before it asks again. */
export const lanes = 5
const asksPerLane = 6

const kinds: readonly AskKind[] = [
  ...(['write', 'write', 'append', 'append', 'append', 'unsure', 'refuse'] as const),
  ...(['look', 'look', 'read', 'denied', 'denied', 'invalid'] as const),
]

/** What each submitter asks in one round, in order. The same numbers give the same asks. */
export function asksOf(seed: number, round: number): Ask[][] {
  const random = numbersFrom(seed * 100_003 + round)
  return Array.from({ length: lanes }, (_, lane) =>
    Array.from({ length: asksPerLane }, (__, index) => {
      const kind = kinds[Math.floor(random() * kinds.length)] as AskKind
      return anAsk(kind, `${round}-${lane}-${index}`, lane, random() < 0.4, Math.floor(random() * 700))
    }),
  )
}

function anAsk(kind: AskKind, id: string, lane: number, isKeyed: boolean, sizeBytes: number): Ask {
  // A key in a request that does not parse is never read.
  const key = isKeyed && kind !== 'invalid' ? { idempotencyKey: id } : {}
  const request = { ...requestOf(kind, id, sizeBytes), ...key } as Request
  const principal = { id: `agent-${lane}`, roles: [] } as unknown as Principal
  return { name: `${request.action} ${request.resource}`, kind, principal, request }
}

function requestOf(kind: AskKind, id: string, sizeBytes: number): object {
  switch (kind) {
    case 'write':
      return { action: 'fs.write', resource: `/workspace/w/${id}`, params: { content: id } }
    case 'read':
      return { action: 'fs.read', resource: `/workspace/r/${id}` }
    case 'denied':
      return { action: 'fs.write', resource: `/workspace/no/${id}`, params: { content: id } }
    case 'invalid':
      return { action: 'ext.append', resource: id, params: { wrong: 'x'.repeat(sizeBytes) } }
    default:
      return { action: `ext.${kind}`, resource: id, params: { text: 'x'.repeat(sizeBytes) } }
  }
}

/** The policy of every round. */
export function policyOver(workspace: string): object {
  return {
    version: 1,
    mounts: { '/workspace': workspace },
    allow: [
      { action: 'fs.*', resource: '/workspace/**' },
      { action: 'ext.*', resource: '**' },
    ],
    deny: [{ action: 'fs.*', resource: '/workspace/no/**' }],
  }
}
