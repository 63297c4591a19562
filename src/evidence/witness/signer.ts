import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { fromBase64, toBase64, toHex } from '../../base/bytes.ts'
import { isKernelError, KernelError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import type { RandomBytes } from '../../base/random.ts'
import { formatVkey, keyIdInput, signatureTypes, type VerifierKey } from '../ledger/note.ts'
import { cosignedMessage, formatCosignature, type CosignedAt } from './cosignature.ts'

/** What cosigns in the name of a witness. */
export interface WitnessSigner {
  readonly key: VerifierKey
  /** `<name>+<8 hex>+<base64>`, type 0x04: what others need to check the cosignatures. */
  readonly vkey: string
  /** A cosignature line over the text of a checkpoint, its newline included. */
  cosign(body: string, timestamp: CosignedAt): string
}

const seedBytes = 32
/** What stands before the 32 bytes of an Ed25519 seed in PKCS#8, and before a public key in SPKI (RFC 8410). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const spkiPrefixBytes = 12
const keyPattern = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)\n$/

/**
 * A new key, as the one line of its file: `PRIVATE+KEY+<name>+<8 hex>+<base64>`, the form of Go's sumdb/note with type 0x04, so
 * that other witnesses can go on with it.
 *
 * @throws KernelError KEY_INVALID for a name with a space or `+` in it
 */
export function createWitnessKey(name: string, random: RandomBytes): string {
  const seed = random(seedBytes)
  const { key } = signerOf(name, seed)
  const typed = Buffer.concat([Buffer.of(signatureTypes.cosignature), seed])
  return `PRIVATE+KEY+${name}+${toHex(key.keyId)}+${toBase64(typed)}\n`
}

/** Reads what `createWitnessKey` wrote. @throws KernelError KEY_INVALID, which repeats nothing of the text */
export function readWitnessSigner(text: string): WitnessSigner {
  const [, name = '', id, encoded = ''] = keyPattern.exec(text) ?? []
  const typed = typedSeed(encoded)
  if (id === undefined || typed?.length !== 1 + seedBytes || typed[0] !== signatureTypes.cosignature) {
    const form = 'one line `PRIVATE+KEY+<name>+<8 hex digits>+<base64>` of type 0x04'
    throw new KernelError('KEY_INVALID', `it is not the key file of a witness: ${form}`)
  }
  const signer = signerOf(name, typed.subarray(1))
  if (toHex(signer.key.keyId) === id) return signer
  throw new KernelError('KEY_INVALID', 'the key id is not that of its name and key; restore the file from a backup')
}

function typedSeed(encoded: string): Uint8Array | undefined {
  try {
    return fromBase64(encoded)
  } catch (error) {
    if (!isKernelError(error)) throw error
    return undefined
  }
}

function signerOf(name: string, seed: Uint8Array): WitnessSigner {
  const secret = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(spkiPrefixBytes)
  const type = signatureTypes.cosignature
  const keyId = sha256(keyIdInput(name, publicKey, type)).subarray(0, 4)
  const vkey = formatVkey(name, publicKey, keyId, type)
  return {
    key: { type, name, keyId, publicKey },
    vkey,
    cosign: (body, timestamp) =>
      formatCosignature({ name, keyId }, timestamp, sign(null, cosignedMessage(timestamp, body), secret)),
  }
}
