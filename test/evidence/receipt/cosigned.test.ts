import { describe, expect, test } from 'vitest'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { defaultPrimitives, webPrimitives, type Primitives } from '../../../src/base/primitives.ts'
import { parseNote } from '../../../src/evidence/ledger/note.ts'
import {
  buildReceipt,
  cosignatureProblems,
  verifyLog,
  verifyReceipt,
  type Verification,
} from '../../../src/evidence/receipt/index.ts'
import { guards } from '../../guards.ts'
import { aWitnessKey } from '../witness/a-witness.ts'
import { aLog, aSigner, signedCheckpoint, treeHash, ALog } from './a-log.ts'

const signer = aSigner()
const plain = aLog(signer, 300)
const { body } = parseNote(plain.file('checkpoint'))
const one = aWitnessKey('witness.example/w1', 1)
const two = aWitnessKey('witness.example/w2', 2)
const all = [one.vkey, two.vkey]

function withLines(...lines: readonly string[]): ALog {
  const log = plain.copy()
  log.files.set('checkpoint', Buffer.concat([plain.file('checkpoint'), Buffer.from(lines.join(''))]))
  return log
}

function verify(
  log: ALog,
  witnesses: readonly string[],
  primitives: Primitives = nodePrimitives,
): Promise<Verification> {
  return verifyLog(log, { vkey: signer.vkey, witnesses, primitives })
}

const codes = ({ problems }: Verification): string[] => problems.map(({ code }) => code)

describe('a log whose checkpoint others cosigned', () => {
  guards('LED-01', 'LED-04')

  const both = withLines(one.cosign(body, 1_800_000_000), two.cosign(body, 1_800_000_005))

  test('says which of the named witnesses did, and when', async () => {
    for (const primitives of [nodePrimitives, webPrimitives]) {
      const found = await verify(both, all, primitives)
      expect(found).toMatchObject({ ok: true, uncheckedSignatures: [] })
      expect(found.witnessed).toEqual([
        { name: 'witness.example/w1', timestamp: 1_800_000_000 },
        { name: 'witness.example/w2', timestamp: 1_800_000_005 },
      ])
    }
  })

  test('counts as nothing what nobody asked to check', async () => {
    const found = await verify(both, [two.vkey])
    const [name, id] = one.vkey.split('+')
    expect(found).toMatchObject({
      ok: true,
      witnessed: [{ name: two.key.name }],
      uncheckedSignatures: [`${name}+${id}`],
    })
    expect(await verify(both, [])).toMatchObject({ ok: true, witnessed: [] })
    expect((await verify(both, [])).uncheckedSignatures).toHaveLength(2)
    expect(await verify(plain, [])).toMatchObject({ ok: true, witnessed: [], uncheckedSignatures: [] })
  })

  test('lacks the cosignature of a witness that was named', async () => {
    expect(codes(await verify(plain, all))).toEqual(['cosignature_missing', 'cosignature_missing'])
    expect(codes(await verify(withLines(one.cosign(body, 5)), all))).toEqual(['cosignature_missing'])
    const namesake = aWitnessKey('witness.example/w1', 9)
    expect(codes(await verify(withLines(namesake.cosign(body, 5)), [one.vkey]))).toEqual(['cosignature_missing'])
  })

  test('has a false one: of another text, time or length', async () => {
    const other = one.cosign(body.replace('\n300\n', '\n299\n'), 5)
    expect(codes(await verify(withLines(other), [one.vkey]))).toEqual(['cosignature_invalid'])
    const [dash, name, encoded = ''] = one.cosign(body, 5).split(' ')
    const short = `${dash} ${name} ${Buffer.from(encoded, 'base64').subarray(0, 60).toString('base64')}\n`
    expect(codes(await verify(withLines(short), [one.vkey]))).toEqual(['cosignature_invalid'])
    // a false line is not made good by a true one, in either order
    expect(codes(await verify(withLines(other, one.cosign(body, 5)), [one.vkey]))).toEqual(['cosignature_invalid'])
    expect(codes(await verify(withLines(one.cosign(body, 5), other), [one.vkey]))).toEqual(['cosignature_invalid'])
  })

  test('may be cosigned by one witness twice: the later time counts', async () => {
    const found = await verify(withLines(one.cosign(body, 9), one.cosign(body, 5)), [one.vkey])
    expect(found).toMatchObject({ ok: true, witnessed: [{ timestamp: 9 }] })
  })

  test('needs the key of a witness', async () => {
    for (const bad of ['x', signer.vkey, one.vkey.replace('w1', 'w3')]) {
      await expect(verify(both, [bad])).rejects.toMatchObject({ code: 'KEY_INVALID' })
    }
  })
})

