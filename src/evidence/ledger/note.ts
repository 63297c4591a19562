import { concat, equalBytes, fromBase64, fromHex, fromUtf8, toBase64, toHex, utf8 } from '../../base/bytes.ts'
import { KernelError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Primitives } from '../../base/primitives.ts'

/**
 * What a key of a signed note signs, and its type byte: the text itself, as a log does, or a statement that at some time it was
 * the log's largest tree, as a witness does.
 *
 * @see https://c2sp.org/signed-note "Signature types"
 */
export const signatureTypes = { log: 0x01, cosignature: 0x04 } as const

export type SignatureType = (typeof signatureTypes)[keyof typeof signatureTypes]

/** Who may sign for a log, or cosign for a witness. @see https://c2sp.org/signed-note */
export interface VerifierKey {
  readonly type: SignatureType
  /** The log's origin, or the witness's name. */
  readonly name: string
  /** 4 bytes: the first of SHA-256 over `keyIdInput`. */
  readonly keyId: Uint8Array
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array
}

/** A signed tree head. @see https://c2sp.org/tlog-checkpoint */
export interface Checkpoint {
  readonly origin: string
  /** Number of entries. */
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
}

export interface NoteSignature {
  readonly name: string
  /** 4 bytes. */
  readonly keyId: Uint8Array
  readonly signature: Uint8Array
}

export interface Note {
  /** The signed text, its last newline included. */
  readonly body: string
  readonly signatures: readonly NoteSignature[]
}

const keyIdBytes = 4
const publicKeyBytes = 32
const signatureBytes = 64
const rootBytes = 32

/** A key name: no space of any kind, no control character, no plus. */
const namePattern = /^[^\p{Z}\p{Cc}+]+$/u
const vkeyPattern = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/
const sizePattern = /^(?:0|[1-9][0-9]{0,15})$/
const signaturePattern = /^\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)$/

/**
 * Reads `<name>+<8 hex>+<base64>`, with or without a final newline. Whether the hex is the digest of the rest takes a hash:
 * `checkVkey`, and `openCheckpoint` by itself.
 *
 * @throws KernelError KEY_INVALID, also for a key of another type
 */
export function parseVkey(text: string, type: SignatureType = signatureTypes.log): VerifierKey {
  const [, name, id, key] = vkeyPattern.exec(text.endsWith('\n') ? text.slice(0, -1) : text) ?? []
  if (name === undefined || id === undefined || key === undefined || !isName(name)) {
    throw new KernelError('KEY_INVALID', 'a verifier key looks like `<name>+<8 hex digits>+<base64>`')
  }
  const typed = tryBase64(key)
  if (typed === undefined || typed.length !== 1 + publicKeyBytes || typed[0] !== type) {
    throw new KernelError('KEY_INVALID', wrongType(typed, type))
  }
  return { type, name, keyId: fromHex(id), publicKey: typed.slice(1) }
}

function wrongType(typed: Uint8Array | undefined, wanted: SignatureType): string {
  const [type] = typed ?? []
  if (type === signatureTypes.cosignature) return "this is a witness's key, and a log's is needed"
  if (type === signatureTypes.log && wanted !== type)
    return "this is a log's key, and a witness's is needed (type 0x04)"
  return 'the verifier key does not hold an Ed25519 public key'
}

/** @throws KernelError KEY_INVALID when the key id is not that of name and key, as after a typing error */
export async function checkVkey(key: VerifierKey, primitives: Pick<Primitives, 'sha256'>): Promise<void> {
  const digest = await primitives.sha256(keyIdInput(key.name, key.publicKey, key.type))
  if (!equalBytes(digest.subarray(0, keyIdBytes), key.keyId)) {
    throw new KernelError('KEY_INVALID', 'the key id is not that of its name and key; copy the whole line again')
  }
}

/** What a key id is the first four bytes of SHA-256 of. */
export function keyIdInput(name: string, publicKey: Uint8Array, type: SignatureType = signatureTypes.log): Uint8Array {
  return concat(utf8(`${name}\n`), Uint8Array.of(type), publicKey)
}

/** One line without a newline. @throws KernelError KEY_INVALID */
export function formatVkey(
  name: string,
  publicKey: Uint8Array,
  keyId: Uint8Array,
  type: SignatureType = signatureTypes.log,
): string {
  if (!isName(name) || publicKey.length !== publicKeyBytes || keyId.length !== keyIdBytes) {
    throw new KernelError(
      'KEY_INVALID',
      'a verifier key needs a name without spaces or `+`, a key of 32 bytes, an id of 4',
    )
  }
  return `${name}+${toHex(keyId)}+${toBase64(concat(Uint8Array.of(type), publicKey))}`
}

/** The text that the log key signs. @throws KernelError NOTE_INVALID */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { origin, size, root } = checkpoint
  if (!isName(origin) || !Number.isSafeInteger(size) || size < 0 || root.length !== rootBytes) {
    throw new KernelError(
      'NOTE_INVALID',
      'a checkpoint needs an origin without spaces, a tree size and a root of 32 bytes',
    )
  }
  return `${origin}\n${size}\n${toBase64(root)}\n`
}

/** One signature line, its newline included. A note is its body, an empty line, then such lines. */
export function formatSignatureLine(name: string, keyId: Uint8Array, signature: Uint8Array): string {
  if (!isName(name) || keyId.length !== keyIdBytes || signature.length === 0) {
    throw new KernelError(
      'NOTE_INVALID',
      'a signature line needs a name without spaces, a key id of 4 bytes, a signature',
    )
  }
  return `\u2014 ${name} ${toBase64(concat(keyId, signature))}\n`
}

