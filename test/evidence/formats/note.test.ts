import fc from 'fast-check'
import { sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { KernelError } from '../../../src/base/errors.ts'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { webPrimitives } from '../../../src/base/primitives.ts'
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
} from '../../../src/evidence/ledger/note.ts'
import { guards } from '../../guards.ts'
import { aSigner, signedCheckpoint } from '../receipt/a-log.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../../../spec/vectors/signed-note.json', import.meta.url), 'utf8'),
) as { readonly vkey: string; readonly text: string; readonly note: string; readonly checkpoint: string }

const noteInvalid = expect.objectContaining({ code: 'NOTE_INVALID' }) as object
const keyInvalid = expect.objectContaining({ code: 'KEY_INVALID' }) as object

describe('a verifier key', () => {
  guards('LED-10', 'LED-16')

  test('of the Go example is read, checked and written back', async () => {
    const key = parseVkey(vectors.vkey)
    await checkVkey(key, webPrimitives)
    expect(key.name).toBe('PeterNeumann')
    expect(formatVkey(key.name, key.publicKey, key.keyId)).toBe(vectors.vkey)
    expect(parseVkey(`${vectors.vkey}\n`)).toEqual(key)
  })

  test('with any character changed is none', async () => {
    for (let at = 0; at < vectors.vkey.length; at++) {
      const letter = vectors.vkey[at] === 'x' ? 'y' : 'x'
      const text = vectors.vkey.slice(0, at) + letter + vectors.vkey.slice(at + 1)
      await expect((async () => checkVkey(parseVkey(text), nodePrimitives))()).rejects.toEqual(keyInvalid)
    }
  })

  test.each([
    '',
    'x',
    '++',
    'a+00000000+',
    'a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    `${vectors.vkey}\n\n`,
  ])('%j is none', (text) => {
    expect(() => parseVkey(text)).toThrow(keyInvalid)
  })

  test('has a name without spaces or plus', () => {
    for (const name of ['', 'a b', 'a+b', 'a\u00a0b', 'a\nb']) {
      expect(() => formatVkey(name, new Uint8Array(32), new Uint8Array(4))).toThrow(keyInvalid)
    }
  })
})

describe('a signed note', () => {
  guards('LED-10', 'LED-16')

  test('of the Go example is read and its signature holds', async () => {
    const { body, signatures } = parseNote(Buffer.from(vectors.note))
    expect(body).toBe(vectors.text)
    const key = parseVkey(vectors.vkey)
    const [own] = signatures
    expect(own).toMatchObject({ name: key.name, keyId: key.keyId })
    const signature = own?.signature ?? new Uint8Array()
    for (const primitives of [nodePrimitives, webPrimitives]) {
      expect(await primitives.verifyEd25519(key.publicKey, Buffer.from(body), signature)).toBe(true)
      expect(await primitives.verifyEd25519(key.publicKey, Buffer.from(`${body} `), signature)).toBe(false)
    }
    const line = formatSignatureLine(key.name, key.keyId, signature)
    expect(Buffer.from(formatNote(body, [line])).toString()).toBe(vectors.note)
    await expect(openCheckpoint(Buffer.from(vectors.note), key, webPrimitives)).rejects.toEqual(noteInvalid)
  })

  test('of the tlog-checkpoint example is read and written back', () => {
    const { body, signatures } = parseNote(Buffer.from(vectors.checkpoint))
    const checkpoint = parseCheckpoint(body)
    expect(checkpoint).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163 })
    expect(formatCheckpoint(checkpoint)).toBe(body)
    const lines = signatures.map(({ name, keyId, signature }) => formatSignatureLine(name, keyId, signature))
    expect(Buffer.from(formatNote(body, lines)).toString()).toBe(vectors.checkpoint)
  })

  test.each([
    ['nothing', ''],
    ['no signature', 'text\n'],
    ['an empty signature block', 'text\n\n'],
    ['no final newline', vectors.note.slice(0, -1)],
    ['a carriage return', vectors.note.replace('\n', '\r\n')],
    ['a hyphen for the dash', vectors.note.replace('—', '-')],
    ['two spaces', vectors.note.replace('— ', '—  ')],
    ['bad base64', vectors.note.replace('AM=', 'AM')],
    ['base64 in another spelling', vectors.note.replace('AM=', 'AN=')],
    ['a signature of nothing', 'text\n\n— name AAAAAA==\n'],
    ['too many signatures', `text\n\n${'— name AAAAAAA=\n'.repeat(17)}`],
  ])('with %s is none', (_what, text) => {
    expect(() => parseNote(Buffer.from(text))).toThrow(noteInvalid)
  })

  test('may be of 16 signatures, and only of UTF-8', () => {
    expect(parseNote(Buffer.from(`text\n\n${'— name AAAAAAA=\n'.repeat(16)}`)).signatures).toHaveLength(16)
    expect(() => parseNote(Buffer.concat([Buffer.of(0xff), Buffer.from(vectors.note)]))).toThrow(noteInvalid)
    expect(() => parseNote(new Uint8Array(2_000_000))).toThrow(noteInvalid)
  })
})

