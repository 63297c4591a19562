import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commitmentOf } from '../../../src/base/hash.ts'
import { openVault, type Payload, type Vault } from '../../../src/evidence/vault/index.ts'
import { applyEdits, copyOf, somePrograms, type Folder } from '../edits.ts'
import { readFolder, writeFolder } from '../folder.ts'
import { Random } from '../random.ts'
import { bytesOf, demand, endingLater, sameBytes, type Target } from '../target.ts'

const dayMs = 86_400_000
const start = Date.UTC(2026, 4, 17, 12)

interface Kept {
  readonly class: string
  readonly timeMs: number
  readonly payload: Payload
}

interface Ground {
  readonly root: string
  readonly honest: Folder
  readonly kept: readonly Kept[]
}

let ground: Ground | undefined

function open(directory: string, now: () => number): Vault {
  const random = new Random(9)
  const clock = { now, monotonicMs: () => 0 }
  return openVault({ directory, key: Buffer.alloc(32, 1), clock, random: (length) => random.bytes(length) })
}

async function prepare(): Promise<Ground> {
  const root = mkdtempSync(join(tmpdir(), 'kestrel-fuzz-vault-'))
  const kept: Kept[] = []
  let timeMs = start
  const vault = open(join(root, 'honest'), () => timeMs)
  for (let index = 0; index < 12; index++) {
    timeMs = start + (index % 2) * dayMs
    const sensitivity = index % 3 === 0 ? 'internal' : 'Sensitive class'
    const payload = { salt: Buffer.alloc(16, index), bytes: bytesOf(`payload ${index}`.padEnd(index * 40, '.')) }
    vault.put(sensitivity, payload)
    kept.push({ class: sensitivity, timeMs, payload })
    if (index % 4 === 3) await vault.sync()
  }
  await vault.close()
  return { root, honest: readFolder(join(root, 'honest')), kept }
}

const codes = ['VAULT_NOT_FOUND', 'SEAL_INVALID', 'VAULT_UNWRITABLE', 'VALUE_INVALID']

/** A vault that somebody has changed: it gives what was kept or says why not, and keeps what comes next. */
export const vaultTarget: Target = {
  name: 'vault',
  seeds: () => somePrograms(6, 39),
  async run(input) {
    ground ??= await prepare()
    const { root, honest, kept } = ground
    const folder = copyOf(honest)
    applyEdits(input, folder)
    const directory = join(root, 'tried')
    writeFolder(directory, folder)
    return endingLater(
      async () => open(directory, () => start),
      (vault) => use(vault, kept),
      [...codes, 'KEY_INVALID'],
    )
  },
  close() {
    if (ground !== undefined) rmSync(ground.root, { recursive: true, force: true })
    ground = undefined
  },
}

async function use(vault: Vault, kept: readonly Kept[]): Promise<string> {
  const endings = new Set<string>()
  const read = ({ class: sensitivity, timeMs, payload }: Kept): Promise<string> =>
    endingLater(
      async () => vault.get(commitmentOf(payload), { class: sensitivity, timeMs }),
      ({ bytes }) => demand(sameBytes(bytes, payload.bytes), 'another payload was given than the one that was kept'),
      codes,
    )
  const before = await Promise.all(kept.map(read))
  for (const ended of before) endings.add(ended.slice(0, 60))
  const next = {
    class: 'internal',
    timeMs: start,
    payload: { salt: Buffer.alloc(16, 99), bytes: bytesOf('the next one') },
  }
  const written = await endingLater(
    async () => {
      vault.put(next.class, next.payload)
      await vault.sync()
    },
    async () => {
      demand((await read(next)) === 'ok', 'what was kept behind the damage is not there')
      for (const [index, each] of kept.entries()) {
        const still = before[index] !== 'ok' || (await read(each)) === 'ok'
        demand(still, 'writing behind the damage lost what could be read before')
      }
    },
    codes,
  )
  await vault.close().catch((error: unknown) =>
    endingLater(
      () => Promise.reject(error),
      () => undefined,
      codes,
    ),
  )
  return `${written.slice(0, 30)} ${[...endings].toSorted().join()}`
}
