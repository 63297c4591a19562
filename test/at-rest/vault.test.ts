import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createKernel } from 'kestrel-kernel'
import type { Clock } from '../../src/base/clock.ts'
import { commitmentOf, nodePrimitives } from '../../src/base/hash.ts'
import { pooledRandom } from '../../src/base/random.ts'
import { logFiles } from '../../src/evidence/ledger/index.ts'
import { verifyLog } from '../../src/evidence/receipt/index.ts'
import { openVault, type Payload, type Vault } from '../../src/evidence/vault/index.ts'
import { guards } from '../guards.ts'
import { aWorld, canary } from '../world.ts'

const random = pooledRandom()
const key = random(32)
const dayMs = 86_400_000

let root: string
let directory: string
let nowMs: number
const clock: Clock = { now: () => nowMs, monotonicMs: () => nowMs }

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kestrel-at-rest-'))
  directory = join(root, 'vault')
  nowMs = Date.parse('2026-03-01T12:00:00Z')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const open = (): Vault => openVault({ directory, key, clock, random })
const payload = (text: string): Payload => ({ salt: random(16), bytes: Buffer.from(text) })

/** Puts one payload of each text into a class on the present day. */
async function keep(sensitivity: string, ...texts: readonly string[]): Promise<Payload[]> {
  const vault = open()
  const kept = texts.map(payload)
  for (const each of kept) {
    vault.put(sensitivity, each)
    await vault.sync()
  }
  await vault.close()
  return kept
}

/** The payload as the vault gives it back, or the code of its refusal. */
async function got(of: Payload, sensitivity: string, timeMs: number): Promise<string> {
  try {
    const { bytes } = await open().get(commitmentOf(of), { class: sensitivity, timeMs })
    return Buffer.from(bytes).toString('utf8')
  } catch (error) {
    return (error as { code: string }).code
  }
}

const filesOf = (sensitivity: string, day: string): string[] =>
  readdirSync(join(directory, sensitivity))
    .filter((name) => name.startsWith(day))
    .map((name) => join(directory, sensitivity, name))

function exchange(one: readonly string[], other: readonly string[]): void {
  for (const [at, path] of one.entries()) {
    renameSync(path, `${path}.kept`)
    renameSync(other[at] as string, path)
    renameSync(`${path}.kept`, other[at] as string)
  }
}

/** With none of its newest day keys in place the vault is taken for another key's, and does not open at all. */
const refused = /^(?:SEAL_INVALID|VAULT_NOT_FOUND|KEY_INVALID)$/

