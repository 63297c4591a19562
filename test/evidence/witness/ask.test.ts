import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { limits } from '../../../src/base/limits.ts'
import { nodeFiles, type FileLayer } from '../../../src/evidence/ledger/file-layer.ts'
import { acquireLock } from '../../../src/evidence/ledger/lock.ts'
import { formatSignatureLine, parseNote, parseVkey } from '../../../src/evidence/ledger/note.ts'
import { readSignedHead, verifyLog } from '../../../src/evidence/receipt/index.ts'
import { addLine, answerAddCheckpoint, askWitness, type Post } from '../../../src/evidence/witness/index.ts'
import { guards } from '../../guards.ts'
import { aSigner, publish, someEntries, type ALog } from '../receipt/a-log.ts'
import { aWitness, aWitnessKey, type AWitness } from './a-witness.ts'

const signer = aSigner()
const entries = someEntries(signer, 700)
const at = (size: number): ALog => publish(signer, entries.slice(0, size))
const early = at(300)
const late = at(700)
const forked = publish(signer, someEntries(signer, 700, { fork: { from: 10, mark: 'other' } }))
const clock = { now: () => 0 }

function asked(log: ALog, post: Post, key = aWitnessKey().key): ReturnType<typeof askWitness> {
  const signed = readSignedHead(log.file('checkpoint'))
  return askWitness({ files: log, signed, primitives: nodePrimitives }, key, post)
}

function postTo(to: AWitness): Post {
  const logs = new Map([[signer.origin, [parseVkey(signer.vkey)]]])
  return async (body) => {
    const answer = await answerAddCheckpoint({ witness: to.witness, heads: to.heads, logs }, body)
    return { status: answer.status, body: Buffer.from(answer.body as string) }
  }
}

function says(status: number, body: string): Post {
  return async () => ({ status, body: Buffer.from(body) })
}

describe('a log that asks a witness', () => {
  guards('LED-01', 'LED-05')

  test('sends the proof that it wants, and gets a cosignature that verifies', async () => {
    using witness = await aWitness([signer])
    const post = postTo(witness)
    for (const log of [early, late, late]) {
      const { line } = await asked(log, post)
      const cosigned = log.copy()
      cosigned.files.set('checkpoint', Buffer.concat([log.file('checkpoint'), Buffer.from(line)]))
      const found = await verifyLog(cosigned, { vkey: signer.vkey, witnesses: [witness.signer.vkey] })
      expect(found).toMatchObject({ ok: true, witnessed: [{ name: 'witness.example/w1', timestamp: witness.now }] })
    }
  })

  test('learns that it was rolled back, or forked', async () => {
    using witness = await aWitness([signer])
    const post = postTo(witness)
    await asked(late, post)
    await expect(asked(early, post)).rejects.toMatchObject({ code: 'LEDGER_ROLLED_BACK' })
    await expect(asked(forked, post)).rejects.toMatchObject({ code: 'LEDGER_PROOF_INVALID' })
    using other = await aWitness([signer])
    await asked(early, postTo(other))
    await expect(asked(forked, postTo(other))).rejects.toMatchObject({ code: 'LEDGER_PROOF_INVALID' })
  })

  test.each<[string, Post, string]>([
    ['403', says(403, 'no'), 'WITNESS_REFUSED'],
    ['404', says(404, 'no'), 'WITNESS_REFUSED'],
    ['500', says(500, 'no'), 'WITNESS_UNAVAILABLE'],
    ['a redirect', says(302, ''), 'WITNESS_UNAVAILABLE'],
    ['409 without a size', says(409, 'x'), 'WITNESS_UNAVAILABLE'],
    ['409 with a size in another spelling', says(409, '03\n'), 'WITNESS_UNAVAILABLE'],
    ['409 for ever', says(409, '3\n'), 'WITNESS_UNAVAILABLE'],
    ['nothing', says(200, ''), 'NOTE_INVALID'],
    ['a page', says(200, '<html>\n'), 'NOTE_INVALID'],
    ['a line by someone else', says(200, '\u2014 stranger AAAAAAA=\n'), 'NOTE_INVALID'],
    ['a line that goes on in a new note', says(200, '\nother\n\n\u2014 stranger AAAAAAA=\n'), 'NOTE_INVALID'],
    ['more lines than a note has', says(200, '\u2014 stranger AAAAAAA=\n'.repeat(16)), 'NOTE_INVALID'],
    ['a cosignature of another text', says(200, aWitnessKey().cosign('x\n', 5)), 'NOTE_INVALID'],
  ])('is answered %s: a named error', async (_what, post, code) => {
    await expect(asked(late, post)).rejects.toMatchObject({ code })
  })

  test('without the key of the witness takes what looks like a cosignature', async () => {
    const line = aWitnessKey().cosign('anything\n', 5)
    const signed = readSignedHead(late.file('checkpoint'))
    const log = { files: late, signed, primitives: nodePrimitives }
    expect(await askWitness(log, undefined, says(200, line))).toMatchObject({ line, timestamp: 5 })
    await expect(askWitness(log, undefined, says(200, '\u2014 stranger AAAAAAA=\n'))).rejects.toMatchObject({
      code: 'NOTE_INVALID',
    })
  })
})

