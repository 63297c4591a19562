import { createCipheriv, createDecipheriv, type CipherGCM, type DecipherGCM } from 'node:crypto'
import { KernelError } from './errors.ts'
import type { RandomBytes } from './random.ts'

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

/** What sealing adds to the plaintext's length, in bytes: nonce in front, tag behind. */
export const sealOverheadBytes: number = nonceBytes + tagBytes

/**
 * AES-256-GCM: nonce ‖ ciphertext ‖ tag. `context` is authenticated, not stored: bytes sealed for one place do not open in another.
 *
 * @param key 32 bytes; with random 96-bit nonces one key seals at most 2^32 messages (NIST SP 800-38D §8.3)
 */
export function seal(key: Uint8Array, context: string, plaintext: Uint8Array, random: RandomBytes): Uint8Array {
  const nonce = random(nonceBytes)
  const cipher: CipherGCM = createCipheriv(algorithm, key, nonce)
  cipher.setAAD(Buffer.from(context))
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** @throws KernelError SEAL_INVALID when the key, the context or a single bit differs */
export function unseal(key: Uint8Array, context: string, sealed: Uint8Array): Uint8Array {
  if (sealed.length < sealOverheadBytes) throw new KernelError('SEAL_INVALID', 'too short')
  try {
    const decipher: DecipherGCM = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes))
    decipher.setAAD(Buffer.from(context))
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)), decipher.final()])
  } catch (cause) {
    throw new KernelError('SEAL_INVALID', 'another key or place, or altered bytes', { cause })
  }
}