/** The bytes of a signed note. @param signatureLines from `formatSignatureLine` */
export function formatNote(body: string, signatureLines: readonly string[]): Uint8Array {
  return utf8(`${body}\n${signatureLines.join('')}`)
}

/** @throws KernelError NOTE_INVALID for anything that is not a note; says nothing about whether signatures verify */
export function parseNote(bytes: Uint8Array): Note {
  const text = noteText(bytes)
  const end = text.lastIndexOf('\n\n')
  if (end < 0 || !text.endsWith('\n')) throw new KernelError('NOTE_INVALID', 'it has no signature lines')
  const lines = text.slice(end + 2, -1).split('\n')
  if (lines.length > limits.noteSignatures) {
    throw new KernelError('NOTE_INVALID', `it has more than ${limits.noteSignatures} signatures`)
  }
  return { body: text.slice(0, end + 1), signatures: lines.map(parseSignatureLine) }
}

function noteText(bytes: Uint8Array): string {
  if (bytes.length > limits.noteBytes)
    throw new KernelError('NOTE_INVALID', `it has more than ${limits.noteBytes} bytes`)
  let text: string
  try {
    text = fromUtf8(bytes)
  } catch (cause) {
    throw new KernelError('NOTE_INVALID', 'it is not UTF-8', { cause })
  }
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 && code !== 0x0a) throw new KernelError('NOTE_INVALID', 'it holds a control character')
  }
  return text
}

function parseSignatureLine(line: string): NoteSignature {
  const [, name, encoded] = signaturePattern.exec(line) ?? []
  const bytes = encoded === undefined ? undefined : tryBase64(encoded)
  if (name === undefined || !isName(name) || bytes === undefined || bytes.length <= keyIdBytes) {
    throw new KernelError('NOTE_INVALID', 'a signature line is malformed')
  }
  return { name, keyId: bytes.slice(0, keyIdBytes), signature: bytes.slice(keyIdBytes) }
}

/**
 * Three lines: origin, tree size, root.
 *
 * @param extensions whether further lines, which must not be empty, may follow: Kestrel writes none and takes none of its own
 * logs, but what a witness signs for other logs may have them
 * @throws KernelError NOTE_INVALID
 */
export function parseCheckpoint(body: string, extensions: 'refused' | 'taken' = 'refused'): Checkpoint {
  const [origin, size, root, ...rest] = body.split('\n')
  const hash = root === undefined ? undefined : tryBase64(root)
  const isEnded = rest.indexOf('') === rest.length - 1 && (extensions === 'taken' || rest.length === 1)
  if (origin === undefined || !isName(origin) || rest.length === 0 || !isEnded || hash?.length !== rootBytes) {
    throw new KernelError('NOTE_INVALID', 'a checkpoint has three lines: origin, tree size, root')
  }
  if (size === undefined || !sizePattern.test(size) || !Number.isSafeInteger(Number(size))) {
    throw new KernelError('NOTE_INVALID', 'the tree size is not a decimal number up to 2^53−1')
  }
  return { origin, size: Number(size), root: hash }
}

/**
 * The checkpoint in `bytes` once the log's own signature verifies. Signatures by other keys are cosignatures: not looked at.
 *
 * @throws KernelError NOTE_INVALID when it is malformed, of another origin, not signed by `vkey`, falsely or twice;
 * KEY_INVALID when the key id of `vkey` is not its own
 */
export async function openCheckpoint(
  bytes: Uint8Array,
  vkey: VerifierKey,
  primitives: Pick<Primitives, 'sha256' | 'verifyEd25519'>,
): Promise<Checkpoint> {
  await checkVkey(vkey, primitives)
  const note = parseNote(bytes)
  await checkSignature(note, vkey, primitives)
  return checkpointOf(note, vkey)
}

/**
 * Whether `vkey`, which has passed `checkVkey`, signed the note: by exactly one line, so that a note has one spelling.
 *
 * @throws KernelError NOTE_INVALID
 */
export async function checkSignature(
  { body, signatures }: Note,
  vkey: VerifierKey,
  primitives: Pick<Primitives, 'verifyEd25519'>,
): Promise<void> {
  const [own, again] = signatures.filter((line) => isLineOf(line, vkey))
  if (own === undefined) throw new KernelError('NOTE_INVALID', 'it is not signed by this verifier key')
  if (again !== undefined) throw new KernelError('NOTE_INVALID', 'it has two signature lines of this verifier key')
  const { signature } = own
  const holds =
    signature.length === signatureBytes && (await primitives.verifyEd25519(vkey.publicKey, utf8(body), signature))
  if (!holds) throw new KernelError('NOTE_INVALID', 'the signature does not fit the text')
}

/** Whether a signature line says that it is by `vkey`. */
export function isLineOf({ name, keyId }: NoteSignature, vkey: Pick<VerifierKey, 'name' | 'keyId'>): boolean {
  return name === vkey.name && equalBytes(keyId, vkey.keyId)
}

/** @throws KernelError NOTE_INVALID when the text is no checkpoint, or of another origin than the key's */
export function checkpointOf({ body }: Note, vkey: VerifierKey, extensions?: 'taken'): Checkpoint {
  const checkpoint = parseCheckpoint(body, extensions)
  if (checkpoint.origin !== vkey.name) throw new KernelError('NOTE_INVALID', 'its origin is not the name of the key')
  return checkpoint
}

function isName(text: string): boolean {
  return namePattern.test(text)
}

function tryBase64(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text)
  } catch {
    return undefined
  }
}