describe('a vault that was changed while nobody had it open', () => {
  guards('LED-08', 'KEY-01')

  test.each([
    ['whole, keys and all', (files: readonly string[]) => files],
    ['without their keys', (files: readonly string[]) => files.filter((path) => !path.endsWith('.key'))],
    ['by their keys', (files: readonly string[]) => files.filter((path) => path.endsWith('.key'))],
  ])('two days exchanged %s: nothing is given that was not kept there', async (_what, chosen) => {
    const today = nowMs
    const [one] = await keep('internal', 'of the first day')
    nowMs += 3 * dayMs
    const [other] = await keep('internal', 'of the fourth day')
    exchange(chosen(filesOf('internal', '2026-03-01')), chosen(filesOf('internal', '2026-03-04')))
    expect(await got(one as Payload, 'internal', today)).toMatch(refused)
    expect(await got(other as Payload, 'internal', nowMs)).toMatch(refused)
  })

  test.each([
    ['whole, keys and all', (files: readonly string[]) => files],
    ['without their keys', (files: readonly string[]) => files.filter((path) => !path.endsWith('.key'))],
  ])('two classes exchanged %s: what was secret is not given as public', async (_what, chosen) => {
    const [open_] = await keep('public', 'for everyone')
    const [secret] = await keep('secret', canary)
    exchange(chosen(filesOf('public', '2026')), chosen(filesOf('secret', '2026')))
    for (const each of [open_, secret]) {
      for (const sensitivity of ['public', 'secret']) {
        expect(await got(each as Payload, sensitivity, nowMs)).toMatch(refused)
      }
    }
  })

  test('an older copy of a day: what it lacks is missed, what it has is still right', async () => {
    const [early] = await keep('internal', 'early')
    cpSync(directory, join(root, 'older'), { recursive: true })
    const [late] = await keep('internal', 'late')
    rmSync(directory, { recursive: true })
    cpSync(join(root, 'older'), directory, { recursive: true })
    expect(await got(early as Payload, 'internal', nowMs)).toBe('early')
    expect(await got(late as Payload, 'internal', nowMs)).toBe('VAULT_NOT_FOUND')
  })

  test('an older copy of a day that was written on: a later record does not fit in an earlier one’s place', async () => {
    await keep('internal', 'a')
    cpSync(directory, join(root, 'older'), { recursive: true })
    const [lost] = await keep('internal', 'same length 1')
    const [file = ''] = filesOf('internal', '2026').filter((path) => !path.endsWith('.key'))
    const withLost = readFileSync(file)
    rmSync(directory, { recursive: true })
    cpSync(join(root, 'older'), directory, { recursive: true })
    const [after] = await keep('internal', 'same length 2')
    expect(await got(after as Payload, 'internal', nowMs)).toBe('same length 2')
    // Both were sealed at one offset under one key: either may lie there, but never answers for the other.
    writeFileSync(file, withLost)
    expect(await got(lost as Payload, 'internal', nowMs)).toBe('same length 1')
    expect(await got(after as Payload, 'internal', nowMs)).toBe('VAULT_NOT_FOUND')
  })

  test('a day’s key destroyed: its payloads are gone, and no others', async () => {
    const [one] = await keep('internal', 'of the first day')
    const today = nowMs
    nowMs += 3 * dayMs
    const [other] = await keep('internal', 'of the fourth day')
    rmSync(join(directory, 'internal', '2026-03-01.key'))
    expect(await got(one as Payload, 'internal', today)).toBe('VAULT_NOT_FOUND')
    expect(await got(other as Payload, 'internal', nowMs)).toBe('of the fourth day')
  })
})

describe('a whole data directory in other hands', () => {
  guards('LED-08', 'KEY-01', 'KEY-03', 'LED-09')

  test('without its vault the log verifies as before, and the kernel goes on', async () => {
    await using world = await aWorld({ files: { 'a.txt': canary } })
    await world.submit('fs.read', '/workspace/a.txt')
    await world.kernel.close()
    rmSync(join(world.dataDir, 'vault'), { recursive: true })
    const vkey = readFileSync(join(world.dataDir, 'ledger', 'vkey'), 'utf8').trim()
    const verify = async (): Promise<readonly unknown[]> =>
      (await verifyLog(logFiles(join(world.dataDir, 'ledger')), { vkey, primitives: nodePrimitives })).problems
    expect(await verify()).toEqual([])
    await world.reopen()
    expect(await world.submit('fs.read', '/workspace/a.txt')).toMatchObject({ status: 'ok' })
    await world.kernel.close()
    expect(await verify()).toEqual([])
  })

  test('without its keys it verifies, opens nothing, signs nothing, and says which keys are missing', async () => {
    await using world = await aWorld({ files: { 'a.txt': canary } })
    await world.submit('fs.read', '/workspace/a.txt')
    await world.kernel.close()
    for (const entry of readdirSync(world.dataDir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      expect([entry.name, readFileSync(join(entry.parentPath, entry.name)).includes(canary)]).toEqual([
        entry.name,
        false,
      ])
    }
    const stolen = join(world.root, 'stolen')
    cpSync(world.dataDir, stolen, { recursive: true })
    const before = readFileSync(join(stolen, 'ledger', 'checkpoint'))
    const starting = createKernel({
      policy: { version: 1 },
      dataDir: stolen,
      keysDir: join(world.root, 'no-keys'),
      providers: [],
    })
    await expect(starting).rejects.toMatchObject({ code: 'KEY_MISSING' })
    await expect(starting).rejects.toThrow('no-keys')
    expect(readFileSync(join(stolen, 'ledger', 'checkpoint'))).toEqual(before)
    const vkey = readFileSync(join(stolen, 'ledger', 'vkey'), 'utf8').trim()
    expect((await verifyLog(logFiles(join(stolen, 'ledger')), { vkey })).problems).toEqual([])
  })
})
