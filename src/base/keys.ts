import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { sha256, sha256Hex } from './hash.ts'
import { KernelError } from './errors.ts'
import { createKeyDirectory, keyPath, readKeyDirectory, type KeyFiles } from './key-files.ts'

/**
 * The keys of one data directory (FORMATS, "Keys"). They live outside it, so that a copied or stolen data directory holds
 * nothing that signs or opens.
 */
export interface KeyRing {
  /** Absolute path of the folder that holds these keys. */
  readonly directory: string
  /** The log's name: `kestrel.local/<first 16 hex of SHA-256 of the log's public key>`. */
  readonly origin: string
  /** 32 bytes, Ed25519. */
  readonly logPublicKey: Uint8Array
  /** The first four bytes of SHA-256(origin ‖ "\n" ‖ 0x01 ‖ public key), as C2SP signed notes name a key. */
  readonly logKeyId: Uint8Array
  /** `<origin>+<8 hex>+<base64>`: what a verifier needs. */
  readonly vkey: string
  /** Ed25519 over `message`: 64 bytes. */
  signLog(message: Uint8Array): Uint8Array
  /** 32 bytes; authenticates WAL batches. */
  readonly walKey: Uint8Array
  /** 32 bytes; wraps the vault's keys. */
  readonly vaultKey: Uint8Array
  /** The kernel's own agent, `local`. */
  readonly agent: AgentKey
}

export interface AgentKey {
  /** SPKI DER of a P-256 key. */
  readonly publicKey: Uint8Array
  /** ECDSA P-256/SHA-256, IEEE P1363: 64 bytes. */
  sign(message: Uint8Array): Uint8Array
}

/** Hex digits of the log key's digest that name an origin and its keys folder. */
const digestHex = 16
const originPrefix = 'kestrel.local/'
const ed25519SpkiHeaderBytes = 12
const symmetricBytes = 32

/**
 * Makes the keys of a new data directory in `<root>/<origin digest>`, which does not exist yet: two data directories never
 * share a key by accident, even under one `--keys-dir`.
 *
 * @throws KernelError KEY_PERMISSIONS when others could replace what is in `root`
 */
export function createKeys(root: string): KeyRing {
  const log = generateKeyPairSync('ed25519').privateKey
  const agent = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
  const files: KeyFiles = {
    log: pem(log),
    agent: pem(agent),
    wal: randomBytes(symmetricBytes),
    vault: randomBytes(symmetricBytes),
  }
  return keyRing(createKeyDirectory(root, digestOf(rawPublicKey(log)), files), files)
}

/**
 * Loads the keys of the data directory whose log is named `origin`.
 *
 * @throws KernelError KEY_MISSING, KEY_PERMISSIONS with the fix, or KEY_INVALID
 */
export function loadKeys(root: string, origin: string): KeyRing {
  const digest = origin.startsWith(originPrefix) ? origin.slice(originPrefix.length) : ''
  if (!/^[0-9a-f]{16}$/.test(digest)) {
    throw new KernelError('KEY_INVALID', `the log's name \`${origin}\` does not name a key; is \`ledger/vkey\` intact?`)
  }
  const { directory, files } = readKeyDirectory(root, digest)
  const ring = keyRing(directory, files)
  if (ring.origin !== origin)
    throw new KernelError('KEY_INVALID', `the log key in \`${directory}\` is not that of \`${origin}\``)
  return ring
}

function keyRing(directory: string, files: KeyFiles): KeyRing {
  const log = privateKey(files.log, 'ed25519', keyPath(directory, 'log'))
  const agent = privateKey(files.agent, 'ec', keyPath(directory, 'agent'))
  assertWholeKey(agent, keyPath(directory, 'agent'))
  for (const name of ['wal', 'vault'] as const) {
    if (files[name].length !== symmetricBytes) {
      const what = `does not have ${symmetricBytes} bytes; restore it from your backup`
      throw new KernelError('KEY_INVALID', `\`${keyPath(directory, name)}\` ${what}`)
    }
  }
  const logPublicKey = rawPublicKey(log)
  const origin = originPrefix + digestOf(logPublicKey)
  const typed = Buffer.concat([Buffer.from([1]), logPublicKey])
  const logKeyId = sha256(Buffer.concat([Buffer.from(`${origin}\n`), typed])).subarray(0, 4)
  return {
    directory,
    origin,
    logPublicKey,
    logKeyId,
    vkey: `${origin}+${Buffer.from(logKeyId).toString('hex')}+${typed.toString('base64')}`,
    signLog: (message) => sign(null, message, log),
    walKey: files.wal,
    vaultKey: files.vault,
    agent: {
      publicKey: createPublicKey(agent).export({ format: 'der', type: 'spki' }),
      sign: (message) => sign('sha256', message, { key: agent, dsaEncoding: 'ieee-p1363' }),
    },
  }
}

function privateKey(bytes: Uint8Array, type: 'ed25519' | 'ec', path: string): KeyObject {
  try {
    const key = createPrivateKey({ key: Buffer.from(bytes), format: 'pem' })
    if (key.asymmetricKeyType === type) return key
  } catch {
    // the same error as for a key of another kind
  }
  throw new KernelError('KEY_INVALID', `\`${path}\` is damaged; restore it from your backup`)
}

/** The file holds both halves of a P-256 key, and OpenSSL loads them though they may not belong together. */
function assertWholeKey(key: KeyObject, path: string): void {
  const probe = Buffer.from('kestrel')
  const isP256 = key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  if (isP256 && verify('sha256', probe, createPublicKey(key), sign('sha256', probe, key))) return
  throw new KernelError('KEY_INVALID', `\`${path}\` is damaged; restore it from your backup`)
}

function rawPublicKey(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(ed25519SpkiHeaderBytes)
}

function pem(key: KeyObject): Uint8Array {
  return Buffer.from(key.export({ format: 'pem', type: 'pkcs8' }))
}

function digestOf(publicKey: Uint8Array): string {
  return sha256Hex(publicKey).slice(0, digestHex)
}
