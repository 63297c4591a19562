import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { limits } from '../../src/base/limits.ts'
import { pooledRandom } from '../../src/base/random.ts'
import { Contents, openVault, type Kept, type Vault } from '../../src/evidence/vault/index.ts'
import { guards } from '../guards.ts'

const random = pooledRandom()
const timeMs = Date.UTC(2026, 4, 17, 12)
const place = { class: 'internal', timeMs }
const piece = limits.contentPieceBytes
let directory = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kestrel-contents-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function open(): Vault {
  return openVault({ directory, key: Buffer.alloc(32, 1), clock: { now: () => timeMs, monotonicMs: () => 0 }, random })
}

async function* cutInto(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1)
    yield bytes.subarray(at, at + size)
    at += size
  }
}

async function whole(contents: Contents, kept: Kept): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(contents.open(kept, place)))
}

describe('content of any length', () => {
  guards('UNDO-02')

  test('comes back as it was, however it was cut', async () => {
    const vault = open()
    const contents = new Contents(vault, random)
    const length = fc.oneof(fc.nat(40), fc.constantFrom(piece - 1, piece, piece + 1, 2 * piece, 2 * piece + 7))
    const sizes = fc.array(fc.constantFrom(1000, 65_536, piece - 1, piece, piece + 1, 3 * piece), { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(length, sizes, fc.nat(255), async (bytes, cuts, seed) => {
        const content = Buffer.alloc(bytes, Buffer.from([seed, 1, 2, 3, 5, 8, 13]))
        const kept = await contents.keep(cutInto(content, cuts), place)
        expect(kept.sizeBytes).toBe(bytes)
        expect((await whole(contents, kept)).equals(content)).toBe(true)
      }),
      { numRuns: 40 },
    )
    await vault.close()
  })

  test('that is equal is kept once', async () => {
    const vault = open()
    const contents = new Contents(vault, random)
    const content = Buffer.alloc(5 * piece, 7)
    for (let i = 0; i < 20; i++) await contents.keep(cutInto(content, [piece]), place)
    await vault.close()
    const [file = ''] = readdirSync(join(directory, 'internal')).filter((name) => !name.endsWith('.key'))
    expect(statSync(join(directory, 'internal', file)).size).toBeLessThan(1.1 * piece)
  })

  test('that is cut off or altered in the vault is an error, before anything of it is given', async () => {
    guards('UNDO-07')
    const vault = open()
    const contents = new Contents(vault, random)
    const kept = await contents.keep(cutInto(Buffer.from('a'.repeat(5000)), [5000]), place)
    const large = await contents.keep(cutInto(Buffer.alloc(3 * piece, 'xyz'), [piece]), place)
    await vault.close()
    const file = join(directory, 'internal', '2026-05-17')
    const bytes = readFileSync(file)
    const again = new Contents(open(), random)
    await expect(whole(again, { ...kept, sizeBytes: 4999 })).rejects.toMatchObject({ code: 'SEAL_INVALID' })
    const altered = Buffer.from(bytes)
    altered[100] = (altered[100] as number) ^ 1
    writeFileSync(file, altered)
    await expect(whole(again, kept)).rejects.toMatchObject({ code: expect.stringMatching(/SEAL_INVALID|NOT_FOUND/) })
    writeFileSync(file, bytes)
    truncateSync(file, bytes.length - piece)
    await expect(whole(again, large)).rejects.toMatchObject({ code: expect.stringMatching(/SEAL_INVALID|NOT_FOUND/) })
  })

  test('whose source fails keeps nothing that could be named', async () => {
    const contents = new Contents(open(), random)
    // oxlint-disable-next-line require-yield -- a source that fails at once
    const failing = (async function* (): AsyncGenerator<Uint8Array> {
      throw new Error('the disk is gone')
    })()
    await expect(contents.keep(failing, place)).rejects.toThrow('the disk is gone')
  })
})
