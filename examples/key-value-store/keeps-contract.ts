import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Provider } from 'kestrel-kernel/providers'
import { providerContract, type Sample } from 'kestrel-kernel/providers/contract'
import { keyValues } from './key-values.ts'

/** Runs the contract suite against the provider, without any test framework. @returns how many cases it kept; @throws what is broken */
export async function keepsContract(folder: string): Promise<number> {
  const file = join(folder, 'contract.db')
  const ask = (sql: string): unknown[] => {
    const database = new DatabaseSync(file)
    try {
      return database.prepare(sql).all()
    } finally {
      database.close()
    }
  }
  const makeProvider = (): Provider => {
    for (const path of [file, `${file}-wal`, `${file}-shm`]) rmSync(path, { force: true })
    const provider = keyValues(file)
    ask("INSERT INTO pairs VALUES ('notes', 'a', 'one') RETURNING key")
    return provider
  }
  const changing: Omit<Sample, 'resource'> = {
    world: () => JSON.parse(JSON.stringify(ask('SELECT * FROM pairs ORDER BY key'))) as never,
    disturb: () => void ask("INSERT OR REPLACE INTO pairs VALUES ('notes', 'a', 'from elsewhere') RETURNING key"),
  }
  const { world } = changing
  const samples = {
    'kv.get': { resource: 'notes/a', ...(world && { world }) },
    'kv.list': { resource: 'notes', params: { after: 'A', limit: 5 }, ...(world && { world }) },
    'kv.put': { ...changing, resource: 'notes/a', params: { value: 'two' } },
    'kv.delete': { ...changing, resource: 'notes/a' },
  }
  const cases = providerContract(makeProvider, samples)
  for (const { name, run } of cases) {
    await run().catch((cause: unknown) => {
      throw new Error(`the provider does not keep the contract: ${name}`, { cause })
    })
  }
  return cases.length
}
