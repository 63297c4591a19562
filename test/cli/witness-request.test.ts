import { cpSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { submissionUrl } from '../../src/cli/commands/witness-post.ts'
import { limits } from '../../src/base/limits.ts'
import { parseNote } from '../../src/evidence/ledger/note.ts'
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

describe('kestrel witness request', () => {
  guards('LED-01')

  test('adds a cosignature that verify then wants to see', async () => {
    using place = copyOf(original)
    await using witness = await serve(place)
    expect((await place.json(['verify', '--witness', witnessKey])).value.problems[0].code).toBe('cosignature_missing')
    for (let round = 0; round < 2; round++) {
      const asked = await place.json(['witness', 'request', witness.url, '--witness', witnessKey])
      expect(asked).toMatchObject({ code: 0, value: { ok: true, added: 'added', checked: true, size: 3 + round } })
      const verified = await place.json(['verify', '--witness', witnessKey])
      expect(verified).toMatchObject({ code: 0, value: { ok: true, unwitnessed: false, uncheckedSignatures: [] } })
      expect(verified.value.witnessed).toEqual([{ name: 'witness.example/w1', timestamp: asked.value.timestamp }])
      await place.run(['submit', 'fs.list', '/workspace'])
    }
    await place.run(['witness', 'request', witness.url])
    await place.run(['witness', 'request', witness.url])
    expect(parseNote(readFileSync(join(place.ledger, 'checkpoint'))).signatures).toHaveLength(2)
    const unchecked = await place.run(['verify'])
    expect(unchecked.stdout).toContain('1 other signature, not checked')
    expect(unchecked.stdout).not.toContain('unwitnessed')
    expect(await place.json(['submit', 'fs.list', '/workspace'])).toMatchObject({ code: 0 })
  })

  test('of a log that was put back exits 6', async () => {
    using place = copyOf(original)
    await using witness = await serve(place)
    const old = place.path('old')
    cpSync(place.path('.kestrel'), old, { recursive: true })
    await place.run(['submit', 'fs.list', '/workspace'])
    expect((await place.json(['witness', 'request', witness.url])).code).toBe(0)
    const { code, value } = await place.json(['witness', 'request', witness.url, '--data-dir', old])
    expect({ code, error: value.error.code }).toEqual({ code: 6, error: 'LEDGER_ROLLED_BACK' })
  })

  test('goes over https, or over http on this machine, and nowhere else', async () => {
    for (const url of ['https://witness.example', 'http://localhost:1/w', 'http://127.0.0.1:1', 'http://[::1]:1/']) {
      expect(submissionUrl(url).href).toMatch(/[^/]\/add-checkpoint$/)
    }
    const refused = [
      'http://192.0.2.1/',
      'http://127.0.0.1.example',
      'ftp://127.0.0.1/',
      'nonsense',
      'https://w.example/?x',
    ]
    for (const url of [...refused, 'https://user@w.example/', 'https://w.example/#x', 'file:///etc/passwd']) {
      expect(() => submissionUrl(url), url).toThrow(expect.objectContaining({ code: 'USAGE_INVALID' }))
    }
    using place = copyOf(original)
    expect((await place.json(['witness', 'request', 'http://192.0.2.1/'])).code).toBe(2)
    expect((await place.json(['witness', 'request', 'http://127.0.0.1:1/'])).code).toBe(5)
  })

  test('of a server that is no witness, or a false one, changes nothing', async () => {
    using place = copyOf(original)
    const before = readFileSync(join(place.ledger, 'checkpoint'))
    const answers: readonly (readonly [number, string, number])[] = [
      [200, 'x'.repeat(limits.witnessAnswerBytes + 1), 5],
      [302, '', 5],
      [404, '', 2],
      [422, '', 6],
      [200, '\u2014 witness.example/w1 AAAAAAA=\n', 6],
    ]
    for (const [status, body, wanted] of answers) {
      const server = createServer((_request, response) =>
        response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end(body),
      )
      const url = await listening(server)
      const { code } = await place.json(['witness', 'request', url, '--witness', witnessKey])
      expect({ status, code }).toEqual({ status, code: wanted })
      server.closeAllConnections()
      server.close()
    }
    expect(readFileSync(join(place.ledger, 'checkpoint'))).toEqual(before)
  })
})

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
