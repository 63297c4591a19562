import { createHash } from 'node:crypto'
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pooledRandom } from '../../src/base/random.ts'
import { openVault, type Payload, type Vault } from '../../src/evidence/vault/index.ts'
import { decodeHead, payloadAt } from '../../src/evidence/vault/record.ts'
import { guards } from '../guards.ts'

const random = pooledRandom()
const noon = Date.UTC(2026, 4, 17, 12)
const hour = 3_600_000

interface Shelf {
  readonly directory: string
  /** Today's file of class `internal`. */
  readonly file: string
  now: number
  open(key?: Uint8Array): Vault
  [Symbol.dispose](): void
}

function aShelf(): Shelf {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-vault-'))
  const directory = join(root, 'vault')
  const shelf: Shelf = {
    directory,
    file: join(directory, 'internal', '2026-05-17'),
    now: noon,
    open: (key = Buffer.alloc(32, 1)) => {
      const clock = { now: () => shelf.now, monotonicMs: () => 0 }
      return openVault({ directory, key, clock, random })
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
  return shelf
}

function payload(text: string | Uint8Array): Payload {
  return { salt: random(16), bytes: Buffer.from(text) }
}

function commitmentOf({ salt, bytes }: Payload): string {
  return createHash('sha256').update(salt).update(bytes).digest('hex')
}

async function text(vault: Vault, kept: Payload, timeMs = noon, sensitivity = 'internal'): Promise<string> {
  return Buffer.from((await vault.get(commitmentOf(kept), { class: sensitivity, timeMs })).bytes).toString()
}

describe('the vault', () => {
  test('gives back what was put, before and after it is written, and after a restart', async () => {
    using shelf = aShelf()
    const vault = shelf.open()
    const kept = Array.from({ length: 3000 }, (_, n) => payload(`payload ${n}`))
    vault.put('internal', ...kept.slice(0, 2500))
    expect(vault.hasUnwritten).toBe(true)
    expect(await text(vault, kept[7] as Payload)).toBe('payload 7')
    for (const one of kept.slice(2500)) {
      vault.put('internal', one)
      vault.write()
    }
    await vault.sync()
    expect(vault.hasUnwritten).toBe(false)
    await vault.close()
    const again = shelf.open()
    for (const n of [0, 1023, 1024, 2499, 2500, 2999, 3])
      expect(await text(again, kept[n] as Payload)).toBe(`payload ${n}`)
    again.put('internal', payload('more'))
    await again.close()
    expect(() => again.put('internal', payload('late'))).toThrow(/closed/)
  })

  test('keeps classes and days apart, and finds what was put a moment before midnight', async () => {
    using shelf = aShelf()
    const vault = shelf.open()
    const classes = ['internal', 'Sensitive', 'sensitive', '../../etc', 'a/b', '⚕', 'x'.repeat(300), '=']
    const kept = classes.map((name) => ({ name, payload: payload(name) }))
    for (const one of kept) vault.put(one.name, one.payload)
    vault.write()
    for (const one of kept) expect(await text(vault, one.payload, noon, one.name)).toBe(one.name)
    const [first] = kept
    await expect(text(vault, first?.payload as Payload, noon, 'sensitive')).rejects.toMatchObject({
      code: 'VAULT_NOT_FOUND',
    })
    expect(new Set(readdirSync(shelf.directory).map((name) => name.toLowerCase())).size).toBe(classes.length)
    shelf.now = noon + 12 * hour - 1
    const late = payload('late')
    vault.put('internal', late)
    shelf.now += 2
    const early = payload('early')
    vault.put('internal', early)
    await vault.sync()
    expect(await text(vault, late, shelf.now)).toBe('late')
    expect(await text(vault, early, shelf.now - 2)).toBe('early')
    await expect(text(vault, late, noon + 100 * hour)).rejects.toMatchObject({ code: 'VAULT_NOT_FOUND' })
    await vault.close()
  })

  test('keeps what is large', async () => {
    using shelf = aShelf()
    const vault = shelf.open()
    const large = [payload(Buffer.alloc(5_000_000, 'a')), payload(Buffer.alloc(900_000, 'b')), payload('')]
    vault.put('internal', ...large)
    await vault.close()
    const again = shelf.open()
    for (const one of large) expect((await text(again, one)).length).toBe(one.bytes.length)
    await again.close()
  })

  test('a torn last record costs only itself', async () => {
    using shelf = aShelf()
    const one = payload('one')
    const two = payload('two '.repeat(50))
    const vault = shelf.open()
    vault.put('internal', one)
    vault.write()
    const whole = statSync(shelf.file).size
    vault.put('internal', two)
    await vault.close()
    const bytes = readFileSync(shelf.file)
    for (let length = whole; length < bytes.length; length += 7) {
      writeFileSync(shelf.file, bytes.subarray(0, length))
      const again = shelf.open()
      expect(await text(again, one)).toBe('one')
      await expect(text(again, two)).rejects.toMatchObject({ code: 'VAULT_NOT_FOUND' })
      const three = payload('three')
      again.put('internal', three)
      again.write()
      expect([await text(again, one), await text(again, three)]).toEqual(['one', 'three'])
      await again.close()
    }
  })

  test('damage is told, and costs no other record', async () => {
    using shelf = aShelf()
    const vault = shelf.open()
    const kept = ['one', 'two', 'three'].map(payload)
    for (const one of kept) {
      vault.put('internal', one)
      vault.write()
    }
    await vault.close()
    const bytes = readFileSync(shelf.file)
    const second = decodeHead(bytes)
    const start = (second?.headBytes ?? 0) + (second?.sealedBytes ?? 0)
    for (let at = start; at < 2 * start; at++) {
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] as number) ^ 4
      writeFileSync(shelf.file, flipped)
      const again = shelf.open()
      expect(await text(again, kept[0] as Payload)).toBe('one')
      await expect(text(again, kept[1] as Payload)).rejects.toMatchObject({
        code: expect.stringMatching(/^(SEAL_INVALID|VAULT_NOT_FOUND)$/),
      })
      expect(await text(again, kept[2] as Payload)).toBe('three')
      await again.close()
    }
    writeFileSync(
      shelf.file,
      Buffer.concat([bytes.subarray(start, 2 * start), bytes.subarray(0, start), bytes.subarray(2 * start)]),
    )
    await expect(text(shelf.open(), kept[1] as Payload)).rejects.toMatchObject({ code: 'SEAL_INVALID' })
  })

  test('without its key nothing opens; without the day key nothing is there', async () => {
    using shelf = aShelf()
    const vault = shelf.open()
    const one = payload('one')
    vault.put('internal', one)
    await vault.close()
    expect(() => shelf.open(Buffer.alloc(32, 2))).toThrow(/`vault.key` opens none of/)
    const dayKey = `${shelf.file}.key`
    const sealed = readFileSync(dayKey)
    const open = shelf.open()
    truncateSync(dayKey, 10)
    await expect(text(open, one)).rejects.toMatchObject({ code: 'SEAL_INVALID' })
    expect(() => shelf.open()).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }))
    rmSync(dayKey)
    await expect(text(shelf.open(), one)).rejects.toMatchObject({ code: 'VAULT_NOT_FOUND' })
    writeFileSync(dayKey, sealed, { mode: 0o600 })
    expect(await text(shelf.open(), one)).toBe('one')
  })

  test('a folder that cannot be written fails closed', async () => {
    using shelf = aShelf()
    const vault = shelf.open()
    writeFileSync(join(shelf.directory, 'internal'), 'in the way')
    vault.put('internal', payload('one'))
    expect(() => vault.write()).toThrow(expect.objectContaining({ code: 'VAULT_UNWRITABLE' }))
    expect(() => vault.put('other', payload('two'))).toThrow(/vault cannot be written/)
    await expect(vault.sync()).rejects.toMatchObject({ code: 'VAULT_UNWRITABLE' })
    await vault.close()
  })

  test('any bytes in its files have an answer', async () => {
    using shelf = aShelf()
    const vault = shelf.open()
    const one = payload('one')
    vault.put('internal', one)
    await vault.close()
    const bytes = readFileSync(shelf.file)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => {
        writeFileSync(shelf.file, Buffer.concat([Buffer.from('KVR1'), noise]))
        await expect(text(shelf.open(), one)).rejects.toMatchObject({ code: 'VAULT_NOT_FOUND' })
        writeFileSync(shelf.file, bytes)
        appendFileSync(shelf.file, Buffer.concat([Buffer.from('KVR1'), noise]))
        expect(await text(shelf.open(), one)).toBe('one')
        expect(() => payloadAt(noise, 3)).toThrow(/do not open|./)
      }),
    )
  })
})

describe('what lies on the disk', () => {
  guards('LED-09', 'KEY-01')

  test('holds no payload and no key in the open, and is for its owner only', async () => {
    using shelf = aShelf()
    const canary = 'canary-5d41402abc4b2a76b9719d911017c592'
    const vault = shelf.open(Buffer.from(canary.slice(0, 32)))
    const kept = payload(`{"password":"${canary}"}`)
    vault.put('internal', kept)
    await vault.close()
    const paths = readdirSync(shelf.directory, { recursive: true, withFileTypes: true })
    for (const item of paths) {
      const path = join(item.parentPath, item.name)
      expect([path, statSync(path).mode & 0o077]).toEqual([path, 0])
      if (!item.isFile()) continue
      const bytes = readFileSync(path)
      expect(bytes.includes(canary.slice(0, 16))).toBe(false)
      expect(bytes.includes(Buffer.from(kept.salt))).toBe(false)
    }
    expect(await text(shelf.open(Buffer.from(canary.slice(0, 32))), kept)).toContain(canary)
  })
})
