import { chmodSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodePrimitives } from '../../src/base/hash.ts'
import { createKeys, loadKeys } from '../../src/base/keys.ts'
import { webPrimitives } from '../../src/base/primitives.ts'
import { pooledRandom } from '../../src/base/random.ts'
import { seal, unseal } from '../../src/base/seal.ts'
import { guards } from '../guards.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kestrel-keys-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('the keys of a data directory', () => {
  guards('KEY-02', 'KEY-04')

  test('are found again by the name of the log, and two logs share none', () => {
    const one = createKeys(root)
    const two = createKeys(root)
    expect(one.origin).not.toBe(two.origin)
    expect(loadKeys(root, one.origin)).toMatchObject({ vkey: one.vkey, origin: one.origin })
    expect(one.vkey).toMatch(/^kestrel\.local\/[0-9a-f]{16}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/)
    expect(readdirSync(root)).toHaveLength(2)
  })

  test('are closed to everyone else', () => {
    const { directory } = createKeys(root)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600)
  })

  test.each(['log.key', 'wal.key', 'vault.key', 'agent.key'])(
    '%s with open permissions is refused with the fix',
    (name) => {
      const { directory, origin } = createKeys(root)
      const file = join(directory, name)
      chmodSync(file, 0o640)
      expect(() => loadKeys(root, origin)).toThrowError(`has mode 0640; run: chmod 0600 '${file}'`)
      chmodSync(file, 0o600)
      expect(loadKeys(root, origin).origin).toBe(origin)
    },
  )

  test('an open folder is refused with the fix', () => {
    const { directory, origin } = createKeys(root)
    chmodSync(directory, 0o755)
    expect(() => loadKeys(root, origin)).toThrowError(`chmod 0700 '${directory}'`)
    chmodSync(directory, 0o700)
    chmodSync(root, 0o777)
    expect(() => loadKeys(root, origin)).toThrowError(`chmod go-w '${root}'`)
  })

  test('a lost, damaged or exchanged key is named', () => {
    const { directory, origin } = createKeys(root)
    const other = createKeys(root)
    expect(() => loadKeys(root, 'kestrel.local/0000000000000000')).toThrowError(/does not exist; restore it/)
    expect(() => loadKeys(root, '../../etc')).toThrowError(/does not name a key/)
    writeFileSync(join(directory, 'log.key'), readFileSync(join(other.directory, 'log.key')))
    expect(() => loadKeys(root, origin)).toThrowError(/is not that of/)
    writeFileSync(join(directory, 'log.key'), 'garbage')
    expect(() => loadKeys(root, origin)).toThrowError(/is damaged/)
    renameSync(join(directory, 'wal.key'), join(directory, 'away'))
    expect(() => loadKeys(root, origin)).toThrowError(/wal\.key` does not exist/)
  })
})

describe('signatures', () => {
  test.each([
    ['node', nodePrimitives],
    ['web', webPrimitives],
  ])('are verified by %s, and no altered one is', async (_, primitives) => {
    const keys = createKeys(root)
    const message = Buffer.from('message')
    const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte))
    const checkpoint = keys.signLog(message)
    expect(await primitives.verifyEd25519(keys.logPublicKey, message, checkpoint)).toBe(true)
    expect(await primitives.verifyEd25519(keys.logPublicKey, message, flip(checkpoint))).toBe(false)
    expect(await primitives.verifyEd25519(keys.logPublicKey, flip(message), checkpoint)).toBe(false)
    const head = keys.agent.sign(message)
    expect(await primitives.verifyP256(keys.agent.publicKey, message, head)).toBe(true)
    expect(await primitives.verifyP256(keys.agent.publicKey, message, flip(head))).toBe(false)
    expect(await primitives.verifyP256(Buffer.from('no key'), message, head)).toBe(false)
    expect(Buffer.from(await primitives.sha256(message)).toString('hex')).toMatch(/^ab530a13e459/)
  })
})

describe('sealing', () => {
  const random = pooledRandom()
  const key = random(32)

  test('opens with the same key and place only', () => {
    const sealed = seal(key, 'here', Buffer.from('secret'), random)
    expect(Buffer.from(unseal(key, 'here', sealed)).toString()).toBe('secret')
    expect(() => unseal(key, 'there', sealed)).toThrowError(/do not open/)
    expect(() => unseal(random(32), 'here', sealed)).toThrowError(/do not open/)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const altered = Uint8Array.from(sealed)
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(() => unseal(key, 'here', altered)).toThrowError(/do not open/)
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(() => unseal(key, 'here', sealed.subarray(0, length))).toThrowError(/do not open/)
    }
  })

  test('pooled randomness never repeats and its requests never overlap', () => {
    const seen = new Set<string>()
    for (let i = 0; i < 5000; i++) seen.add(Buffer.from(random(16)).toString('hex'))
    expect(seen.size).toBe(5000)
    expect(random(10_000)).toHaveLength(10_000)
  })
})
