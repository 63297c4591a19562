import { equalBytes } from './bytes.ts'

/**
 * The operations that verification needs. A port, because the same verifier runs in Node (synchronous `node:crypto`) and in a
 * browser (asynchronous WebCrypto): `await` takes either.
 */
export interface Primitives {
  sha256(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** @param publicKey 32 bytes, @param signature 64 bytes (RFC 8032) */
  verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>
  /** ECDSA P-256/SHA-256 in IEEE P1363 form. @param publicKey SPKI DER. False for a key or signature that is malformed. */
  verifyP256(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean | Promise<boolean>
}

/** By WebCrypto: browsers, Deno, Bun, edge workers, and Node too. */
export const webPrimitives: Primitives = {
  async sha256(bytes) {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.slice()))
  },
  verifyEd25519(publicKey, message, signature) {
    return verify('raw', publicKey, { name: 'Ed25519' }, { name: 'Ed25519' }, message, signature)
  },
  verifyP256(publicKey, message, signature) {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    return verify('spki', publicKey, algorithm, { name: 'ECDSA', hash: 'SHA-256' }, message, signature)
  },
}

/** A public key as Node's cryptography holds it. */
interface NodeKey {
  readonly asymmetricKeyType?: string | undefined
  readonly asymmetricKeyDetails?: { readonly namedCurve?: string | undefined } | undefined
}

/** The part of Node's cryptography module that verification uses. */
export interface NodeCrypto {
  hash(algorithm: 'sha256', bytes: Uint8Array, encoding: 'hex'): string
  createPublicKey(key: { readonly key: Uint8Array; readonly format: 'der'; readonly type: 'spki' }): NodeKey
  verify(algorithm: string | null, message: Uint8Array, key: object, signature: Uint8Array): boolean
}

/** What stands before the 32 bytes of an Ed25519 key in its SPKI form (RFC 8410). */
const ed25519Spki = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00)

/** By Node's own module, all synchronous: one receipt takes a fifth of the time that WebCrypto's thread pool needs. */
export function primitivesBy(node: NodeCrypto): Primitives {
  // whoever verifies one thing under a key verifies the next under the same: reading a key costs a third of a verification
  let last: { readonly spki: Uint8Array; readonly key: NodeKey } | undefined
  const keyOf = (spki: Uint8Array): NodeKey | undefined => {
    if (last !== undefined && equalBytes(last.spki, spki)) return last.key
    try {
      const key = node.createPublicKey({ key: spki, format: 'der', type: 'spki' })
      last = { spki: spki.slice(), key }
      return key
    } catch {
      return undefined
    }
  }
  return {
    sha256: (bytes) => bytesOfHex(node.hash('sha256', bytes, 'hex')),
    verifyEd25519(publicKey, message, signature) {
      const spki = new Uint8Array(ed25519Spki.length + publicKey.length)
      spki.set(ed25519Spki)
      spki.set(publicKey, ed25519Spki.length)
      const key = keyOf(spki)
      return key?.asymmetricKeyType === 'ed25519' && node.verify(null, message, key, signature)
    },
    verifyP256(publicKey, message, signature) {
      const key = keyOf(publicKey)
      if (key?.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false
      return node.verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)
    },
  }
}

/**
 * The fastest that runs here: Node's where there is a Node, else WebCrypto. Asked for at run time, because a static import of
 * either would keep the verifier from loading in the other (Node.js, `process.getBuiltinModule`).
 */
export const defaultPrimitives: Primitives = ((): Primitives => {
  const { process: host } = globalThis as { process?: { getBuiltinModule?(name: 'crypto'): NodeCrypto | undefined } }
  const node = host?.getBuiltinModule?.('crypto')
  return typeof node?.hash === 'function' ? primitivesBy(node) : webPrimitives
})()

/** Of hex from a hash function, which needs no checking. */
function bytesOfHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2)
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = (digitOf(hex.charCodeAt(2 * at)) << 4) | digitOf(hex.charCodeAt(2 * at + 1))
  }
  return bytes
}

/** 0 to 15, from the code of `0` to `9` or `a` to `f`. */
function digitOf(code: number): number {
  return code <= 0x39 ? code - 0x30 : code - 0x57
}

async function verify(
  format: 'raw' | 'spki',
  publicKey: Uint8Array,
  keyAlgorithm: { name: string; namedCurve?: string },
  algorithm: { name: string; hash?: string },
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey(format, publicKey.slice(), keyAlgorithm, false, ['verify'])
    return await crypto.subtle.verify(algorithm, key, signature.slice(), message.slice())
  } catch {
    return false
  }
}
