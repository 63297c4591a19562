import { fromHex, toHex, utf8 } from '../base/bytes.ts'
import { canonicalJson } from '../base/canonical-json.ts'
import { nodePrimitives } from '../base/hash.ts'
import type { JsonValue } from '../base/json.ts'
import { checkVkey, parseNote, parseVkey } from '../evidence/ledger/index.ts'
import { leafHash, verifyConsistency, verifyInclusion } from '../evidence/proof/index.ts'
import type { Primitives } from '../base/primitives.ts'

/** A known answer from a standard, and whether this machine finds it. */
export interface SelfTest {
  readonly name: string
  readonly source: string
  holds(primitives: Primitives): boolean | Promise<boolean>
}

/** Root of the tree of 8 leaves in the test data of Certificate Transparency, and the hashes that lead to it from its first. */
const eightLeaves = {
  firstLeaf: '',
  leafHash: '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  path: [
    '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
  ],
  root: '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
} as const

const rfc8032 = {
  publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
  message: '72',
  signature:
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
} as const

const rfc8785 = {
  text: '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
  canonical:
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
} as const

const exampleNote = {
  vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  note: [
    'If you think cryptography is the answer to your problem,',
    "then you don't know what your problem is.",
    '',
    '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=',
    '',
  ].join('\n'),
} as const

/** What everything else rests on, tried against answers that others published. */
export const selfTests: readonly SelfTest[] = [
  {
    name: 'SHA-256',
    source: 'FIPS 180-4, "abc"',
    holds: async ({ sha256 }) =>
      toHex(await sha256(utf8('abc'))) === 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  },
  { name: 'Ed25519', source: 'RFC 8032 §7.1, test 2', holds: checksSignatures },
  { name: 'canonical JSON', source: 'RFC 8785 §3.2', holds: checksCanonicalJson },
  { name: 'inclusion proof', source: 'RFC 6962, test data of Certificate Transparency', holds: checksInclusion },
  { name: 'consistency proof', source: 'RFC 6962, test data of Certificate Transparency', holds: checksConsistency },
  { name: 'signed note', source: 'the example of golang.org/x/mod/sumdb/note', holds: checksNote },
]

/** Runs one, and calls a throw a failure. */
export async function passes(test: SelfTest): Promise<boolean> {
  try {
    return await test.holds(nodePrimitives)
  } catch {
    return false
  }
}

async function checksSignatures({ verifyEd25519 }: Primitives): Promise<boolean> {
  const [key, message, signature] = [rfc8032.publicKey, rfc8032.message, rfc8032.signature].map(fromHex)
  if (key === undefined || message === undefined || signature === undefined) return false
  const forged = signature.map((byte, at) => (at === 0 ? byte ^ 1 : byte))
  return (await verifyEd25519(key, message, signature)) && !(await verifyEd25519(key, message, forged))
}

/** Read by the platform's parser: the standard's example holds an integer that Kestrel's own refuses. */
function checksCanonicalJson(): boolean {
  return canonicalJson(JSON.parse(rfc8785.text) as JsonValue) === rfc8785.canonical
}

async function checksInclusion(primitives: Primitives): Promise<boolean> {
  const leaf = await leafHash(utf8(eightLeaves.firstLeaf), primitives)
  if (toHex(leaf) !== eightLeaves.leafHash) return false
  const claim = {
    index: 0,
    size: 8,
    leafHash: leaf,
    proof: eightLeaves.path.map(fromHex),
    root: fromHex(eightLeaves.root),
  }
  await verifyInclusion(claim, primitives)
  return refuses(() => verifyInclusion({ ...claim, index: 1 }, primitives))
}

async function checksConsistency(primitives: Primitives): Promise<boolean> {
  const claim = {
    oldSize: 1,
    oldRoot: fromHex(eightLeaves.leafHash),
    newSize: 8,
    newRoot: fromHex(eightLeaves.root),
    proof: eightLeaves.path.map(fromHex),
  }
  await verifyConsistency(claim, primitives)
  return refuses(() => verifyConsistency({ ...claim, oldSize: 2 }, primitives))
}

async function checksNote(primitives: Primitives): Promise<boolean> {
  const key = parseVkey(exampleNote.vkey)
  await checkVkey(key, primitives)
  const { body, signatures } = parseNote(utf8(exampleNote.note))
  const signature = signatures[0]?.signature
  return signature !== undefined && primitives.verifyEd25519(key.publicKey, utf8(body), signature)
}

async function refuses(check: () => Promise<void> | void): Promise<boolean> {
  try {
    await check()
    return false
  } catch {
    return true
  }
}
