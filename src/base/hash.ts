import { createHash, createPublicKey, hash, verify } from 'node:crypto'
import { primitivesBy, type NodeCrypto, type Primitives } from './primitives.ts'

/** SHA-256 as lower-case hex. One-shot to a string is the fastest form that Node has. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'hex')
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return Buffer.from(hash('sha256', bytes, 'hex'), 'hex')
}

/** 64 hex of SHA-256(salt ‖ bytes): what an entry says of a payload that stands only in the vault (FORMATS, "Commitment"). */
export function commitmentOf({ salt, bytes }: { readonly salt: Uint8Array; readonly bytes: Uint8Array }): string {
  return createHash('sha256').update(salt).update(bytes).digest('hex')
}

/** The verifier's primitives by `node:crypto`, all synchronous. */
export const nodePrimitives: Primitives = { ...primitivesBy({ hash, createPublicKey, verify } as NodeCrypto), sha256 }
