import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { limits } from '../../../src/base/limits.ts'
import { nodeFiles, type FileLayer } from '../../../src/evidence/ledger/file-layer.ts'
import { parseCheckpoint, parseNote, type NoteSignature } from '../../../src/evidence/ledger/note.ts'
import { openCosignature } from '../../../src/evidence/witness/cosignature.ts'
import { originHash } from '../../../src/evidence/witness/cosigned-heads.ts'
import { answerAddCheckpoint, answerHead } from '../../../src/evidence/witness/index.ts'
import { guards } from '../../guards.ts'
import { aSigner } from '../receipt/a-log.ts'
import { aTree, aWitness, aWitnessKey, type AWitness } from './a-witness.ts'

const tree = aTree(120)
const logs = [tree.signer]
const unusable = expect.objectContaining({ code: 'WITNESS_STATE_UNUSABLE' }) as object
const fileOf = ({ folder }: AWitness): string => join(folder, originHash(tree.signer.origin))

describe('a witness', () => {
  guards('LED-01')

  test('cosigns what extends what it cosigned, also after a restart, and remembers it before it answers', async () => {
    using first = await aWitness(logs)
    const answer = await first.ask(tree, 0, 7)
    expect(answer).toMatchObject({ size: 7, timestamp: first.now })
    const kept = parseNote(readFileSync(fileOf(first)))
    expect(parseCheckpoint(kept.body).size).toBe(7)
    const [own, line] = kept.signatures as [NoteSignature, NoteSignature]
    expect(own.name).toBe(tree.signer.origin)
    expect(await openCosignature(line, kept.body, first.signer.key, nodePrimitives)).toBe(first.now)
    expect(statSync(fileOf(first)).mode & 0o777).toBe(0o600)
    using second = await first.restart()
    expect(await second.ask(tree, 0, 9)).toMatchObject({ status: 409, size: 7 })
    expect(await second.ask(tree.fork(3), 7, 9)).toMatchObject({ status: 422 })
    expect(await second.ask(tree, 7, 9)).toMatchObject({ size: 9 })
    expect(await second.ask(tree, 9, 9)).toMatchObject({ size: 9 })
    expect(await second.ask(tree.fork(3), 9, 9)).toMatchObject({ status: 422 })
  })

  test('keeps nothing of lines by strangers', async () => {
    using witness = await aWitness(logs)
    const lines = Array.from({ length: 15 }, (_, at) => `\u2014 stranger${at} AAAAAAA=\n`).join('')
    const crowded = Buffer.concat([tree.checkpoint(7), Buffer.from(lines)])
    expect(await witness.witness.cosign(crowded, () => ({ oldSize: 0, proof: [] }))).toHaveProperty('line')
    expect(parseNote(readFileSync(fileOf(witness))).signatures).toHaveLength(2)
    expect(await witness.ask(tree, 7, 8)).toHaveProperty('line')
  })

  test('never states an earlier time for a later head, whatever its clock does', async () => {
    using witness = await aWitness(logs)
    await witness.ask(tree, 0, 7)
    const { now } = witness
    witness.now -= 1000
    expect(await witness.ask(tree, 7, 8)).toMatchObject({ timestamp: now })
    witness.now += 2000
    expect(await witness.ask(tree, 8, 9)).toMatchObject({ timestamp: now + 1000 })
  })

  test('asked for two histories at once by many, cosigns one', async () => {
    using witness = await aWitness(logs)
    const fork = tree.fork(10)
    await witness.ask(tree, 0, 10)
    const race = [tree, fork].flatMap((side) => Array.from({ length: 20 }, (_, at) => witness.ask(side, 10, 11 + at)))
    const found = await Promise.all(race)
    const cosigned = found.filter((each) => 'line' in each)
    expect(cosigned).toHaveLength(1)
    expect(found.every((each) => 'line' in each || ('status' in each && each.status === 409))).toBe(true)
  })

  test('lets so many wait and no more', async () => {
    using witness = await aWitness(logs)
    const found = await Promise.all(Array.from({ length: limits.witnessWaiting + 5 }, () => witness.ask(tree, 0, 7)))
    expect(found.filter((each) => 'waiting' in each)).toHaveLength(5)
    expect(await witness.ask(tree, 7, 7)).toHaveProperty('line')
  })

  test('takes no name of a log for a path', async () => {
    const odd = aTree(9, aSigner('../../escaped'))
    using witness = await aWitness([odd.signer])
    expect(await witness.ask(odd, 0, 7)).toHaveProperty('line')
    expect(readdirSync(witness.folder).sort()).toEqual(
      [originHash('../../escaped'), 'lock', 'lock.owner', 'vkey'].sort(),
    )
    expect(readdirSync(join(witness.folder, '..'))).toEqual(['state'])
  })
})

