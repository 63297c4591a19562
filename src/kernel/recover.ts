import { fromUtf8 } from '../base/bytes.ts'
import { canonicalJson } from '../base/canonical-json.ts'
import { KernelError } from '../base/errors.ts'
import { sha256Hex } from '../base/hash.ts'
import { isJsonObject, parseJson, type JsonObject } from '../base/json.ts'
import { reasonTable, type ReasonCode } from '../base/reasons.ts'
import { parseEntry, type Entry, type Ledger } from '../evidence/ledger/index.ts'
import type { Vault } from '../evidence/vault/index.ts'
import { keptAnswerDepth } from './answers.ts'
import { defaultClass } from './payload.ts'
import { isUndoable, outcomeOf, type Ending, type Outcome } from './outcome.ts'
import { breakSeal, type Rooms } from './rooms.ts'
import { endInterrupted, type World } from './settle.ts'
import type { Relation } from './state/schema.ts'
import type { NotedKey, State, StateWriter } from './state/state.ts'
import type { StoredEntry } from './stored-entries.ts'

/** What a start does before the gate opens: each attempt has its one entry, and the index reflects the log. */
export async function bringUpToDate(rooms: Rooms, world: World): Promise<void> {
  const { ledger, vault, state, entries } = rooms
  await endInterrupted(rooms, world)
  await catchUp(state, ledger, vault, entries)
}

/** Brings the state index up to the log: after a crash, or from nothing when it was removed. */
export async function catchUp(
  state: State,
  ledger: Ledger,
  vault: Vault,
  entries: (from: number) => AsyncIterable<StoredEntry>,
): Promise<void> {
  const end = ledger.treeSize
  if (state.treeSize === end) return
  await state.together(async () => {
    await noteEntries(state, entries(state.treeSize), vault)
    state.advance(end)
  })
}

/** Which entry this one settles or undid, if it does. */
export function relationOf({
  kind,
  action,
  of,
  outcome,
}: Entry): { readonly is: Relation; readonly of: number } | undefined {
  if (of === undefined) return undefined
  if (kind === 'resolve') return { is: 'resolves', of }
  return action === 'undo' && outcome?.status === 'ok' ? { is: 'undos', of } : undefined
}

/** How an entry begins a field that the index is about. Most entries have none, and need not be parsed. */
const marks: readonly Buffer[] = ['"key":"', '"kind":"resolve"', '"action":"undo"'].map((text) => Buffer.from(text))

/** Notes of each entry what the index holds of it. What was noted already stays: of two entries under one key the first answered. */
export async function noteEntries(
  state: StateWriter,
  entries: AsyncIterable<StoredEntry>,
  vault: Vault,
): Promise<void> {
  for await (const { seq, bytes } of entries) {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (!marks.some((mark) => view.includes(mark))) continue
    const entry = parseEntry(bytes)
    const relation = relationOf(entry)
    if (relation !== undefined) state.note(relation.is, relation.of, seq)
    if (entry.key === undefined) continue
    const noted = state.findKey(entry.key)
    if (noted === undefined || noted.seq > seq) state.noteKey(entry.key, seq, await requestOf(entry, vault))
  }
}

/**
 * Digest of the request that a keyed entry answers, or empty where the vault no longer has what says it. Then no request
 * will match: a conflict, never a second effect.
 */
export async function requestOf(entry: Entry, vault: Vault): Promise<string> {
  if (entry.outcome?.result !== undefined) return (await keptAnswerOf(entry, vault))?.request ?? ''
  // Nobody answered an attempt that was cut; what it asked stands in the entry and its params.
  const params = entry.params === undefined ? {} : await keptObject(entry.params, entry, vault)
  if (params === undefined) return ''
  return sha256Hex(canonicalJson([entry.action ?? '', entry.resources ?? [entry.resource ?? ''], params]))
}

/**
 * The answer that the index names for an idempotency key, if the entry and the vault bear it out. An index that says
 * otherwise was changed by someone else, and what else it says or no longer says nobody knows: the kernel is sealed.
 *
 * @throws KernelError STATE_INVALID
 */
export async function recallNoted(rooms: Rooms, key: string, { seq, request }: NotedKey): Promise<Outcome> {
  const { ledger, vault, seal } = rooms
  const entry = seq < ledger.treeSize ? parseEntry(await rooms.entry(seq)) : undefined
  const asked = entry?.key === key ? await requestOf(entry, vault) : undefined
  if (entry === undefined || asked === undefined || (asked !== '' && asked !== request)) {
    const what = `the index names entry ${seq} for an idempotency key, and that entry does not bear it out`
    const error = new KernelError('STATE_INVALID', `${what}; stop the kernel and run \`kestrel rebuild\``)
    breakSeal(seal, error)
    throw error
  }
  return answerIn(entry, vault)
}

/** The outcome that an entry was answered with, from the log and, as far as it is still kept, from the vault. */
async function answerIn(entry: Entry, vault: Vault): Promise<Outcome> {
  const kept = await keptAnswerOf(entry, vault)
  return outcomeOf(kept?.ending ?? endingOf(entry), {
    seq: entry.seq,
    action: entry.action ?? '',
    resource: entry.resource ?? '',
    durationMs: entry.outcome?.durationMs ?? 0,
    undoableUntil: entry.outcome !== undefined && isUndoable(entry.outcome) ? entry.undo?.until : undefined,
  })
}

function endingOf(entry: Entry): Ending {
  const status = entry.outcome?.status ?? 'unknown'
  if (status === 'failed' || status === 'unknown') {
    const message = wasCut(entry)
      ? 'the process ended in the middle of it, and nobody knows whether it took effect; a person settles it with `kestrel resolve`'
      : 'the details of this answer are not kept any more; see its entry in the log'
    return { status, error: { code: entry.outcome?.error ?? 'interrupted', message, retryable: false } }
  }
  if (status === 'ok') return { status }
  const code = (entry.decision?.reason ?? 'invalid_request') as ReasonCode
  return { status, reason: { code, message: reasonTable[code] } }
}

function wasCut({ outcome }: Entry): boolean {
  return outcome?.status === 'unknown' && outcome.result === undefined
}

async function keptAnswerOf(entry: Entry, vault: Vault): Promise<{ request: string; ending: Ending } | undefined> {
  const commitment = entry.outcome?.result
  if (commitment === undefined || entry.key === undefined) return undefined
  return (await keptObject(commitment, entry, vault)) as unknown as { request: string; ending: Ending } | undefined
}

/** What the vault keeps under a commitment of this entry, if it still does. */
async function keptObject(commitment: string, entry: Entry, vault: Vault): Promise<JsonObject | undefined> {
  try {
    const { bytes } = await vault.get(commitment, { class: entry.class ?? defaultClass, timeMs: entry.time })
    const value = parseJson(fromUtf8(bytes), keptAnswerDepth)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