describe('a checkpoint', () => {
  guards('LED-04', 'LED-10', 'LED-16')

  const signer = aSigner()
  const key = parseVkey(signer.vkey)
  const root = Buffer.alloc(32, 7)
  const note = Buffer.from(signedCheckpoint(signer, 42, root))

  test('is read back as it was written', () => {
    fc.assert(
      fc.property(
        fc.record({
          origin: fc.string({ minLength: 1 }).filter((name) => /^[^\p{Z}\p{Cc}+]+$/u.test(name)),
          size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
          root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        }),
        (checkpoint) => {
          expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint)
        },
      ),
    )
  })

  const body = formatCheckpoint({ origin: 'o', size: 42, root })
  test.each([
    ['leading zeros', body.replace('42', '042')],
    ['a sign', body.replace('42', '+42')],
    ['a size beyond 2^53', body.replace('42', '9007199254740992')],
    ['no size', body.replace('42', '')],
    ['a short root', body.replace(/\n[^\n]+\n$/, '\nAAAA\n')],
    ['an extension line', `${body}extension\n`],
    ['no final newline', body.slice(0, -1)],
    ['an empty origin', body.slice(1)],
    ['an origin with a space', `o ${body}`],
    ['nothing', ''],
  ])('with %s is none', (_what, text) => {
    expect(() => parseCheckpoint(text)).toThrow(noteInvalid)
  })

  test('opens under its key, also with cosignatures of others', async () => {
    const cosigned = Buffer.concat([note, Buffer.from('— witness.example AAAAAAECAwQ=\n')])
    for (const primitives of [nodePrimitives, webPrimitives]) {
      expect(await openCheckpoint(note, key, primitives)).toEqual({
        origin: signer.origin,
        size: 42,
        root: new Uint8Array(root),
      })
      expect(await openCheckpoint(cosigned, key, primitives)).toMatchObject({ size: 42 })
    }
  })

  test('opens under no other key, origin or key id', async () => {
    const other = parseVkey(aSigner(signer.origin).vkey)
    await expect(openCheckpoint(note, other, nodePrimitives)).rejects.toEqual(noteInvalid)
    await expect(openCheckpoint(note, { ...other, keyId: key.keyId }, nodePrimitives)).rejects.toEqual(keyInvalid)
    const elsewhere = aSigner('kestrel.local/elsewhere')
    const signature = sign(
      null,
      Buffer.from(formatCheckpoint({ origin: signer.origin, size: 42, root })),
      elsewhere.log,
    )
    const line = formatSignatureLine(elsewhere.origin, elsewhere.keyId, signature)
    const usurped = formatNote(formatCheckpoint({ origin: signer.origin, size: 42, root }), [line])
    await expect(openCheckpoint(usurped, parseVkey(elsewhere.vkey), nodePrimitives)).rejects.toEqual(
      expect.objectContaining({ message: expect.stringContaining('origin') as string }),
    )
  })

  test('with a true and a false signature of its key is refused whole', async () => {
    const line = formatSignatureLine(signer.origin, signer.keyId, new Uint8Array(64))
    const both = Buffer.concat([note, Buffer.from(line)])
    await expect(openCheckpoint(both, key, nodePrimitives)).rejects.toEqual(noteInvalid)
  })

  test('any flipped bit is a named error', async () => {
    for (let bit = 0; bit < note.length * 8; bit++) {
      const bytes = Buffer.from(note)
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
      const error: unknown = await openCheckpoint(bytes, key, nodePrimitives).then(
        () => undefined,
        (cause: unknown) => cause,
      )
      expect(error, `bit ${bit}`).toBeInstanceOf(KernelError)
      expect(error).toEqual(noteInvalid)
    }
  })
})
