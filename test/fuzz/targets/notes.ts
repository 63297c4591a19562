import { nodePrimitives } from '../../../src/base/hash.ts'
import {
  checkVkey,
  formatCheckpoint,
  formatNote,
  formatSignatureLine,
  formatVkey,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVkey,
} from '../../../src/evidence/ledger/index.ts'
import { aSigner, signedCheckpoint } from '../../evidence/receipt/a-log.ts'
import { fromUtf8 } from '../../../src/base/bytes.ts'
import { bytesOf, demand, ending, endingLater, sameBytes, type Target } from '../target.ts'

const signer = aSigner()
const other = aSigner('kestrel.local/fedcba9876543210')
const root = Buffer.alloc(32, 7)
const sizes = [0, 1, 255, 256, 1_000_000, Number.MAX_SAFE_INTEGER]
const signed = sizes.map((size) => signedCheckpoint(signer, size, root))
const words = ['\u2014 ', '\n\n', `${signer.origin}\n`, '+', '=', 'AAAA', '\u2014 witness.example/w ']

/** A cosignature of the right shape; whether it holds is for its witness's key. */
function cosigned(note: Uint8Array): Uint8Array {
  return Buffer.concat([
    note,
    bytesOf(formatSignatureLine('witness.example/w', Buffer.alloc(4, 9), Buffer.alloc(72, 3))),
  ])
}

const notes = [...signed, ...signed.map(cosigned), signedCheckpoint(other, 3, root)]

export const noteTarget: Target = {
  name: 'note',
  words,
  seeds: () => notes,
  run: (input) =>
    ending(
      () => parseNote(input),
      ({ body, signatures }) => {
        const lines = signatures.map(({ name, keyId, signature }) => formatSignatureLine(name, keyId, signature))
        demand(sameBytes(formatNote(body, lines), input), 'a note was read that is written otherwise')
        return `ok ${signatures.length}`
      },
      ['NOTE_INVALID'],
    ),
}

const bodies = new Set(signed.map((note) => parseNote(note).body))

/** A checkpoint under the trusted key is one that this key has signed, whatever stands around it. */
export const signedCheckpointTarget: Target = {
  name: 'signed-checkpoint',
  words,
  seeds: () => notes,
  run: (input) =>
    endingLater(
      () => openCheckpoint(input, parseVkey(signer.vkey), nodePrimitives),
      (checkpoint) => {
        demand(bodies.has(formatCheckpoint(checkpoint)), 'a checkpoint was believed that nobody signed')
      },
      ['NOTE_INVALID'],
    ),
}

export const checkpointTarget: Target = {
  name: 'checkpoint',
  words,
  seeds: () => [...bodies].map(bytesOf),
  run: (input) =>
    ending(
      () => parseCheckpoint(fromUtf8(input)),
      (checkpoint) => {
        const written = bytesOf(formatCheckpoint(checkpoint))
        demand(sameBytes(written, input), 'a checkpoint was read that is written otherwise')
      },
      ['NOTE_INVALID', 'VALUE_INVALID'],
    ),
}

export const vkeyTarget: Target = {
  name: 'vkey',
  words,
  seeds: () => [signer, other].flatMap(({ vkey }) => [bytesOf(vkey), bytesOf(`${vkey}\n`)]),
  run: (input) =>
    endingLater(
      async () => {
        const vkey = parseVkey(fromUtf8(input))
        const { name, publicKey, keyId } = vkey
        const line = bytesOf(formatVkey(name, publicKey, keyId))
        const isSame = sameBytes(line, input) || sameBytes(Buffer.concat([line, bytesOf('\n')]), input)
        demand(isSame, 'a key was read that is written otherwise')
        await checkVkey(vkey, nodePrimitives)
      },
      () => undefined,
      ['KEY_INVALID', 'VALUE_INVALID'],
    ),
}
