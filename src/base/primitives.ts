/**
 * The two operations that verification needs. A port, because the same verifier runs in Node (synchronous `node:crypto`) and
 * in a browser (asynchronous WebCrypto): `await` takes either.
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
