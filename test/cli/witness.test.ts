import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodePrimitives } from '../../src/base/hash.ts'
import { limits } from '../../src/base/limits.ts'
import { parseNote, type NoteSignature } from '../../src/evidence/ledger/note.ts'
import { openCosignature } from '../../src/evidence/witness/cosignature.ts'
import { readWitnessKey } from '../../src/evidence/witness/index.ts'
import { aTree, type ATree } from '../evidence/witness/a-witness.ts'
import { guards } from '../guards.ts'
import { copyOf, type Place } from './a-place.ts'
import { aWitnessedPlace, aWitnessServer, type WitnessServer } from './a-witness-server.ts'

let original: Place
let logKey = ''
let witnessKey = ''

beforeAll(async () => {
  ;({ place: original, logKey, witnessKey } = await aWitnessedPlace())
})
afterAll(() => original[Symbol.dispose]())

const serve = (place: Place, logs: readonly string[] = [logKey]): Promise<WitnessServer> => aWitnessServer(place, logs)

const cosign = (
  place: Place,
  what: string,
  ...more: readonly string[]
): Promise<{ code: number | null; value: never }> =>
  place.json(['witness', 'cosign', what, '--state', 'state', '--key', 'w.key', '--log', logKey, ...more]) as never

async function timeOf(checkpoint: string, line: string): Promise<number> {
  const { body, signatures } = parseNote(Buffer.from(checkpoint + line))
  const key = await readWitnessKey(witnessKey, nodePrimitives)
  return openCosignature(signatures.at(-1) as NoteSignature, body, key, nodePrimitives)
}

describe('kestrel witness key', () => {
  guards('KEY-02')

  test('makes a key file when asked, closed to others, and never another one over it', async () => {
    using place = copyOf(original)
    expect(statSync(place.path('w.key')).mode & 0o777).toBe(0o600)
    expect(witnessKey).toMatch(/^witness\.example\/w1\+[0-9a-f]{8}\+B[A-Za-z0-9+/]{43}$/)
    const again = await place.json(['witness', 'key', '--key', 'w.key', '--new', 'x'])
    expect(again).toMatchObject({ code: 2, value: { error: { code: 'USAGE_INVALID' } } })
    expect((await place.json(['witness', 'key', '--key', 'w.key'])).value).toMatchObject({
      vkey: witnessKey,
      made: false,
    })
    expect(await place.json(['witness', 'key', '--key', 'absent'])).toMatchObject({
      code: 2,
      value: { error: { code: 'KEY_MISSING' } },
    })
    expect(await place.json(['witness', 'key', '--key', 'n.key', '--new', 'a b'])).toMatchObject({ code: 2 })
    expect(readdirSync(place.root)).not.toContain('n.key')
    chmodSync(place.path('w.key'), 0o644)
    const { code, value } = await place.json(['witness', 'key', '--key', 'w.key'])
    expect({ code, error: value.error.code }).toEqual({ code: 2, error: 'KEY_PERMISSIONS' })
    expect(value.error.message).toContain('chmod 0600')
  })
})

describe('kestrel witness cosign', () => {
  guards('LED-01')

  test('prints a line that verifies, and once the log went on wants the proof', async () => {
    using place = copyOf(original)
    const before = readFileSync(join(place.ledger, 'checkpoint'), 'utf8')
    const { code, value } = (await cosign(place, '.kestrel')) as { code: number; value: Record<string, string> }
    expect({ code, value }).toMatchObject({ code: 0, value: { ok: true, size: 3, witness: witnessKey } })
    expect(await timeOf(before, value['cosignature'] as string)).toBe(value['timestamp'])
    const alone = place.write('alone/checkpoint', before)
    expect(await cosign(place, alone)).toMatchObject({ code: 0 })
    await place.run(['submit', 'fs.list', '/workspace'])
    const later = place.write('alone/later', readFileSync(join(place.ledger, 'checkpoint')))
    expect(await cosign(place, later)).toMatchObject({ code: 2, value: { error: { code: 'USAGE_INVALID' } } })
    const plain = await place.run([
      'witness',
      'cosign',
      place.ledger,
      '--state',
      'state',
      '--key',
      'w.key',
      '--log',
      logKey,
    ])
    expect(plain.stdout).toMatch(/^\u2014 witness\.example\/w1 \S+\n$/)
    expect(await cosign(place, alone)).toMatchObject({ code: 6, value: { error: { code: 'LEDGER_ROLLED_BACK' } } })
  })

  test('refuses another log, a false checkpoint, and a memory that is held or damaged', async () => {
    using place = copyOf(original)
    expect((await cosign(place, '.kestrel')).code).toBe(0)
    const other = aTree(3).signer.vkey
    const foreign = ['witness', 'cosign', '.kestrel', '--state', 'state', '--key', 'w.key', '--log', other]
    expect(await place.json(foreign)).toMatchObject({ code: 2, value: { error: { code: 'USAGE_INVALID' } } })
    const text = readFileSync(join(place.ledger, 'checkpoint'), 'utf8')
    expect((await cosign(place, place.write('bad', text.replace('\n3\n', '\n4\n')))).code).toBe(6)
    expect((await cosign(place, place.write('junk', 'x'))).code).toBe(6)
    expect((await cosign(place, 'absent')).code).toBe(2)
    {
      await using _ = await serve(place)
      const held = await cosign(place, '.kestrel')
      expect(held).toMatchObject({ value: { error: { code: 'WITNESS_STATE_UNUSABLE' } } })
      expect(held.code).not.toBe(0)
    }
    for (const name of readdirSync(place.path('state')).filter((each) => each.length === 64)) {
      writeFileSync(place.path('state', name), text)
    }
    const damaged = await cosign(place, '.kestrel')
    expect(damaged).toMatchObject({ value: { error: { code: 'WITNESS_STATE_UNUSABLE' } } })
    expect(damaged.code).not.toBe(0)
  })
})

