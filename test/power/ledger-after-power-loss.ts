import { join } from 'node:path'
import type { Clock } from '../../src/base/clock.ts'
import { loadKeys } from '../../src/base/keys.ts'
import {
  logFiles,
  openLedger,
  parseEntry,
  type EntryDraft,
  type FileLayer,
  type Ledger,
  type LedgerBounds,
} from '../../src/evidence/ledger/index.ts'
import { sha256Hex } from '../../src/base/hash.ts'
import { verifyLog } from '../../src/evidence/receipt/index.ts'

/** What the ledger acknowledged as durable. */
export type Promised =
  | { readonly is: 'entry'; readonly seq: number; readonly leafHash: string }
  | { readonly is: 'intent'; readonly id: number; readonly name: string }

/** A root with `keys/` and `data/ledger/` in it. */
export interface LedgerRoot {
  readonly root: string
  readonly origin: string
  readonly bounds?: Partial<LedgerBounds>
}

const clock: Clock = { now: () => Date.now(), monotonicMs: () => performance.now() }

export function openAt({ root, origin, bounds }: LedgerRoot, files?: FileLayer): Promise<Ledger> {
  const keys = loadKeys(join(root, 'keys'), origin)
  const more = { ...(bounds && { bounds }), ...(files && { files }) }
  return openLedger({ directory: join(root, 'data', 'ledger'), keys, clock, ...more })
}

/** The second entry of every log. */
export const policyEntry: EntryDraft = { kind: 'policy', agent: 'local', principal: 'local', digest: '0'.repeat(64) }

/** An entry that settles the intent called `name`, or stands for itself. */
export function entryOf(name: string): EntryDraft {
  return { kind: 'action', agent: 'local', principal: 'alice', action: 'fs.write', resource: `/power/${name}` }
}

/**
 * Opens the log that a power loss left, checks what was promised, closes and verifies it.
 *
 * @param isThorough also opens it once more, with the same open intents, and settles them
 * @throws Error saying what is wrong, or what `openLedger` throws: a power loss alone is never a reason to refuse
 */
export async function assertSurvived(
  place: LedgerRoot,
  promises: readonly Promised[],
  isThorough = true,
): Promise<void> {
  const first = await openAt(place)
  await assertKept(first, promises)
  if (first.policy === undefined) await first.append(policyEntry, { durability: 'durable' })
  const open = first.unsettled
  await first.close()
  await assertVerifies(place)
  if (!isThorough) return
  const second = await openAt(place)
  await assertKept(second, promises)
  if (JSON.stringify(second.unsettled) !== JSON.stringify(open)) throw new Error('a restart changed the open intents')
  for (const { id, intent } of open) {
    await second.append(entryOf(intent['name'] as string), { durability: 'durable', settles: id })
  }
  await second.append(entryOf('after'), { durability: 'durable' })
  await second.close()
  if (open.length > 0) await assertVerifies(place)
}

export async function assertKept(ledger: Ledger, promises: readonly Promised[]): Promise<void> {
  const unsettled = new Set(ledger.unsettled.map(({ id }) => id))
  let resources: Set<string | undefined> | undefined
  for (const promised of promises) {
    if (promised.is === 'entry') {
      const { seq, leafHash } = promised
      if (seq >= ledger.treeSize) throw new Error(`entry ${seq} is lost: the log has ${ledger.treeSize}`)
      const bytes = await ledger.read(seq)
      if (sha256Hex(Buffer.concat([Buffer.alloc(1), bytes])) !== leafHash)
        throw new Error(`entry ${seq} is another one`)
    } else if (!unsettled.has(promised.id)) {
      resources ??= await resourcesOf(ledger)
      if (!resources.has(`/power/${promised.name}`)) throw new Error(`intent ${promised.name} is lost without an entry`)
    }
  }
}

async function resourcesOf(ledger: Ledger): Promise<Set<string | undefined>> {
  const found = new Set<string | undefined>()
  for (let seq = 0; seq < ledger.treeSize; seq++) found.add(parseEntry(await ledger.read(seq)).resource)
  return found
}

export async function assertVerifies({ root, origin }: LedgerRoot): Promise<void> {
  const { vkey } = loadKeys(join(root, 'keys'), origin)
  const { ok, problems } = await verifyLog(logFiles(join(root, 'data', 'ledger')), { vkey })
  if (!ok) throw new Error(`the log does not verify: ${JSON.stringify(problems)}`)
}
