import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verifyLog } from '../../src/evidence/receipt/index.ts'
import { aLog, aSigner, type ALog } from '../evidence/receipt/a-log.ts'
import { guards } from '../guards.ts'
import { aGoProgram, type Said } from './a-go-program.ts'
import { placed, written } from './on-disk.ts'

const verifier = await aGoProgram('go')

verifier.suite('a log held against a checkpoint kept earlier, by its tiles alone', () => {
  guards('LED-01', 'LED-05')

  const signer = aSigner()
  const size = 1100
  const fork = aLog(signer, size, { fork: { from: 300, mark: 'fork' } })
  const checkpointAt = (entries: number): Uint8Array => aLog(signer, entries).file('checkpoint')

  const extend = (log: ALog, older: Uint8Array, vkey = signer.vkey): Promise<Said> =>
    verifier.run(['extends', placed(log, verifier.folder), written(older, verifier.folder), vkey])

  test.each([1, 2, 3, 255, 256, 257, 511, 512, 513, 768, 1023, 1024, 1025, 1099, 1100])(
    'extends the one over %i entries, also where only hashes were kept of them',
    async (entries) => {
      const log = aLog(signer, size)
      for (const path of log.files.keys()) if (path.startsWith('tile/entries/')) log.files.delete(path)
      expect(await extend(log, checkpointAt(entries))).toMatchObject({ code: 0, stdout: 'ok\n' })
    },
  )

  test('a log rolled back to an earlier state is refused, by Go and by Kestrel', async () => {
    const older = aLog(signer, 800)
    expect(await extend(older, checkpointAt(801))).toMatchObject({ code: 6, stdout: expect.stringContaining('801') })
    const since = checkpointAt(801)
    const { problems } = await verifyLog(older, { vkey: signer.vkey, since })
    expect(problems).toMatchObject([{ code: 'not_an_extension' }])
  })

  test.each([301, 512, 1024, 1100])('a log forked before entry %i is refused by both', async (entries) => {
    const said = await extend(fork, checkpointAt(entries))
    expect(said).toMatchObject({ code: 6, stdout: expect.stringContaining('no extension') })
    const { problems } = await verifyLog(fork, { vkey: signer.vkey, since: checkpointAt(entries) })
    expect(problems).toMatchObject([{ code: 'not_an_extension' }])
  })

  test('up to where it was forked, the two are one log', async () => {
    expect(await extend(fork, checkpointAt(300))).toMatchObject({ code: 0 })
  })

  test('a checkpoint of another key proves nothing, whichever of the two it is', async () => {
    const other = aSigner(signer.origin)
    expect(await extend(aLog(signer, size), aLog(other, 300).file('checkpoint'))).toMatchObject({ code: 6 })
    expect(await extend(aLog(signer, size), checkpointAt(300), other.vkey)).toMatchObject({ code: 6 })
    expect(await extend(aLog(other, size), checkpointAt(300))).toMatchObject({ code: 6 })
  })

  test('a damaged tile proves nothing', async () => {
    const log = aLog(signer, size)
    const folder = placed(log, verifier.folder)
    const tile = Uint8Array.from(log.file('tile/0/001'))
    tile[77] = (tile[77] as number) ^ 1
    writeFileSync(join(folder, 'tile/0/001'), tile)
    const older = written(checkpointAt(300), verifier.folder)
    expect(await verifier.run(['extends', folder, older, signer.vkey])).toMatchObject({ code: 6 })
  })
})
