import { fromUtf8 } from '../base/bytes.ts'
import { isJsonObject, parseJson, type JsonObject } from '../base/json.ts'
import { reasonTable, type ReasonCode } from '../base/reasons.ts'
import { parseEntry, type Entry, type EntryDraft, type Ledger } from '../evidence/ledger/index.ts'
import type { Vault } from '../evidence/vault/index.ts'
import { keptAnswerDepth } from './answers.ts'
import { defaultClass } from './evidence.ts'
import { outcomeOf, type Ending, type Outcome } from './outcome.ts'
import type { State } from './state/state.ts'

/**
 * Ends the attempts that a crash cut between intent and entry. Nothing can tell any more whether they took effect, so each
 * becomes `unknown`, for a person to settle.
 */
export async function endInterrupted(ledger: Ledger): Promise<void> {
  for (const { id, intent } of ledger.unsettled) {
    const draft: EntryDraft = {
      ...(intent as unknown as EntryDraft),
      outcome: { status: 'unknown', effect: 'uncertain', error: 'interrupted' },
    }
    await ledger.append(draft, { durability: 'durable', settles: id })
  }
}

/** Brings the state index up to the log: after a crash, or from nothing when it was removed. */
export async function catchUp(state: State, ledger: Ledger, vault: Vault): Promise<void> {
  for (let seq = state.treeSize; seq < ledger.treeSize; seq++) {
    const entry = parseEntry(await ledger.read(seq))
    if (entry.key === undefined) continue
    // Without the kept answer nobody can tell what was asked, so no request will match: a conflict, never a second effect.
    const request = (await keptAnswerOf(entry, vault))?.request ?? ''
    state.noteKey(entry.key, seq, request)
  }
  state.advance(ledger.treeSize)
}

/** The outcome that entry `seq` was answered with, from the log and, as far as it is still kept, from the vault. */
export async function recallOutcome(ledger: Ledger, vault: Vault, seq: number): Promise<Outcome> {
  const entry = parseEntry(await ledger.read(seq))
  const kept = await keptAnswerOf(entry, vault)
  return outcomeOf(kept?.ending ?? endingOf(entry), {
    seq,
    action: entry.action ?? '',
    resource: entry.resource ?? '',
    durationMs: entry.outcome?.durationMs ?? 0,
  })
}

function endingOf(entry: Entry): Ending {
  const status = entry.outcome?.status ?? 'unknown'
  if (status === 'failed' || status === 'unknown') {
    const message = 'the details of this answer are not kept any more; see its entry in the log'
    return { status, error: { code: entry.outcome?.error ?? 'interrupted', message, retryable: false } }
  }
  if (status === 'ok') return { status }
  const code = (entry.decision?.reason ?? 'invalid_request') as ReasonCode
  return { status, reason: { code, message: reasonTable[code] } }
}

async function keptAnswerOf(entry: Entry, vault: Vault): Promise<{ request: string; ending: Ending } | undefined> {
  const commitment = entry.outcome?.result
  if (commitment === undefined || entry.key === undefined) return undefined
  let kept: JsonObject
  try {
    const { bytes } = await vault.get(commitment, { class: entry.class ?? defaultClass, timeMs: entry.time })
    const value = parseJson(fromUtf8(bytes), keptAnswerDepth)
    if (!isJsonObject(value)) return undefined
    kept = value
  } catch {
    return undefined
  }
  return kept as unknown as { request: string; ending: Ending }
}
