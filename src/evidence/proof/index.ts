/** Merkle tree hashes and proofs of RFC 6962 and RFC 9162: pure arithmetic over one hash function. */
export { consistencyProof, verifyConsistency, type Consistency } from './consistency.ts'
export { Frontier } from './frontier.ts'
export { emptyRoot, leafHash, nodeHash, settled, type Sha256 } from './hash.ts'
export { inclusionProof, verifyInclusion, type Inclusion } from './inclusion.ts'
export { perfectRoot, rangeHash, type NodeReader } from './subtree.ts'
