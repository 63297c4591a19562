import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { formatEntry, type Entry, type EntryDraft } from '../../../src/evidence/ledger/entry.ts'
import {
  formatCheckpoint,
  formatNote,
  formatSignatureLine,
  formatVkey,
  keyIdInput,
} from '../../../src/evidence/ledger/note.ts'
import { encodeBundle, entriesPath, tilePath } from '../../../src/evidence/ledger/tile.ts'
import type { LogFiles } from '../../../src/evidence/receipt/index.ts'

/** The keys of one log, so that a test can also play its dishonest owner. */
export interface Signer {
  readonly origin: string
  readonly vkey: string
  readonly keyId: Uint8Array
  readonly log: KeyObject
  readonly agent: KeyObject
  readonly agentPublicKey: string
  /** Signatures by statement: ECDSA is random, and two builds of one log must be the same bytes. */
  readonly heads: Map<string, string>
}

export function aSigner(origin: string = 'kestrel.local/0123456789abcdef'): Signer {
  const log = generateKeyPairSync('ed25519')
  const agent = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const publicKey = log.publicKey.export({ format: 'der', type: 'spki' }).subarray(12)
  const keyId = sha256(keyIdInput(origin, publicKey)).subarray(0, 4)
  return {
    origin,
    vkey: formatVkey(origin, publicKey, keyId),
    keyId,
    log: log.privateKey,
    agent: agent.privateKey,
    agentPublicKey: agent.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    heads: new Map(),
  }
}

/** A log as a plain map of its files, in the layout that a ledger publishes. */
export class ALog implements LogFiles {
  readonly files: Map<string, Uint8Array>

  constructor(files: Map<string, Uint8Array>) {
    this.files = files
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return this.files.get(path)
  }

  copy(): ALog {
    return new ALog(new Map([...this.files].map(([path, bytes]) => [path, Uint8Array.from(bytes)])))
  }

  file(path: string): Uint8Array {
    const bytes = this.files.get(path)
    if (bytes === undefined) throw new Error(`the log of the test has no ${path}`)
    return bytes
  }
}

export interface EntriesOptions {
  /** Changes an entry before it is encoded: a dishonest or broken writer. */
  readonly alter?: (entry: Entry) => Entry
  /** Entries of its agent that go without a head; the format allows 512. */
  readonly headEvery?: number
  /** Something that makes the entries of two logs differ from `from` on. */
  readonly fork?: { readonly from: number; readonly mark: string }
}

/** The entries of an honest log: `local` enrolled, a policy, then actions with a head now and then. */
export function someEntries(signer: Signer, size: number, options: EntriesOptions = {}): Uint8Array[] {
  const { alter = (entry) => entry, headEvery = 512, fork } = options
  const entries: Uint8Array[] = []
  let agentSeq = 0
  let unheaded = 0
  let chain: Uint8Array = new Uint8Array(32)
  for (let seq = 0; seq < size; seq++) {
    const isHead = unheaded === headEvery
    const mark = fork !== undefined && seq >= fork.from ? fork.mark : 'same'
    const draft = isHead ? headDraft(signer, agentSeq - 1, chain) : draftOf(signer, seq, mark)
    const counted = isHead ? {} : { agentSeq }
    const entry = alter({ ...draft, ...counted, v: 1, seq, time: 1_700_000_000_000 + seq * 3 } as Entry)
    const bytes = Buffer.from(formatEntry(entry))
    entries.push(bytes)
    if (isHead) {
      unheaded = 0
    } else {
      chain = sha256(Buffer.concat([chain, leafHashOf(bytes)]))
      agentSeq++
      unheaded++
    }
  }
  return entries
}

function draftOf(signer: Signer, seq: number, mark: string): EntryDraft {
  const by = { agent: 'local', principal: 'alice' }
  if (seq === 0) return { ...by, kind: 'enroll', publicKey: signer.agentPublicKey }
  if (seq === 1) return { ...by, kind: 'policy', digest: 'ab'.repeat(32) }
  return {
    ...by,
    kind: 'action',
    action: 'fs.read',
    resource: `/workspace/${mark}/${seq}.csv`,
    policy: 1,
    params: sha256(Buffer.from(String(seq))).toString('hex'),
    decision: { effect: 'permit', reason: 'permitted', rules: ['allow[0]'] },
    outcome: { status: 'ok', durationMs: seq % 7, effect: 'none' },
  }
}

function headDraft(signer: Signer, upTo: number, chainBytes: Uint8Array): EntryDraft {
  const chain = Buffer.from(chainBytes).toString('hex')
  const statement = `{"agent":"local","chain":"${chain}","origin":"${signer.origin}","upTo":${upTo}}`
  const again = signer.heads.get(statement)
  const sig =
    again ?? sign('sha256', Buffer.from(statement), { key: signer.agent, dsaEncoding: 'ieee-p1363' }).toString('base64')
  signer.heads.set(statement, sig)
  return { agent: 'local', principal: 'alice', kind: 'head', head: { upTo, chain, sig } }
}

/** All files of the log over `entries`: what its owner publishes. */
export function publish(signer: Signer, entries: readonly Uint8Array[]): ALog {
  const files = new Map<string, Uint8Array>()
  const { root } = writeTree(files, entries)
  files.set('vkey', Buffer.from(`${signer.vkey}\n`))
  files.set('checkpoint', signedCheckpoint(signer, entries.length, root))
  return new ALog(files)
}

export function aLog(signer: Signer, size: number, options: EntriesOptions = {}): ALog {
  return publish(signer, someEntries(signer, size, options))
}

/** Bundles and tiles over `entries`: what anyone can compute who has no key. */
export function writeTree(files: Map<string, Uint8Array>, entries: readonly Uint8Array[]): { root: Buffer } {
  for (let start = 0; start < entries.length; start += 256) {
    const items = entries.slice(start, start + 256)
    files.set(entriesPath(start / 256, items.length), encodeBundle(items))
  }
  let row = entries.map(leafHashOf)
  for (let level = 0; row.length > 0; level++) {
    const above: Buffer[] = []
    for (let start = 0; start < row.length; start += 256) {
      const hashes = row.slice(start, start + 256)
      files.set(tilePath(level, start / 256, hashes.length), Buffer.concat(hashes))
      if (hashes.length === 256) above.push(treeHash(hashes))
    }
    row = above
  }
  return { root: treeHash(entries.map(leafHashOf)) }
}

export function signedCheckpoint(signer: Signer, size: number, root: Uint8Array): Uint8Array {
  const body = formatCheckpoint({ origin: signer.origin, size, root })
  return formatNote(body, [formatSignatureLine(signer.origin, signer.keyId, sign(null, Buffer.from(body), signer.log))])
}

/** MTH of RFC 6962 §2.1, straight from its definition. */
export function treeHash(hashes: readonly Uint8Array[]): Buffer {
  const first = hashes[0]
  if (first === undefined) return sha256(Buffer.alloc(0))
  if (hashes.length === 1) return Buffer.from(first)
  let split = 1
  while (split * 2 < hashes.length) split *= 2
  return sha256(Buffer.concat([Buffer.of(1), treeHash(hashes.slice(0, split)), treeHash(hashes.slice(split))]))
}

export function leafHashOf(entry: Uint8Array): Buffer {
  return sha256(Buffer.concat([Buffer.of(0), entry]))
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
