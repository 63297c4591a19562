import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sha256 } from '../../src/base/hash.ts'
import {
  decodeBundle,
  encodeBundle,
  entriesPath,
  formatCheckpoint,
  formatNote,
  formatSignatureLine,
  formatVkey,
  parseCheckpoint,
  parseNote,
  parseVkey,
  tileWidth,
  type Checkpoint,
} from '../../src/evidence/ledger/index.ts'
import { keyIdInput } from '../../src/evidence/ledger/note.ts'
import { writeTree } from '../evidence/receipt/a-log.ts'

/** What becomes of the entries of a log. The list is the thief's own copy. */
export type Change = (entries: Uint8Array[]) => Uint8Array[]

/** All that may be changed of a log by whoever may write its folder and has none of its keys. */
export interface Loot {
  readonly entries: Uint8Array[]
  readonly checkpoint: Checkpoint
}

export function lootOf(ledger: string): Loot {
  const checkpoint = checkpointOf(ledger)
  const entries: Uint8Array[] = []
  for (let start = 0; start < checkpoint.size; start += tileWidth) {
    const width = Math.min(tileWidth, checkpoint.size - start)
    entries.push(...decodeBundle(readFileSync(join(ledger, entriesPath(start / tileWidth, width)))))
  }
  return { entries, checkpoint }
}

function checkpointOf(ledger: string): Checkpoint {
  return parseCheckpoint(parseNote(readFileSync(join(ledger, 'checkpoint'))).body)
}

/** Changes the bundle of entry `seq`, and nothing else. */
export function changeBundle(ledger: string, seq: number, change: Change): void {
  const { size } = checkpointOf(ledger)
  const index = Math.floor(seq / tileWidth)
  const path = join(ledger, entriesPath(index, Math.min(tileWidth, size - index * tileWidth)))
  writeFileSync(path, encodeBundle(change(decodeBundle(readFileSync(path))).slice(0, tileWidth)))
}

/** Writes every bundle and every tile anew, as a log of the changed entries would have them. Returns its root. */
export function changeTree(ledger: string, change: Change): { readonly size: number; readonly root: Uint8Array } {
  const entries = change(lootOf(ledger).entries)
  rmSync(join(ledger, 'tile'), { recursive: true })
  const files = new Map<string, Uint8Array>()
  const { root } = writeTree(files, entries)
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(ledger, path)), { recursive: true })
    writeFileSync(join(ledger, path), bytes)
  }
  return { size: entries.length, root }
}

/** States another tree in the checkpoint, over the signature that it had. */
export function restate(ledger: string, tree: { readonly size: number; readonly root: Uint8Array }): void {
  const path = join(ledger, 'checkpoint')
  const note = readFileSync(path, 'utf8')
  const { origin } = checkpointOf(ledger)
  writeFileSync(path, `${formatCheckpoint({ origin, ...tree })}${note.slice(note.indexOf('\n\n') + 1)}`)
}

/** Signs the checkpoint with a key of one's own under the log's name, and puts that key into the folder. */
export function resign(ledger: string, tree: { readonly size: number; readonly root: Uint8Array }): void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const origin = parseVkey(readFileSync(join(ledger, 'vkey'), 'utf8')).name
  const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(12)
  const keyId = sha256(keyIdInput(origin, key)).subarray(0, 4)
  const body = formatCheckpoint({ origin, ...tree })
  const line = formatSignatureLine(origin, keyId, sign(null, Buffer.from(body), privateKey))
  writeFileSync(join(ledger, 'checkpoint'), formatNote(body, [line]))
  writeFileSync(join(ledger, 'vkey'), `${formatVkey(origin, key, keyId)}\n`)
}

/** The entry with another principal: as well-formed as it was. */
export function edited(entry: Uint8Array): Uint8Array {
  return Buffer.from(
    Buffer.from(entry).toString('latin1').replace('"principal":"local"', '"principal":"loca1"'),
    'latin1',
  )
}
