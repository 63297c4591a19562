import { expect, test } from 'vitest'
import {
  buildReceipt,
  formatReceipt,
  parseReceipt,
  verifyLog,
  verifyReceipt,
} from '../../src/evidence/receipt/index.ts'
import { aLog, aSigner } from '../evidence/receipt/a-log.ts'
import { guards } from '../guards.ts'
import { aGoProgram, type Said } from './a-go-program.ts'
import { written } from './on-disk.ts'

const verifier = await aGoProgram('go')

interface Witness {
  readonly skey: string
  readonly vkey: string
}

verifier.suite('a checkpoint cosigned by a witness that is not ours', () => {
  guards('LED-04')

  const signer = aSigner()
  const log = aLog(signer, 300)
  const checkpoint = log.file('checkpoint')

  async function aWitness(name: string): Promise<Witness> {
    const { stdout } = await verifier.run(['witness', name])
    const [skey = '', vkey = ''] = stdout.split('\n')
    return { skey, vkey }
  }

  async function cosign(note: Uint8Array | string, { skey }: Witness): Promise<string> {
    const said = await verifier.run(['cosign', written(note, verifier.folder), signer.vkey, skey])
    expect(said).toMatchObject({ code: 0 })
    return said.stdout
  }

  const check = (note: string, ...witnesses: readonly string[]): Promise<Said> =>
    verifier.run(['cosigned', written(note, verifier.folder), signer.vkey, ...witnesses])

  test('is the log’s checkpoint to every reader, in the log and in a receipt', async () => {
    const [one, two] = [await aWitness('witness.example/w1'), await aWitness('witness.example/w2')]
    const note = await cosign(await cosign(checkpoint, one), two)
    expect(note.startsWith(Buffer.from(checkpoint).toString('utf8'))).toBe(true)
    expect(await check(note, one.vkey, two.vkey)).toMatchObject({ code: 0, stdout: 'ok\n' })

    const cosigned = log.copy()
    cosigned.files.set('checkpoint', Buffer.from(note))
    expect((await verifyLog(cosigned, { vkey: signer.vkey })).problems).toEqual([])
    const receipt = await buildReceipt(cosigned, 7)
    expect((await verifyReceipt(receipt, { vkey: signer.vkey })).checkpoint.size).toBe(300)
    const file = written(receipt, verifier.folder)
    const args = ['receipt', file, signer.vkey, one.vkey, two.vkey]
    expect(await verifier.run(args)).toMatchObject({ code: 0, stdout: 'ok\n' })
  })

  test('vouches for nothing else: not for another witness, another time, or another tree', async () => {
    const [one, two] = [await aWitness('witness.example/w1'), await aWitness('witness.example/w2')]
    const note = await cosign(checkpoint, one)
    expect(await check(note, two.vkey)).toMatchObject({ code: 6 })
    expect(await check(note, one.vkey, two.vkey)).toMatchObject({ code: 6 })
    expect(await check(note, (await aWitness('witness.example/w1')).vkey)).toMatchObject({ code: 6 })
    expect(
      await check(
        withTime(note, (time) => time + 1n),
        one.vkey,
      ),
    ).toMatchObject({ code: 6 })

    const line = note.split('\n').at(-2) ?? ''
    const grown = `${Buffer.from(aLog(signer, 301).file('checkpoint')).toString('utf8')}${line}\n`
    expect(await check(grown, one.vkey)).toMatchObject({ code: 6 })
    const receipt = parseReceipt(await buildReceipt(aLog(signer, 301), 7))
    const args = ['receipt', written(formatReceipt({ ...receipt, checkpoint: Buffer.from(grown) }), verifier.folder)]
    expect(await verifier.run([...args, signer.vkey])).toMatchObject({ code: 0 })
    expect(await verifier.run([...args, signer.vkey, one.vkey])).toMatchObject({ code: 6 })
  })

  test('is no checkpoint without the log’s own signature', async () => {
    const one = await aWitness('witness.example/w1')
    const lines = (await cosign(checkpoint, one)).split('\n')
    expect(lines).toHaveLength(7)
    const alone = lines.toSpliced(4, 1).join('\n')
    expect(await check(alone, one.vkey)).toMatchObject({ code: 6 })
    const cosigned = log.copy()
    cosigned.files.set('checkpoint', Buffer.from(alone))
    const { problems } = await verifyLog(cosigned, { vkey: signer.vkey })
    expect(problems).toMatchObject([{ code: 'foreign_key', file: 'checkpoint' }])
    const refused = await verifier.run(['cosign', written(alone, verifier.folder), signer.vkey, one.skey])
    expect(refused).toMatchObject({ code: 6 })
  })

  test('counts only under the witness’s own key ID', async () => {
    const one = await aWitness('witness.example/w1')
    const note = await cosign(checkpoint, one)
    const [name = '', id = '', key = ''] = one.vkey.split('+')
    const typed = Buffer.from(key, 'base64')
    typed[0] = 1
    expect(await check(note, `${name}+${id}+${typed.toString('base64')}`)).toMatchObject({ code: 6 })
    expect(await check(note, `${name}+00000000+${key}`)).toMatchObject({ code: 6 })
  })
})

/** The note with another time in the cosignature of its last line: the first eight bytes after the key ID. */
function withTime(note: string, change: (time: bigint) => bigint): string {
  const line = note.split('\n').at(-2) ?? ''
  const encoded = line.split(' ').at(-1) ?? ''
  const bytes = Buffer.from(encoded, 'base64')
  bytes.writeBigUInt64BE(change(bytes.readBigUInt64BE(4)), 4)
  return note.replace(encoded, bytes.toString('base64'))
}