describe('what a witness remembers', () => {
  guards('LED-01', 'LED-03')

  const damages: readonly (readonly [string, (path: string, other: string) => void])[] = [
    ['cut', (path) => writeFileSync(path, readFileSync(path).subarray(0, 60))],
    ['empty', (path) => writeFileSync(path, '')],
    ['a note without our cosignature', (path) => writeFileSync(path, tree.checkpoint(9))],
    ['a bit flipped in the size', (path) => writeFileSync(path, readFileSync(path, 'utf8').replace('\n7\n', '\n6\n'))],
    ['the head of another log', (path, other) => writeFileSync(path, readFileSync(other))],
    ['a link', (path, other) => (rmSync(path), symlinkSync(other, path))],
    ['a pipe', (path) => (rmSync(path), execFileSync('mkfifo', [path]))],
  ]

  test.each(damages)('%s: nothing is cosigned until someone looks', async (_what, damage) => {
    const other = aTree(9, aSigner('kestrel.local/other'))
    using witness = await aWitness([tree.signer, other.signer])
    await witness.ask(tree, 0, 7)
    await witness.ask(other, 0, 5)
    damage(fileOf(witness), join(witness.folder, originHash(other.signer.origin)))
    for (const size of [0, 7, 9]) await expect(witness.ask(tree, 7, Math.max(size, 7))).rejects.toEqual(unusable)
    await expect(witness.ask(tree, 0, 7)).rejects.toEqual(unusable)
    expect(await witness.ask(other, 5, 6)).toHaveProperty('line')
  })

  test('belongs to one process and one key', async () => {
    using witness = await aWitness(logs)
    const { folder } = witness
    await expect(aWitness(logs, { folder })).rejects.toEqual(unusable)
    expect(readFileSync(join(folder, 'vkey'), 'utf8')).toBe(`${witness.signer.vkey}\n`)
  })

  test('is refused to another key', async () => {
    using witness = await aWitness(logs)
    witness.heads.close()
    const { folder } = witness
    await expect(aWitness(logs, { folder, signer: aWitnessKey('witness.example/w2', 8) })).rejects.toEqual(unusable)
    using again = await aWitness(logs, { folder })
    expect(await again.ask(tree, 0, 3)).toHaveProperty('line')
  })

  test.each(['ENOSPC', 'EIO', 'EROFS'])('cannot be written (%s): an error, and nothing is cosigned', async (code) => {
    let broken = false
    const files: FileLayer = {
      ...nodeFiles,
      async replace(path, bytes) {
        if (broken) throw Object.assign(new Error('no'), { code })
        await nodeFiles.replace(path, bytes)
      },
    }
    using witness = await aWitness(logs, { files })
    await witness.ask(tree, 0, 7)
    broken = true
    await expect(witness.ask(tree, 7, 9)).rejects.toMatchObject({ code })
    const request = await tree.request(7, 9)
    const served = { witness: witness.witness, heads: witness.heads, logs: new Map() }
    await expect(answerAddCheckpoint(served, request)).rejects.toMatchObject({ code })
    broken = false
    expect(await witness.ask(tree, 0, 9)).toMatchObject({ status: 409, size: 7 })
    expect(await witness.ask(tree, 7, 9)).toHaveProperty('line')
  })

  test('is on the disk before the answer is given', async () => {
    const order: string[] = []
    const files: FileLayer = {
      ...nodeFiles,
      async replace(path, bytes) {
        await nodeFiles.replace(path, bytes)
        if (!path.endsWith('vkey')) order.push('kept')
      },
    }
    using witness = await aWitness(logs, { files })
    await witness.ask(tree, 0, 7).then(() => order.push('answered'))
    expect(order).toEqual(['kept', 'answered'])
  })
})

describe('the answers of a witness', () => {
  guards('LED-16')

  test('have the statuses and types of c2sp.org/tlog-witness', async () => {
    using witness = await aWitness(logs)
    const known = new Map([[tree.signer.origin, []]])
    const served = { witness: witness.witness, heads: witness.heads, logs: known }
    const ask = async (bytes: Uint8Array): Promise<[number, string, string]> => {
      const { status, contentType, body } = await answerAddCheckpoint(served, bytes)
      return [status, contentType.split(';')[0] as string, Buffer.from(body as string).toString()]
    }
    const path = `/${originHash(tree.signer.origin)}/checkpoint`
    expect(await answerHead(served, path)).toMatchObject({ status: 404 })
    expect(await ask(await tree.request(3, 7))).toEqual([409, 'text/x.tlog.size', '0\n'])
    expect(await ask(await tree.request(0, 7))).toEqual([
      200,
      'text/plain',
      expect.stringMatching(/^\u2014 witness\.example\/w1 \S+\n$/),
    ])
    expect(await ask(await tree.request(0, 9))).toEqual([409, 'text/x.tlog.size', '7\n'])
    expect(await ask(await tree.fork(2).request(7, 9))).toMatchObject([422, 'text/plain', expect.any(String)])
    expect(await ask(await aTree(9, aSigner('kestrel.local/other')).request(0, 7))).toMatchObject([
      404,
      'text/plain',
      expect.any(String),
    ])
    expect(await ask(await aTree(9, aSigner(tree.signer.origin)).request(0, 7))).toMatchObject([
      403,
      'text/plain',
      expect.any(String),
    ])
    expect(await ask(Buffer.from('x'))).toMatchObject([400, 'text/plain', expect.any(String)])
    const { status, body } = await answerHead(served, path)
    expect({ status, kept: Buffer.from(body) }).toEqual({ status: 200, kept: readFileSync(fileOf(witness)) })
    for (const wrong of ['/', '/checkpoint', `${path}/`, `/${'0'.repeat(64)}/checkpoint`, '/../vkey']) {
      expect(await answerHead(served, wrong)).toMatchObject({ status: 404 })
    }
  })
})
