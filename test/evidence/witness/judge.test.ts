import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodePrimitives } from '../../../src/base/hash.ts'
import {
  formatCheckpoint,
  formatNote,
  formatSignatureLine,
  parseNote,
  parseVkey,
} from '../../../src/evidence/ledger/note.ts'
import { admit, judge } from '../../../src/evidence/witness/judge.ts'
import { guards } from '../../guards.ts'
import { aSigner, signedCheckpoint, treeHash } from '../receipt/a-log.ts'
import { aTree, type ATree } from './a-witness.ts'

const tree = aTree(40)
const { signer } = tree
const logs = new Map([[signer.origin, [parseVkey(signer.vkey)]]])
const forked = tree.fork(5)

interface Head {
  readonly size: number
  readonly root: Uint8Array
}

function headOf(of: ATree, size: number): Head & { readonly origin: string } {
  return { origin: signer.origin, size, root: of.root(size) }
}

async function decide(next: Head, oldSize: number, proof: readonly Uint8Array[], known?: Head): Promise<number> {
  const refusal = await judge({ origin: signer.origin, ...next }, { oldSize, proof }, known, nodePrimitives)
  return refusal?.status ?? 200
}

describe('what a witness decides', () => {
  guards('LED-01', 'LED-05')

  test('of a first checkpoint', async () => {
    expect(await decide(headOf(tree, 7), 0, [])).toBe(200)
    expect(await decide(headOf(tree, 7), 3, await tree.proof(3, 7))).toBe(409)
    expect(await decide(headOf(tree, 7), 0, await tree.proof(3, 7))).toBe(422)
    expect(await decide(headOf(tree, 7), 8, [])).toBe(400)
  })

  test('of an empty tree', async () => {
    const empty = { size: 0, root: treeHash([]) }
    expect(await decide(empty, 0, [])).toBe(200)
    expect(await decide({ size: 0, root: Buffer.alloc(32) }, 0, [])).toBe(422)
    expect(await decide(empty, 0, [], empty)).toBe(200)
    expect(await decide(headOf(tree, 7), 0, [], empty)).toBe(200)
    expect(await decide(empty, 0, [], headOf(tree, 7))).toBe(409)
  })

  test('of the same checkpoint again, and of another of that size', async () => {
    const known = headOf(tree, 7)
    expect(await decide(known, 7, [], known)).toBe(200)
    expect(await decide(known, 7, [Buffer.alloc(32)], known)).toBe(422)
    expect(await decide(headOf(forked, 7), 7, [], known)).toBe(422)
    expect(await decide(known, 0, [], known)).toBe(409)
  })

  test('of every extension, every fork, and every proof that is another one', async () => {
    for (let oldSize = 1; oldSize < 20; oldSize++) {
      for (let size = oldSize + 1; size < 24; size++) {
        const proof = await tree.proof(oldSize, size)
        const known = headOf(tree, oldSize)
        const at = `${oldSize} to ${size}`
        expect(await decide(headOf(tree, size), oldSize, proof, known), at).toBe(200)
        if (size > 5) {
          const whole = await forked.proof(oldSize, size)
          const want = oldSize > 5 ? 422 : 200
          expect(await decide(headOf(forked, size), oldSize, whole, known), `fork ${at}`).toBe(want)
          if (oldSize > 5) expect(await decide(headOf(forked, size), oldSize, proof, known), `mixed ${at}`).toBe(422)
        }
        for (let line = 0; line < proof.length; line++) {
          const changed = proof.map((hash, index) => (index === line ? Buffer.alloc(32, 1) : hash))
          expect(await decide(headOf(tree, size), oldSize, changed, known), `line ${line} of ${at}`).toBe(422)
        }
        expect(await decide(headOf(tree, size), oldSize, [...proof, Buffer.alloc(32)], known), at).toBe(422)
        if (proof.length > 0) expect(await decide(headOf(tree, size), oldSize, proof.slice(1), known), at).toBe(422)
      }
    }
  })

  test('in any order of requests: what it cosigned is one history', async () => {
    const asked = fc.record({
      fork: fc.boolean(),
      size: fc.nat({ max: 39 }),
      oldSize: fc.option(fc.nat({ max: 39 })),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { maxLength: 30 }), async (requests) => {
        let known: Head | undefined
        const cosigned: Head[] = []
        for (const { fork, size, oldSize } of requests) {
          const source = fork ? forked : tree
          const from = oldSize ?? known?.size ?? 0
          const proof = from <= size ? await source.proof(from, size) : []
          const head = headOf(source, size)
          if ((await decide(head, from, proof, known)) !== 200) continue
          known = head
          cosigned.push(head)
        }
        const one = [tree, forked].some((of) => cosigned.every(({ size, root }) => of.root(size).equals(root)))
        expect(one).toBe(true)
        expect(cosigned.map(({ size }) => size)).toEqual(cosigned.map(({ size }) => size).sort((a, b) => a - b))
      }),
      { numRuns: 150 },
    )
  })
})

describe('what a witness admits', () => {
  guards('LED-04')

  const status = async (bytes: Uint8Array): Promise<number> => {
    const found = await admit(bytes, logs, nodePrimitives)
    return 'status' in found ? found.status : 200
  }
  const body = formatCheckpoint(headOf(tree, 7))
  const { signatures } = parseNote(tree.checkpoint(7))
  const own = formatSignatureLine(signer.origin, signer.keyId, signatures[0]?.signature ?? new Uint8Array())
  const bad = formatSignatureLine(signer.origin, signer.keyId, new Uint8Array(64))

  test('is signed by a key of the log, also beside lines of strangers', async () => {
    expect(await status(tree.checkpoint(7))).toBe(200)
    expect(await status(formatNote(body, ['\u2014 stranger AAAAAAA=\n', own]))).toBe(200)
    const two = new Map([[signer.origin, [parseVkey(aSigner(signer.origin).vkey), parseVkey(signer.vkey)]]])
    expect(await admit(tree.checkpoint(7), two, nodePrimitives)).toHaveProperty('checkpoint')
  })

  test.each([
    ['bytes that are no note', Buffer.from('x'), 400],
    ['a note of an unknown log', signedCheckpoint(aSigner('example.org/other'), 7, tree.root(7)), 404],
    ['a note whose origin cannot be a name', formatNote(`an origin\n7\n${'A'.repeat(43)}=\n`, [own]), 404],
    ['no signature of the log', formatNote(body, ['\u2014 stranger AAAAAAA=\n']), 403],
    ['a signature by another key of that name', signedCheckpoint(aSigner(signer.origin), 7, tree.root(7)), 403],
    ['a false signature beside a true one', formatNote(body, [own, bad]), 403],
  ])('is not %s', async (_what, bytes, wanted) => {
    expect(await status(bytes)).toBe(wanted)
  })
})
