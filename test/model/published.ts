import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import {
  logFiles,
  openCheckpoint,
  openLog,
  parseEntry,
  parseVkey,
  type Entry,
} from '../../src/evidence/ledger/index.ts'
import { nodePrimitives } from '../../src/base/hash.ts'
import { verifyLog } from '../../src/evidence/receipt/index.ts'
import { writeTree } from '../evidence/receipt/a-log.ts'
import type { ReferenceEntry } from './reference-log.ts'

/** The part of a real entry that the model foresees. */
export function foreseen(entry: Entry): ReferenceEntry {
  const { seq, time, kind, agentSeq, principal, action, resource, policy, of, key, decision, outcome } = entry
  const all = {
    seq,
    time,
    kind,
    agentSeq,
    principal,
    action,
    resource,
    policy,
    of,
    key,
    reason: decision?.reason,
    status: outcome?.status,
    effect: outcome?.effect,
    error: outcome?.error,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as ReferenceEntry
}

/** The bytes of every published entry, after a clean end. */
export async function publishedEntries(directory: string): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = []
  for await (const { bytes } of (await openLog(directory)).entries()) entries.push(bytes)
  return entries
}

/**
 * The folder is what `model` says: the same entries, and in it exactly the files, and under its signature the root, that the
 * definitions of RFC 6962 and tlog-tiles give for those entries, computed here without any code of the ledger.
 */
export async function expectPublished(directory: string, model: readonly ReferenceEntry[]): Promise<void> {
  const entries = await publishedEntries(directory)
  expect(entries.map((bytes) => foreseen(parseEntry(bytes)))).toEqual(model)
  const files = new Map<string, Uint8Array>()
  const { root } = writeTree(files, entries)
  const vkey = readFileSync(join(directory, 'vkey'), 'utf8').trim()
  const note = readFileSync(join(directory, 'checkpoint'))
  const checkpoint = await openCheckpoint(note, parseVkey(vkey), nodePrimitives)
  expect(checkpoint.size).toBe(entries.length)
  expect(root.equals(checkpoint.root)).toBe(true)
  for (const [path, bytes] of files) {
    expect(existsSync(join(directory, path)), path).toBe(true)
    expect(readFileSync(join(directory, path)).equals(bytes), path).toBe(true)
  }
  const { problems } = await verifyLog(logFiles(directory), { vkey, primitives: nodePrimitives })
  expect(problems).toEqual([])
}