describe('a cosignature added to a checkpoint', () => {
  guards('LED-03')

  const signed = readSignedHead(early.file('checkpoint'))
  const witness = aWitnessKey()
  const lineAt = (timestamp: number): { line: string; key: typeof witness.key } => ({
    line: witness.cosign(signed.note.body, timestamp),
    key: witness.key,
  })

  function aLedger(): { ledger: string; checkpoint: string; read: () => string; [Symbol.dispose](): void } {
    const root = mkdtempSync(join(tmpdir(), 'kestrel-add-'))
    const ledger = join(root, 'data', 'ledger')
    mkdirSync(ledger, { recursive: true })
    const checkpoint = join(ledger, 'checkpoint')
    writeFileSync(checkpoint, signed.bytes)
    return {
      ledger,
      checkpoint,
      read: () => readFileSync(checkpoint, 'utf8'),
      [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
    }
  }

  test('takes the place of an older one by the same key, where nobody else writes', async () => {
    using place = aLedger()
    const one = lineAt(5)
    const two = lineAt(6)
    expect(await addLine(place.ledger, signed, one, clock)).toBe('added')
    expect(place.read()).toBe(`${Buffer.from(signed.bytes).toString()}${one.line}`)
    const now = readSignedHead(readFileSync(place.checkpoint))
    expect(await addLine(place.ledger, now, two, clock)).toBe('added')
    expect(place.read()).toBe(`${Buffer.from(signed.bytes).toString()}${two.line}`)
  })

  test('is appended beside a running writer, which keeps its older one', async () => {
    using place = aLedger()
    const lock = acquireLock(dirname(place.ledger), { pid: 1, startedAt: 0, dataDir: dirname(place.ledger) })
    expect(await addLine(place.ledger, signed, lineAt(5), clock)).toBe('added')
    const now = readSignedHead(readFileSync(place.checkpoint))
    expect(now.note.signatures).toHaveLength(2)
    expect(await addLine(place.ledger, now, lineAt(6), clock)).toBe('kept')
    expect(await addLine(place.ledger, signed, lineAt(6), clock)).toBe('outdated')
    lock.release()
  })

  test.each([true, false])('goes nowhere once the log has another checkpoint; a writer runs: %s', async (isRunning) => {
    using place = aLedger()
    const dataDir = dirname(place.ledger)
    const lock = isRunning ? acquireLock(dataDir, { pid: 1, startedAt: 0, dataDir }) : undefined
    writeFileSync(place.checkpoint, late.file('checkpoint'))
    expect(await addLine(place.ledger, signed, lineAt(5), clock)).toBe('outdated')
    rmSync(place.checkpoint)
    expect(await addLine(place.ledger, signed, lineAt(5), clock).catch((error: unknown) => error)).not.toBe('added')
    lock?.release()
  })

  test('never ends up in a checkpoint that a writer publishes at that very moment', async () => {
    for (const step of ['open', 'write', 'sync'] as const) {
      using place = aLedger()
      const dataDir = dirname(place.ledger)
      const lock = acquireLock(dataDir, { pid: 1, startedAt: 0, dataDir })
      const publishNow = async (): Promise<void> => nodeFiles.replace(place.checkpoint, late.file('checkpoint'))
      const files: FileLayer = {
        ...nodeFiles,
        open(path, create) {
          const fd = nodeFiles.open(path, create)
          if (step === 'open') replaceAtOnce(place.checkpoint)
          return fd
        },
        write(fd, bytes, position) {
          if (step === 'write') replaceAtOnce(place.checkpoint)
          nodeFiles.write(fd, bytes, position)
        },
        async sync(fd) {
          if (step === 'sync') await publishNow()
          await nodeFiles.sync(fd)
        },
      }
      expect(await addLine(place.ledger, signed, lineAt(5), clock, files), step).toBe('outdated')
      expect(place.read(), step).toBe(Buffer.from(late.file('checkpoint')).toString())
      lock.release()
    }
  })

  /** As a publisher does it, by a new file put in place. */
  function replaceAtOnce(path: string): void {
    rmSync(path)
    writeFileSync(path, late.file('checkpoint'))
  }

  test('fits a note of fifteen others, and no more', () => {
    const full = `${Buffer.from(signed.bytes).toString()}${'\u2014 s AAAAAAA=\n'.repeat(limits.noteSignatures - 1)}`
    expect(parseNote(Buffer.from(full)).signatures).toHaveLength(limits.noteSignatures)
    expect(() =>
      parseNote(Buffer.from(`${full}${formatSignatureLine('s', new Uint8Array(4), new Uint8Array(1))}`)),
    ).toThrow()
  })
})
