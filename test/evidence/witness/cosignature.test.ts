import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { webPrimitives } from '../../../src/base/primitives.ts'
import {
  formatNote,
  formatSignatureLine,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVkey,
  signatureTypes,
  type NoteSignature,
} from '../../../src/evidence/ledger/note.ts'
import {
  formatCosignature,
  openCosignature,
  readWitnessKey,
  timestampOf,
} from '../../../src/evidence/witness/cosignature.ts'
import { readWitnessSigner } from '../../../src/evidence/witness/index.ts'
import { guards } from '../../guards.ts'
import { aWitnessKey } from './a-witness.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/cosignature.json', import.meta.url), 'utf8'),
) as {
  readonly logVkey: string
  readonly witnessKeyFile: string
  readonly witnessVkey: string
  readonly text: string
  readonly note: string
  readonly noteWithExtension: string
}
const noteInvalid = expect.objectContaining({ code: 'NOTE_INVALID' }) as object
const keyInvalid = expect.objectContaining({ code: 'KEY_INVALID' }) as object

function lineOf(note: string): { body: string; line: NoteSignature } {
  const { body, signatures } = parseNote(Buffer.from(note))
  return { body, line: signatures[1] as NoteSignature }
}

describe('a cosignature of another implementation', () => {
  guards('LED-05', 'LED-10', 'LED-16')

  test.each(['note', 'noteWithExtension'] as const)('verifies and is written back: %s', async (name) => {
    const { body, line } = lineOf(vectors[name])
    const witness = await readWitnessKey(vectors.witnessVkey, webPrimitives)
    for (const primitives of [nodePrimitives, webPrimitives]) {
      expect(await openCosignature(line, body, witness, primitives)).toBe(timestampOf(line))
      await expect(openCosignature(line, `${body}x\n`, witness, primitives)).rejects.toEqual(noteInvalid)
    }
    const own = readWitnessSigner(vectors.witnessKeyFile)
    expect(own.vkey).toBe(vectors.witnessVkey)
    // Ed25519 has one signature of a message, so that ours is theirs
    expect(vectors[name].endsWith(own.cosign(body, timestampOf(line)))).toBe(true)
  })

  test('does not keep the log from verifying, which takes no extension lines', async () => {
    const key = parseVkey(vectors.logVkey)
    expect(await openCheckpoint(Buffer.from(vectors.note), key, webPrimitives)).toMatchObject({ size: 123 })
    await expect(openCheckpoint(Buffer.from(vectors.noteWithExtension), key, webPrimitives)).rejects.toEqual(
      noteInvalid,
    )
    expect(parseCheckpoint(`${vectors.text}one\ntwo\n`, 'taken')).toMatchObject({ size: 123 })
    for (const bad of [
      `${vectors.text}\n`,
      `${vectors.text}one\n\n`,
      `${vectors.text}one`,
      vectors.text.slice(0, -1),
    ]) {
      expect(() => parseCheckpoint(bad, 'taken')).toThrow(noteInvalid)
    }
  })
})

describe('a cosignature', () => {
  guards('LED-04', 'LED-10', 'LED-16')

  const signer = aWitnessKey()
  const { body } = parseNote(Buffer.from(vectors.note))
  const parsed = (line: string): NoteSignature => parseNote(formatNote(body, [line])).signatures[0] as NoteSignature
  const line = signer.cosign(body, 1_800_000_000)

  test('with any bit flipped is refused', async () => {
    const { signature } = parsed(line)
    for (let bit = 0; bit < signature.length * 8; bit++) {
      const flipped = Uint8Array.from(signature)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      const changed = { ...parsed(line), signature: flipped }
      await expect(openCosignature(changed, body, signer.key, nodePrimitives), `bit ${bit}`).rejects.toEqual(
        noteInvalid,
      )
    }
  })

  test.each([
    ['a log signature', (bytes: Uint8Array) => bytes.slice(8)],
    ['a byte more', (bytes: Uint8Array) => Uint8Array.of(...bytes, 0)],
    ['no time', (bytes: Uint8Array) => Uint8Array.of(...new Uint8Array(8), ...bytes.slice(8))],
    ['a time beyond 2^53', (bytes: Uint8Array) => Uint8Array.of(0, 32, 0, 0, 0, 0, 0, 0, ...bytes.slice(8))],
    [
      'a time beyond 2^63',
      (bytes: Uint8Array) => Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, ...bytes.slice(8)),
    ],
  ])('with %s is none', (_what, change) => {
    const { name, keyId, signature } = parsed(line)
    const changed = parsed(formatSignatureLine(name, keyId, change(signature)))
    expect(() => timestampOf(changed)).toThrow(noteInvalid)
  })

  test.each([0, -1, 1.5, Number.NaN, 2 ** 53])('is not written with the time %d', (timestamp) => {
    expect(() => formatCosignature(signer.key, timestamp, new Uint8Array(64))).toThrow(noteInvalid)
  })

  test('needs the key of a witness, and a log that of a log', async () => {
    await expect(readWitnessKey(vectors.logVkey, nodePrimitives)).rejects.toEqual(keyInvalid)
    expect(() => parseVkey(vectors.witnessVkey)).toThrow(keyInvalid)
    const mistyped = vectors.witnessVkey.replace('witness.example', 'witness.example2')
    await expect(readWitnessKey(mistyped, nodePrimitives)).rejects.toEqual(keyInvalid)
    expect(parseVkey(vectors.witnessVkey, signatureTypes.cosignature).type).toBe(0x04)
  })

  test.each([
    ['nothing', ''],
    ['no newline', vectors.witnessKeyFile.trimEnd()],
    ['two lines', `${vectors.witnessKeyFile}x\n`],
    ['another id', vectors.witnessKeyFile.replace('+6c2cc812+', '+6c2cc813+')],
    ['another name', vectors.witnessKeyFile.replace('w1', 'w2')],
    ['a log key', vectors.witnessKeyFile.replace('+BGVm', '+AWVm')],
  ])('a key file with %s is refused, and the error repeats nothing of it', (_what, text) => {
    expect(() => readWitnessSigner(text)).toThrow(keyInvalid)
    expect(() => readWitnessSigner(text)).not.toThrow(/BGVm|AWVm|bXl6/)
  })
})
