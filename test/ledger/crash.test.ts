import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { hasUnpublished, parseEntry, type Ledger } from '../../src/evidence/ledger/index.ts'
import { sha256Hex } from '../../src/base/hash.ts'
import { guards } from '../guards.ts'
import { aPlace, policyDraft, type Place } from './a-ledger.ts'

interface Acknowledged {
  readonly entries: Map<number, string>
  /** Resource by intent, of those whose end was not acknowledged. */
  readonly openIntents: Map<number, string>
}

/** Runs the writer and kills it after so many ms of writing. Takes whole lines only: a line is an acknowledgement. */
async function writeUntilKilled(place: Place, round: number, afterMs: number): Promise<Acknowledged> {
  const script = join(import.meta.dirname, 'crash-writer.ts')
  const { keys, directory } = place
  const child = spawn(process.execPath, [script, directory, join(keys.directory, '..'), keys.origin, String(round)])
  let text = ''
  let trouble = ''
  child.stderr.on('data', (chunk: Buffer) => (trouble += chunk.toString()))
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const exited = once(child, 'close')
  await once(child.stdout, 'data').catch(() => undefined)
  await sleep(afterMs)
  child.kill('SIGKILL')
  await exited
  expect(trouble).toBe('')
  const entries = new Map<number, string>()
  const openIntents = new Map<number, string>()
  for (const line of text.slice(0, text.lastIndexOf('\n')).split('\n')) {
    const [what, id, hash] = line.split(' ')
    if (what === 'entry') entries.set(Number(id), String(hash))
    else if (what === 'intent') openIntents.set(Number(id), String(hash))
    else if (what === 'settled') openIntents.delete(Number(id))
  }
  return { entries, openIntents }
}

async function lastResources(ledger: Ledger): Promise<Set<string | undefined>> {
  const resources = new Set<string | undefined>()
  for (let seq = Math.max(0, ledger.treeSize - 200); seq < ledger.treeSize; seq++) {
    resources.add(parseEntry(await ledger.read(seq)).resource)
  }
  return resources
}

describe('kill -9 while writing', () => {
  guards('LED-03')

  test('loses nothing acknowledged, over and over in one log', { timeout: 120_000 }, async () => {
    using place = aPlace()
    const first = await place.open({ bounds: { walSegmentBytes: 262_144 } })
    await first.append(policyDraft, { durability: 'durable' })
    await first.close()
    for (const [round, afterMs] of [3, 40, 110, 260, 420, 75].entries()) {
      const { entries, openIntents } = await writeUntilKilled(place, round, afterMs)
      const mustRecover = await hasUnpublished(place.directory)
      const ledger = await place.open({ bounds: { walSegmentBytes: 262_144 } })
      for (const [seq, hash] of entries) {
        const bytes = await ledger.read(seq)
        expect(sha256Hex(Buffer.concat([Buffer.alloc(1), bytes]))).toBe(hash)
        expect(parseEntry(bytes).seq).toBe(seq)
      }
      const unsettled = ledger.unsettled.map(({ id }) => id)
      if (unsettled.length > 0) expect(mustRecover).toBe(true)
      // An intent is open, or its settling entry is there though its acknowledgement did not come through.
      const resources = await lastResources(ledger)
      for (const [id, resource] of openIntents) expect(unsettled.includes(id) || resources.has(resource)).toBe(true)
      expect(unsettled.length).toBeLessThanOrEqual(2)
      for (const { id, intent } of ledger.unsettled) {
        const resource = `/recovered/${JSON.stringify(intent)}`
        await ledger.append(
          { kind: 'action', agent: 'local', principal: 'alice', action: 'fs.write', resource },
          { durability: 'durable', settles: id },
        )
      }
      await ledger.close()
      expect(await place.verify()).toMatchObject({ ok: true, problems: [] })
    }
  })

  test('a second process is refused while the first lives, and gets in as soon as it is killed', async () => {
    using place = aPlace()
    const script = join(import.meta.dirname, 'crash-writer.ts')
    const { keys, directory } = place
    const child = spawn(process.execPath, [script, directory, join(keys.directory, '..'), keys.origin])
    await once(child.stdout, 'data')
    child.stdout.resume()
    const opening = place.open()
    await expect(opening).rejects.toMatchObject({ code: 'LEDGER_LOCKED' })
    await expect(opening).rejects.toThrow(`process ${child.pid}`)
    child.kill('SIGKILL')
    await once(child, 'close')
    await (await place.open()).close()
  })
})
