import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodePrimitives } from '../../../src/base/hash.ts'
import { parseVkey } from '../../../src/evidence/ledger/note.ts'
import { consistencyProof, perfectRoot, type NodeReader } from '../../../src/evidence/proof/index.ts'
import {
  createWitnessKey,
  CosignedHeads,
  readWitnessSigner,
  Witness,
  type CosignedLine,
  type WitnessSigner,
} from '../../../src/evidence/witness/index.ts'
import { formatAddCheckpoint } from '../../../src/evidence/witness/request.ts'
import type { Refusal } from '../../../src/evidence/witness/refusal.ts'
import type { FileLayer } from '../../../src/evidence/ledger/file-layer.ts'
import { aSigner, signedCheckpoint, treeHash, type Signer } from '../receipt/a-log.ts'

/** A key that is the same in every run. */
export function aWitnessKey(name: string = 'witness.example/w1', seed: number = 7): WitnessSigner {
  return readWitnessSigner(createWitnessKey(name, (length) => new Uint8Array(length).fill(seed)))
}

/** A tree of leaf hashes that its owner signs at any size: also of two histories that part at some leaf. */
export interface ATree {
  readonly signer: Signer
  root(size: number): Buffer
  checkpoint(size: number): Uint8Array
  proof(oldSize: number, size: number): Promise<Uint8Array[]>
  /** The request to a witness that remembers `oldSize`. */
  request(oldSize: number, size: number): Promise<Uint8Array>
  /** Another history of the same log, the same up to leaf `from`. */
  fork(from: number): ATree
}

export function aTree(size: number, signer: Signer = aSigner()): ATree {
  return treeOf(
    Array.from({ length: size }, (_, index) => leaf(index, 0)),
    signer,
  )
}

function treeOf(leaves: readonly Buffer[], signer: Signer): ATree {
  const root = (size: number): Buffer => treeHash(leaves.slice(0, size))
  const node: NodeReader = (level, index) =>
    perfectRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level), nodePrimitives)
  const tree: ATree = {
    signer,
    root,
    checkpoint: (size) => signedCheckpoint(signer, size, root(size)),
    proof: (oldSize, size) => consistencyProof(oldSize, size, node, nodePrimitives),
    request: async (oldSize, size) =>
      formatAddCheckpoint({ oldSize, proof: await tree.proof(oldSize, size), checkpoint: tree.checkpoint(size) }),
    fork: (from) =>
      treeOf(
        leaves.map((same, index) => (index < from ? same : leaf(index, 1))),
        signer,
      ),
  }
  return tree
}

function leaf(index: number, history: number): Buffer {
  const bytes = Buffer.alloc(32, history)
  bytes.writeUInt32BE(index)
  return bytes
}

/** A witness over a real folder, gone at the end of the test. */
export interface AWitness extends Disposable {
  readonly folder: string
  readonly signer: WitnessSigner
  readonly witness: Witness
  readonly heads: CosignedHeads
  /** What the clock shows, in seconds. */
  now: number
  /** Asks for `tree` at `size` with the proof from `oldSize`. */
  ask(tree: ATree, oldSize: number, size: number): Promise<CosignedLine | Refusal | { readonly waiting: number }>
  /** Closes what holds the folder and opens it again, as after a restart. */
  restart(): Promise<AWitness>
}

export interface AWitnessOptions {
  readonly folder?: string
  readonly signer?: WitnessSigner
  readonly files?: FileLayer
}

export async function aWitness(logs: readonly Signer[], options: AWitnessOptions = {}): Promise<AWitness> {
  const folder = options.folder ?? join(mkdtempSync(join(tmpdir(), 'kestrel-witness-')), 'state')
  const signer = options.signer ?? aWitnessKey()
  const clock = { now: (): number => made.now * 1000 }
  const heads = await CosignedHeads.open(folder, signer, { now: () => 0 }, options.files)
  const known = new Map(logs.map(({ origin, vkey }) => [origin, [parseVkey(vkey)]]))
  const witness = new Witness({ signer, logs: known, heads, clock, primitives: nodePrimitives })
  const made: AWitness = {
    folder,
    signer,
    witness,
    heads,
    now: 1_800_000_000,
    ask: async (tree, oldSize, size) => {
      const proof = oldSize <= size ? await tree.proof(oldSize, size) : []
      return witness.cosign(tree.checkpoint(size), () => ({ oldSize, proof }))
    },
    async restart() {
      heads.close()
      return aWitness(logs, { ...options, folder, signer })
    },
    [Symbol.dispose]() {
      heads.close()
      rmSync(join(folder, '..'), { recursive: true, force: true })
    },
  }
  return made
}
