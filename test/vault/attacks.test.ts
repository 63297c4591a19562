import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Clock } from '../../src/base/clock.ts'
import { isKernelError } from '../../src/base/errors.ts'
import { pooledRandom } from '../../src/base/random.ts'
import { openVault, type Payload, type Vault } from '../../src/evidence/vault/index.ts'
import { guards } from '../guards.ts'
import { canary } from '../world.ts'

/** FORMATS, "Commitment". */
const commitmentOf = ({ salt, bytes }: Payload): string => createHash('sha256').update(salt).update(bytes).digest('hex')

const random = pooledRandom()
const key = random(32)
const payload = (text: string): Payload => ({ salt: random(16), bytes: Buffer.from(text) })

let directory: string
let nowMs: number
const clock: Clock = { now: () => nowMs, monotonicMs: () => nowMs }

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kestrel-vault-'))
  nowMs = Date.parse('2026-03-01T12:00:00Z')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const open = (withKey: Uint8Array = key): Vault => openVault({ directory, key: withKey, clock, random })
const files = (): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
const sealedFile = (): string => files().find((name) => !name.endsWith('.key')) as string

describe('the vault', () => {
  guards('LED-09', 'KEY-01', 'LED-16')

  test('gives back what was put, also after a restart and after midnight', async () => {
    const kept = Array.from({ length: 50 }, (_, i) => payload(`payload ${i}`))
    let vault = open()
    for (const [index, each] of kept.entries()) {
      vault.put(index % 2 === 0 ? 'internal' : 'secret', each)
      if (index % 7 === 0) vault.write()
    }
    await vault.close()
    nowMs += 86_400_000
    vault = open()
    for (const [index, each] of kept.entries()) {
      const found = await vault.get(commitmentOf(each), {
        class: index % 2 === 0 ? 'internal' : 'secret',
        timeMs: nowMs,
      })
      expect(found.bytes).toEqual(each.bytes)
      expect(Buffer.from(found.salt)).toEqual(Buffer.from(each.salt))
    }
    await vault.close()
  })

  test('shows nothing to whoever has no key, and closes its files to others', async () => {
    const secret = payload(canary)
    const vault = open()
    vault.put('internal', secret)
    await vault.close()
    for (const file of files()) {
      expect(readFileSync(file).includes(canary)).toBe(false)
      expect(statSync(file).mode & 0o077).toBe(0)
    }
    expect(() => open(random(32))).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }))
  })

  test('says what it does not hold', async () => {
    const where = { class: 'internal', timeMs: nowMs }
    await expect(open().get('00'.repeat(32), where)).rejects.toMatchObject({ code: 'VAULT_NOT_FOUND' })
    const vault = open()
    vault.put('internal', payload('a'))
    vault.write()
    await expect(vault.get('00'.repeat(32), where)).rejects.toMatchObject({ code: 'VAULT_NOT_FOUND' })
    await vault.close()
  })

  test('names every alteration and never returns other bytes', async () => {
    const kept = [payload('one'), payload('two'), payload('three')]
    const vault = open()
    for (const each of kept) {
      vault.put('internal', each)
      vault.write()
    }
    await vault.close()
    const whole = readFileSync(sealedFile())
    const where = { class: 'internal', timeMs: nowMs }
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length * 8 - 1), async (bit) => {
        const altered = Uint8Array.from(whole)
        altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7))
        writeFileSync(sealedFile(), altered)
        for (const each of kept) {
          try {
            expect((await open().get(commitmentOf(each), where)).bytes).toEqual(each.bytes)
          } catch (error) {
            if (!isKernelError(error, 'SEAL_INVALID') && !isKernelError(error, 'VAULT_NOT_FOUND')) throw error
          }
        }
      }),
    )
  })

  test('a batch moved to another place does not open', async () => {
    const [one, two] = [payload('same length 1'), payload('same length 2')]
    const vault = open()
    vault.put('internal', one)
    vault.write()
    vault.put('internal', two)
    await vault.close()
    const whole = readFileSync(sealedFile())
    const half = whole.length / 2
    writeFileSync(sealedFile(), Buffer.concat([whole.subarray(half), whole.subarray(0, half)]))
    const where = { class: 'internal', timeMs: nowMs }
    await expect(open().get(commitmentOf(one), where)).rejects.toMatchObject({ code: 'SEAL_INVALID' })
    cpSync(join(directory, 'internal'), join(directory, 'public'), { recursive: true })
    await expect(open().get(commitmentOf(one), { ...where, class: 'public' })).rejects.toMatchObject({
      code: 'SEAL_INVALID',
    })
  })

  test('a batch that a crash has cut is dropped, and the next one follows the last whole one', async () => {
    const [one, two, three] = [payload('one'), payload('two'), payload('three')]
    const first = open()
    first.put('internal', one)
    first.write()
    first.put('internal', two)
    await first.close()
    truncateSync(sealedFile(), statSync(sealedFile()).size - 8)
    const second = open()
    second.put('internal', three)
    await second.close()
    const where = { class: 'internal', timeMs: nowMs }
    const vault = open()
    expect((await vault.get(commitmentOf(one), where)).bytes).toEqual(one.bytes)
    expect((await vault.get(commitmentOf(three), where)).bytes).toEqual(three.bytes)
    const gone = { code: expect.stringMatching(/^(VAULT_NOT_FOUND|SEAL_INVALID)$/) as string }
    await expect(vault.get(commitmentOf(two), where)).rejects.toMatchObject(gone)
  })
})
