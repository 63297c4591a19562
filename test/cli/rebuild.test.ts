import { rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { guards } from '../guards.ts'
import { aPlace, type Place } from './a-place.ts'

const keyed = ['submit', 'fs.read', '/workspace/a.txt', '--key', 'k']

async function aPlaceWithAKey(): Promise<Place> {
  const place = aPlace({ 'a.txt': 'a' })
  await place.run(keyed)
  return place
}

describe('kestrel rebuild', () => {
  guards('GATE-12')

  test('remakes an index that is damaged, and what was answered is answered again', async () => {
    using place = await aPlaceWithAKey()
    const index = place.path('.kestrel', 'state.db')
    writeFileSync(index, Buffer.alloc(9000, 0x5a))
    const refused = await place.json(keyed)
    expect(refused).toMatchObject({ code: 6, value: { error: { code: 'STATE_INVALID' } } })
    expect(refused.value.error.message).toContain('kestrel rebuild')
    expect(await place.json(['rebuild'])).toEqual({
      code: 0,
      value: {
        treeSize: 3,
        keys: 1,
        resolves: 0,
        undos: 0,
        withoutAnswer: 0,
        former: { was: 'unreadable', wrongRows: 0, missingRows: 0 },
      },
    })
    expect(await place.json(keyed)).toMatchObject({ code: 0, value: { status: 'ok', seq: 2 } })
    expect((await place.json(['doctor'])).code).toBe(0)
  })

  test('says in words what the old one was', async () => {
    using place = await aPlaceWithAKey()
    expect((await place.run(['rebuild'])).stdout).toMatch(/rebuilt\n.*3 entries: 1 idempotency keys.*\n.*said the same/)
    const index = new DatabaseSync(place.path('.kestrel', 'state.db'))
    index.exec('DELETE FROM keys')
    index.close()
    expect((await place.json(['doctor'])).code).toBe(6)
    expect((await place.run(['rebuild'])).stdout).toMatch(/lacked 1: someone changed it/)
    rmSync(place.path('.kestrel', 'state.db'))
    expect((await place.run(['rebuild'])).stdout).toContain('there was none')
    expect((await place.json(['doctor'])).code).toBe(0)
  })

  test('makes nothing where there is no log', async () => {
    using place = aPlace()
    expect(await place.json(['rebuild'])).toMatchObject({ code: 2, value: { error: { code: 'LEDGER_NOT_FOUND' } } })
  })
})