describe('a receipt under a cosigned checkpoint', () => {
  guards('LED-04', 'LED-10')

  test('carries the cosignatures, and they are checked', async () => {
    const receipt = await buildReceipt(withLines(one.cosign(body, 7)), 280)
    const vkey = signer.vkey
    expect(await verifyReceipt(receipt, { vkey, witnesses: [one.vkey] })).toMatchObject({
      witnessed: [{ name: one.key.name, timestamp: 7 }],
      uncheckedSignatures: [],
    })
    expect(await verifyReceipt(receipt, { vkey })).toMatchObject({ witnessed: [] })
    await expect(verifyReceipt(receipt, { vkey, witnesses: all })).rejects.toMatchObject({ code: 'RECEIPT_INVALID' })
    const forged = await buildReceipt(withLines(one.cosign(`${body}x`, 7)), 280)
    await expect(verifyReceipt(forged, { vkey, witnesses: [one.vkey] })).rejects.toMatchObject({
      code: 'RECEIPT_INVALID',
    })
    const problems = await cosignatureProblems(plain.file('checkpoint'), [one.vkey])
    expect(problems).toMatchObject([{ code: 'cosignature_missing' }])
  })
})

describe('a log without entries', () => {
  guards('LED-01')

  test('is no log, though its key signed that it is empty', async () => {
    const files = new Map<string, Uint8Array>([
      ['vkey', Buffer.from(`${signer.vkey}\n`)],
      ['checkpoint', signedCheckpoint(signer, 0, treeHash([]))],
    ])
    expect(codes(await verify(new ALog(files), []))).toEqual(['entry_invalid'])
  })
})

describe('the primitives that verification takes by itself', () => {
  guards('LED-04')

  test('are those of Node in Node, and agree with WebCrypto', async () => {
    expect(defaultPrimitives.sha256(Buffer.from('abc'))).toBeInstanceOf(Uint8Array)
    const key = Buffer.from(one.key.publicKey)
    const message = Buffer.from('message')
    const signature = Buffer.alloc(64)
    for (const primitives of [nodePrimitives, webPrimitives, defaultPrimitives]) {
      expect(Buffer.from(await primitives.sha256(Buffer.from('abc'))).toString('hex')).toBe(
        'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      )
      expect(await primitives.verifyEd25519(key, message, signature)).toBe(false)
      expect(await primitives.verifyEd25519(key.subarray(1), message, signature)).toBe(false)
      expect(await primitives.verifyEd25519(key, message, signature.subarray(1))).toBe(false)
      expect(await primitives.verifyP256(key, message, signature)).toBe(false)
      expect(await primitives.verifyP256(Buffer.from(signer.agentPublicKey, 'base64'), message, signature)).toBe(false)
    }
  })

  test('keep one key apart from the next', async () => {
    const other = aSigner()
    const log = aLog(other, 3)
    for (let round = 0; round < 3; round++) {
      expect((await verifyLog(plain, { vkey: signer.vkey })).ok).toBe(true)
      expect((await verifyLog(log, { vkey: other.vkey })).ok).toBe(true)
      const swapped = log.copy()
      const [line = ''] = /\u2014[^\n]+\n/.exec(Buffer.from(plain.file('checkpoint')).toString()) ?? []
      swapped.files.set(
        'checkpoint',
        Buffer.from(
          Buffer.from(log.file('checkpoint'))
            .toString()
            .replace(/\u2014[^\n]+\n/, line),
        ),
      )
      expect((await verifyLog(swapped, { vkey: other.vkey })).ok).toBe(false)
    }
  })
})
