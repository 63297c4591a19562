import { isKernelError } from '../base/errors.ts'
import { sha256Hex } from '../base/hash.ts'
import { openLog, parseEntry, type Log } from '../evidence/ledger/index.ts'
import { readPolicyText } from '../kernel/policy-source.ts'
import type { World } from './world.ts'

/** What the first request of a new log gets: before it come the agent's entry and the policy's. */
const firstSeq = 2
/** How far back an entry is sought that names the policy in force. */
const lookBack = 256

/** The seq that the next request would get, as far as the published log tells. Reads only. */
export async function foreseenSeq({ places }: World): Promise<number> {
  let log: Log
  try {
    log = await openLog(places.ledger)
  } catch (error) {
    if (isKernelError(error, 'LEDGER_NOT_FOUND')) return firstSeq
    throw error
  }
  if (log.size < firstSeq) return firstSeq
  const inForce = await policyDigest(log)
  return inForce === sha256Hex(readPolicyText(places.policy)) ? log.size : log.size + 1
}

async function policyDigest(log: Log): Promise<string | undefined> {
  let policySeq: number | undefined
  for await (const { bytes } of log.entries(log.size - lookBack)) {
    const entry = parseEntry(bytes)
    if (entry.digest !== undefined) policySeq = entry.seq
    else if (entry.policy !== undefined) policySeq = Math.max(entry.policy, policySeq ?? 0)
  }
  if (policySeq === undefined) return undefined
  return parseEntry((await log.entry(policySeq)).bytes).digest
}