describe('kestrel witness serve', () => {
  guards('LED-01')

  const tree = aTree(200)
  const add = (url: string, body: Uint8Array | string): Promise<Response> =>
    fetch(`${url}/add-checkpoint`, { method: 'POST', body: body as string })

  async function statusOf(url: string, side: ATree, oldSize: number, size: number): Promise<string> {
    const response = await add(url, await side.request(oldSize, size))
    const text = await response.text()
    return response.status === 409
      ? `409 ${response.headers.get('content-type')} ${text.trim()}`
      : String(response.status)
  }

  test('answers as c2sp.org/tlog-witness says, over one connection and beside hostile ones', async () => {
    using place = copyOf(original)
    await using witness = await serve(place, [tree.signer.vkey])
    const { url } = witness
    const port = Number(new URL(url).port)
    const idle = Array.from({ length: 20 }, () => connect(port, '127.0.0.1').on('error', () => undefined))
    idle[0]?.write('POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nold')
    expect(await statusOf(url, tree, 0, 7)).toBe('200')
    expect(await statusOf(url, tree, 0, 9)).toBe('409 text/x.tlog.size 7')
    expect(await statusOf(url, tree.fork(3), 7, 9)).toBe('422')
    expect(await statusOf(url, aTree(9), 0, 7)).toBe('403')
    expect((await add(url, 'x')).status).toBe(400)
    expect((await add(url, 'x'.repeat(limits.witnessRequestBytes + 1)).catch(() => ({ status: 413 }))).status).toBe(413)
    expect((await fetch(`${url}/add-checkpoint`)).status).toBe(405)
    expect((await fetch(`${url}/`)).status).toBe(404)
    expect((await fetch(`${url}/../../state/vkey`)).status).toBe(404)
    expect(await statusOf(url, tree, 7, 12)).toBe('200')
    for (const socket of idle) socket.destroy()
  })

  test('killed at any moment, it never cosigns two histories, and forgets nothing that it answered', async () => {
    using place = copyOf(original)
    const fork = tree.fork(1)
    let answered = 0
    const cosigned = new Set<ATree>()
    for (let round = 0; round < 4; round++) {
      const witness = await serve(place, [tree.signer.vkey])
      const closed = new Promise((resolve) => witness.child.on('close', resolve))
      // an old size that cannot be right is answered with the one that is
      const start = Number(await (await add(witness.url, await tree.request(199, 200))).text())
      expect(start).toBeGreaterThanOrEqual(answered)
      const sides = [tree, fork].map(async (side) => {
        for (let size = start; size < 190;) {
          const next = size === 0 ? 2 : size + 1
          const response = await add(witness.url, await side.request(size, next))
          const text = await response.text()
          if (response.status === 422) return
          size = response.status === 409 ? Number(text) : next
          if (response.status !== 200) continue
          cosigned.add(side)
          answered = Math.max(answered, next)
        }
      })
      setTimeout(() => witness.child.kill('SIGKILL'), 150 + 60 * round)
      await Promise.allSettled(sides)
      witness.child.kill('SIGKILL')
      await closed
    }
    expect(answered).toBeGreaterThan(0)
    expect(cosigned.size).toBe(1)
  })

  test('ends on a signal, and says what it cannot listen on', async () => {
    using place = copyOf(original)
    const witness = await serve(place)
    witness.child.kill('SIGTERM')
    const code = await new Promise((resolve) => witness.child.on('close', resolve))
    expect(code).toBe(130)
    expect(readdirSync(place.path('state'))).not.toContain('lock.owner')
    for (const address of ['nonsense', '127.0.0.1:99999', '127.0.0.1']) {
      const bad = ['witness', 'serve', '--state', 'state', '--key', 'w.key', '--log', logKey, '--listen', address]
      expect((await place.json(bad)).code).toBe(2)
    }
    rmSync(place.path('w.key'))
    const keyless = [
      'witness',
      'serve',
      '--state',
      'state',
      '--key',
      'w.key',
      '--log',
      logKey,
      '--listen',
      '127.0.0.1:0',
    ]
    expect(await place.json(keyless)).toMatchObject({ code: 2, value: { error: { code: 'KEY_MISSING' } } })
  })
})
