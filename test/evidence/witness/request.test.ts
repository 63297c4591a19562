import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRefusal } from '../../../src/evidence/witness/index.ts'
import { formatAddCheckpoint, parseAddCheckpoint } from '../../../src/evidence/witness/request.ts'
import { guards } from '../../guards.ts'

const hash = Buffer.alloc(32, 9).toString('base64')

describe('a request to a witness', () => {
  guards('LED-10', 'LED-16')

  test('is read back as it was written', () => {
    const request = fc.record({
      oldSize: fc.maxSafeNat(),
      proof: fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 }),
      checkpoint: fc.uint8Array(),
    })
    fc.assert(
      fc.property(request, (sent) => {
        expect(parseAddCheckpoint(formatAddCheckpoint(sent))).toEqual(sent)
      }),
    )
  })

  test('has the form of c2sp.org/tlog-witness', () => {
    const text = `old 20852014\n${hash}\n${hash}\n\nexample.com/log\n`
    const proof = [new Uint8Array(32).fill(9), new Uint8Array(32).fill(9)]
    const checkpoint = Uint8Array.from(Buffer.from('example.com/log\n'))
    expect(parseAddCheckpoint(Buffer.from(text))).toMatchObject({ oldSize: 20_852_014, proof })
    expect(Buffer.from(formatAddCheckpoint({ oldSize: 20_852_014, proof, checkpoint })).toString()).toBe(text)
  })

  test.each([
    ['nothing', ''],
    ['no size', `\n\ncheckpoint`],
    ['a size with zeros in front', 'old 01\n\ncheckpoint'],
    ['a negative size', 'old -1\n\ncheckpoint'],
    ['a size beyond 2^53', 'old 9007199254740992\n\ncheckpoint'],
    ['two spaces', 'old  1\n\ncheckpoint'],
    ['a carriage return', 'old 1\r\n\r\ncheckpoint'],
    ['no empty line', `old 1\n${hash}\ncheckpoint`],
    ['a proof line that is too short', `old 1\n${hash.slice(4)}\n\ncheckpoint`],
    ['base64 in another spelling', `old 1\n${hash.slice(0, -2)}l=\n\ncheckpoint`],
    ['64 proof lines', `old 1\n${`${hash}\n`.repeat(64)}\ncheckpoint`],
    ['a line without an end', 'o'.repeat(100_000)],
  ])('with %s is none', (_what, text) => {
    expect(parseAddCheckpoint(Buffer.from(text))).toMatchObject({ status: 400 })
  })

  test('may have 63 proof lines', () => {
    const found = parseAddCheckpoint(Buffer.from(`old 1\n${`${hash}\n`.repeat(63)}\n`))
    expect(isRefusal(found)).toBe(false)
  })

  test('any bytes are a request or refused', () => {
    const line = fc.constantFrom('old 1', 'old 0', hash, '', 'old', '\u2014 x AAAA')
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(line).map((lines) => Buffer.from(lines.join('\n'))),
    )
    fc.assert(
      fc.property(hostile, (bytes) => {
        const found = parseAddCheckpoint(bytes)
        if (!isRefusal(found)) expect(Buffer.from(formatAddCheckpoint(found))).toEqual(Buffer.from(bytes))
      }),
      { numRuns: 500 },
    )
  })
})
