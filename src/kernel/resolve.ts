import { utf8 } from '../base/bytes.ts'
import { KernelError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { readPrincipal } from '../base/principal.ts'
import { parseEntry, type Entry, type EntryOutcome } from '../evidence/ledger/index.ts'
import { keepIn } from './payload.ts'
import { breakSeal, unlessSealed, type Rooms } from './rooms.ts'

/** What a person found out about an attempt that ended `unknown`. */
export interface Resolution {
  /** It took effect, or it did not. */
  readonly as: 'done' | 'not_done'
  /** How they know. Sealed in the vault; the entry commits to it. */
  readonly reason: string
  /** Who says so. Default: `local`. */
  readonly principal?: { readonly id: string; readonly roles?: readonly string[] }
}

/** The entry that settled another. */
export interface Resolved {
  readonly seq: number
  readonly of: number
  readonly as: Resolution['as']
}

/** As the outcome of the attempt would have said it, had the provider known. */
const outcomes: Readonly<Record<Resolution['as'], EntryOutcome>> = {
  done: { status: 'ok', effect: 'done' },
  not_done: { status: 'failed', effect: 'none' },
}

/**
 * Settles entry `seq`, which ended `unknown`: a person says whether it took effect. That is an entry of its own, durable
 * when this resolves; the first entry stays as it is, and so does the answer to a retry under its idempotency key.
 *
 * @throws KernelError ENTRY_NOT_FOUND, RESOLUTION_INVALID, PRINCIPAL_INVALID, KERNEL_SEALED, LEDGER_UNWRITABLE, VAULT_UNWRITABLE
 */
export async function resolveUnknown(rooms: Rooms, seq: number, resolution: Resolution): Promise<Resolved> {
  const { seal, resolving } = rooms
  if (seal.by !== undefined) throw new KernelError('KERNEL_SEALED', seal.by.message, { cause: seal.by })
  const principal = readPrincipal(resolution.principal ?? { id: 'local' })
  const words = readWords(resolution)
  if (resolving.has(seq)) throw refuse(seq, 'is being resolved right now')
  resolving.add(seq)
  try {
    const entry = await unsettled(rooms, seq)
    return await append(rooms, entry, resolution.as, words, principal.id)
  } finally {
    resolving.delete(seq)
  }
}

function readWords({ as, reason }: Resolution): Uint8Array {
  if (as !== 'done' && as !== 'not_done') throw wrong('`as` must be `done` or `not_done`')
  if (typeof reason !== 'string' || reason.trim() === '' || !reason.isWellFormed()) {
    throw wrong('a reason must say in words how it is known')
  }
  const words = utf8(reason)
  if (words.length > limits.reasonBytes) throw wrong(`the reason has more than ${limits.reasonBytes} bytes`)
  return words
}

/** The entry, if it waits for a person. */
async function unsettled(rooms: Rooms, seq: number): Promise<Entry> {
  const entry = parseEntry(await rooms.entry(seq))
  if (entry.kind !== 'action' || entry.outcome?.status !== 'unknown') {
    const how = entry.outcome === undefined ? `is of kind \`${entry.kind}\`` : `ended \`${entry.outcome.status}\``
    throw refuse(seq, `${how}, and only what ended \`unknown\` can be resolved`)
  }
  const by = await settledBy(rooms, seq)
  if (by === undefined) return entry
  throw refuse(seq, `was resolved by entry ${by.seq} already`)
}

/** The entry that settled entry `seq`, if the index names one that bears it out. @throws KernelError STATE_INVALID */
export async function settledBy({ ledger, entry: read, state, seal }: Rooms, seq: number): Promise<Entry | undefined> {
  const by = state.find('resolves', seq)
  if (by === undefined) return undefined
  const settling = by < ledger.treeSize ? parseEntry(await read(by)) : undefined
  if (settling?.kind === 'resolve' && settling.of === seq) return settling
  const what = `the index says that entry ${by} settles entry ${seq}, and that entry does not`
  const error = new KernelError('STATE_INVALID', `${what}; stop the kernel and run \`kestrel rebuild\``)
  breakSeal(seal, error)
  throw error
}

async function append(
  { ledger, vault, state, seal, random }: Rooms,
  entry: Entry,
  as: Resolution['as'],
  words: Uint8Array,
  principal: string,
): Promise<Resolved> {
  const draft = {
    kind: 'resolve',
    agent: entry.agent,
    principal,
    of: entry.seq,
    reason: keepIn(vault, random, entry.class, words),
    outcome: outcomes[as],
    ...(entry.class !== undefined && { class: entry.class }),
  } as const
  const { seq } = await ledger.append(draft, { durability: 'durable' })
  unlessSealed(seal, () => state.note('resolves', entry.seq, seq))
  return { seq, of: entry.seq, as }
}

function refuse(seq: number, why: string): KernelError<'RESOLUTION_INVALID'> {
  return new KernelError('RESOLUTION_INVALID', `entry ${seq} ${why}; see \`kestrel explain ${seq}\``)
}

function wrong(why: string): KernelError<'RESOLUTION_INVALID'> {
  return new KernelError('RESOLUTION_INVALID', why)
}
