import { fromUtf8 } from '../../base/bytes.ts'
import { isKernelError } from '../../base/errors.ts'
import { isJsonObject, parseJson, type JsonValue } from '../../base/json.ts'
import type { Entry } from '../../evidence/ledger/index.ts'
import type { Vault } from '../../evidence/vault/index.ts'
import { keptAnswerDepth } from '../answers.ts'
import { defaultClass } from '../payload.ts'

/** A result from the vault: `none` where the action had none, `gone` where it is not kept any more. */
export type KeptResult = { readonly value: JsonValue } | 'none' | 'gone' | 'damaged'

/** The result that `entry` commits to. */
export async function keptResult(entry: Entry, vault: Vault): Promise<KeptResult> {
  const commitment = entry.outcome?.result
  if (commitment === undefined) return 'none'
  try {
    const { bytes } = await vault.get(commitment, { class: entry.class ?? defaultClass, timeMs: entry.time })
    const kept = parseJson(fromUtf8(bytes), keptAnswerDepth)
    if (entry.key === undefined) return { value: kept }
    // Of a keyed request the whole answer is kept.
    const ending = isJsonObject(kept) ? kept['ending'] : undefined
    const value = isJsonObject(ending) ? ending['result'] : undefined
    return value === undefined ? 'none' : { value }
  } catch (error) {
    return isKernelError(error, 'VAULT_NOT_FOUND') ? 'gone' : 'damaged'
  }
}
