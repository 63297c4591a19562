import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { buildReceipt, verifyLog, verifyReceipt } from '../../src/evidence/receipt/index.ts'
import { aPlace, lineFrom, type Place } from '../cli/a-place.ts'
import { aLog, aSigner, type ALog } from '../evidence/receipt/a-log.ts'
import { guards } from '../guards.ts'
import { aGoProgram, type Said } from './a-go-program.ts'
import { placed, written } from './on-disk.ts'

const verifier = await aGoProgram('go')

interface Running extends AsyncDisposable {
  readonly url: string
  readonly vkey: string
}

verifier.suite('our witness, asked by a log of others', () => {
  guards('LED-01', 'LED-04', 'LED-05')

  const signer = aSigner('log.example/of-others')
  const at = (size: number): ALog => aLog(signer, size)
  let place: Place
  beforeEach(async () => {
    place = aPlace()
    const made = await place.run(['witness', 'key', '--key', 'w/key', '--new', 'witness.example/ours'])
    expect(made).toMatchObject({ code: 0 })
  })
  afterEach(() => place[Symbol.dispose]())

  async function running(): Promise<Running> {
    const args = ['witness', 'serve', '--listen', '127.0.0.1:0', '--state', 'w/state', '--key', 'w/key']
    const child = place.start([...args, '--log', signer.vkey, '--json'])
    const { url, vkey } = JSON.parse(await lineFrom(child, /^\{/)) as { url: string; vkey: string }
    const { promise, resolve } = Promise.withResolvers<void>()
    child.on('close', () => resolve())
    const end = (): Promise<void> => {
      child.kill('SIGTERM')
      return promise
    }
    return { url, vkey, [Symbol.asyncDispose]: end }
  }

  const submit = (witness: Running, log: ALog, old: number, vkey = signer.vkey): Promise<Said> =>
    verifier.run(['submit', witness.url, placed(log, verifier.folder), String(old), vkey, witness.vkey])

  test('cosigns its growth step by step, and Go verifies each of its cosignatures', async () => {
    await using witness = await running()
    let before = 0
    for (const size of [1, 2, 255, 256, 300, 1025]) {
      const { code, stdout } = await submit(witness, at(size), before)
      expect([size, code, stdout]).toEqual([size, 0, stdout])
      const args = ['cosigned', written(stdout, verifier.folder), signer.vkey, witness.vkey]
      expect(await verifier.run(args)).toMatchObject({ code: 0, stdout: 'ok\n' })
      before = size
    }
  })

  test('refuses what tlog-witness tells it to refuse, also after a restart', async () => {
    const fork = aLog(signer, 600, { fork: { from: 200, mark: 'fork' } })
    const thief = aSigner(signer.origin)
    {
      await using witness = await running()
      expect(await submit(witness, at(300), 0)).toMatchObject({ code: 0 })
    }
    await using witness = await running()
    const refusals: readonly [ALog, number, string, RegExp][] = [
      [at(600), 0, signer.vkey, /^409 text\/x\.tlog\.size 300\n/],
      [at(600), 299, signer.vkey, /^409 text\/x\.tlog\.size 300\n/],
      [at(200), 300, signer.vkey, /^400 /],
      [fork, 300, signer.vkey, /^422 /],
      [aLog(signer, 300, { fork: { from: 200, mark: 'fork' } }), 300, signer.vkey, /^422 /],
      [aLog(thief, 600), 300, thief.vkey, /^403 /],
    ]
    for (const [log, old, vkey, answer] of refusals) {
      expect(await submit(witness, log, old, vkey)).toMatchObject({
        code: 6,
        stdout: expect.stringMatching(answer) as string,
      })
    }
    const stranger = aSigner('log.example/unknown')
    expect((await submit(witness, aLog(stranger, 5), 0, stranger.vkey)).stdout).toMatch(/^404 /)
    expect(await submit(witness, at(600), 300)).toMatchObject({ code: 0 })
  })

  test('cosigns from files too', async () => {
    const folder = placed(at(300), verifier.folder)
    const args = ['witness', 'cosign', folder, '--state', 'w/state', '--key', 'w/key', '--log', signer.vkey]
    const { code, stdout: line } = await place.run(args)
    expect(code).toBe(0)
    const vkey = (await place.run(['witness', 'key', '--key', 'w/key'])).stdout.trim()
    const note = `${readFileSync(join(folder, 'checkpoint'), 'utf8')}${line}`
    const check = ['cosigned', written(note, verifier.folder), signer.vkey, vkey]
    expect(await verifier.run(check)).toMatchObject({ code: 0, stdout: 'ok\n' })
    const other = note.replace(/\n300\n/, '\n301\n')
    expect(await verifier.run(check.with(1, written(other, verifier.folder)))).toMatchObject({ code: 6 })
  })
})

verifier.suite('a witness of others, asked by our log', () => {
  guards('LED-01', 'LED-04', 'LED-05')

  async function aForeignWitness(vkey: string): Promise<Disposable & { readonly url: string; readonly vkey: string }> {
    const [skey = '', key = ''] = (await verifier.run(['witness', 'witness.example/foreign'])).stdout.split('\n')
    const { line, [Symbol.dispose]: end } = await verifier.start(['serve', vkey, skey])
    return { url: line, vkey: key, [Symbol.dispose]: end }
  }

  test('cosigns it as it grows; both verifiers ask for that, and refuse to do without', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const act = (times: number): Promise<unknown> =>
      place.run(['submit', '--batch', '-'], {
        input: `${JSON.stringify({ action: 'fs.read', resource: '/workspace/a.txt' })}\n`.repeat(times),
      })
    await act(3)
    const vkey = (await place.run(['key'])).stdout.trim()
    using witness = await aForeignWitness(vkey)
    for (const times of [0, 1, 260]) {
      if (times > 0) await act(times)
      expect((await place.run(['verify', '--vkey', vkey, '--witness', witness.vkey])).code).toBe(6)
      const request = await place.run(['witness', 'request', witness.url, '--witness', witness.vkey])
      expect(request).toMatchObject({ code: 0 })
      expect(await place.run(['verify', '--vkey', vkey, '--witness', witness.vkey])).toMatchObject({ code: 0 })
      const checkpoint = join(place.ledger, 'checkpoint')
      expect(await verifier.run(['cosigned', checkpoint, vkey, witness.vkey])).toMatchObject({ code: 0 })
      expect(await verifier.run(['log', place.ledger, vkey])).toMatchObject({ code: 0, stdout: 'ok\n' })
    }
    await place.run(['receipt', '3', '--out', 'r'])
    const args = ['receipt', place.path('r'), vkey, witness.vkey]
    expect(await verifier.run(args)).toMatchObject({ code: 0, stdout: 'ok\n' })
    const ours = ['verify', '--receipt', 'r', '--vkey', vkey, '--witness', witness.vkey]
    expect(await place.run(ours)).toMatchObject({ code: 0 })
  })

  test('does not cosign a log that was rolled back and grew another way', async () => {
    using place = aPlace({ 'a.txt': 'a' })
    const act = (): Promise<unknown> => place.run(['submit', 'fs.read', '/workspace/a.txt'])
    await act()
    const vkey = (await place.run(['key'])).stdout.trim()
    const keys = place.path('keys-before')
    cpSync(place.path('keys'), keys, { recursive: true })
    cpSync(place.path('.kestrel'), place.path('before'), { recursive: true })
    await act()
    await act()
    using witness = await aForeignWitness(vkey)
    const ask = (...more: readonly string[]): ReturnType<Place['run']> =>
      place.run(['witness', 'request', witness.url, '--witness', witness.vkey, ...more])
    expect(await ask()).toMatchObject({ code: 0 })
    // whoever holds the keys can go back; the witness is who remembers
    cpSync(keys, place.path('keys'), { recursive: true, force: true })
    const older = ['--data-dir', place.path('before')]
    await place.run(['submit', 'fs.list', '/workspace', ...older])
    await place.run(['submit', 'fs.list', '/workspace', ...older])
    await place.run(['submit', 'fs.list', '/workspace', ...older])
    expect((await place.run(['verify', ...older.slice(1), '--vkey', vkey])).code).toBe(0)
    expect(await ask(...older)).toMatchObject({ code: 6, stderr: expect.stringContaining('forked') as string })
  })

  test('is told apart from nobody, and from a false cosignature, by our verifier', async () => {
    const signer = aSigner()
    const log = aLog(signer, 300)
    const made = async (): Promise<readonly string[]> =>
      (await verifier.run(['witness', 'witness.example/foreign'])).stdout.split('\n')
    const [[skey = '', key = ''], [, stranger = '']] = [await made(), await made()]
    const file = written(log.file('checkpoint'), verifier.folder)
    const { stdout: note } = await verifier.run(['cosign', file, signer.vkey, skey])
    const found = async (checkpoint: string, ...witnesses: string[]): Promise<unknown[]> => {
      const copy = log.copy()
      copy.files.set('checkpoint', Buffer.from(checkpoint))
      const { problems } = await verifyLog(copy, { vkey: signer.vkey, witnesses })
      const receipt = await buildReceipt(copy, 7)
      const holds = await verifyReceipt(receipt, { vkey: signer.vkey, witnesses }).then(
        () => true,
        () => false,
      )
      expect(holds).toBe(problems.length === 0)
      return problems.map(({ code }) => code)
    }
    const plain = Buffer.from(log.file('checkpoint')).toString('utf8')
    const line = note.slice(plain.length)
    const otherTree = Buffer.from(aLog(signer, 301).file('checkpoint')).toString('utf8')
    expect(await found(note)).toEqual([])
    expect(await found(note, key)).toEqual([])
    expect(await found(plain, key)).toEqual(['cosignature_missing'])
    expect(await found(note, stranger)).toEqual(['cosignature_missing'])
    writeFileSync(file, otherTree + line)
    expect(await verifier.run(['cosigned', file, signer.vkey, key])).toMatchObject({ code: 6 })
    const grown = aLog(signer, 301)
    grown.files.set('checkpoint', Buffer.from(otherTree + line))
    const { problems } = await verifyLog(grown, { vkey: signer.vkey, witnesses: [key] })
    expect(problems).toMatchObject([{ code: 'cosignature_invalid', file: 'checkpoint' }])
  })
})
