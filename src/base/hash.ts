import { createHash, createPublicKey, hash, verify, type KeyObject } from 'node:crypto'
import type { Primitives } from './primitives.ts'

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

const ed25519SpkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** The verifier's primitives by `node:crypto`, all synchronous. */
export const nodePrimitives: Primitives = {
  sha256,
  verifyEd25519(publicKey, message, signature) {
    const der = Buffer.concat([ed25519SpkiPrefix, publicKey])
    return verifyWith(der, null, message, signature)
  },
  verifyP256(publicKey, message, signature) {
    return verifyWith(Buffer.from(publicKey), 'sha256', message, signature)
  },
}

function verifyWith(spki: Buffer, digest: 'sha256' | null, message: Uint8Array, signature: Uint8Array): boolean {
  let key: KeyObject
  try {
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch {
    return false
  }
  if (digest === null) return key.asymmetricKeyType === 'ed25519' && verify(null, message, key, signature)
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false
  return verify(digest, message, { key, dsaEncoding: 'ieee-p1363' }, signature)
}
