import { createHash } from 'node:crypto'
import { KernelError } from '../../base/errors.ts'

/** Bytes that an entry commits to, with the salt that keeps the commitment from being guessed. */
export interface Payload {
  /** 1 to 255 bytes; the kernel uses 16. */
  readonly salt: Uint8Array
  readonly bytes: Uint8Array
}

/**
 * The head of one record of a day's file. All numbers are big-endian.
 *
 * magic (4) ‖ number of payloads (4) ‖ length of the sealed part (4) ‖ digest (8) ‖ a commitment of 32 bytes for each ‖ sealed part
 *
 * The digest is the first 8 bytes of SHA-256 over what is before it and the commitments: a head is found again behind damage.
 * Commitments stand in the log for everybody, so they stand here in the open; payloads do not.
 */
export interface RecordHead {
  readonly count: number
  readonly sealedBytes: number
  /** Offset of the sealed part from the start of the record. */
  readonly headBytes: number
}

export const recordMagic: Buffer = Buffer.from('KVR1')
export const fixedHeadBytes = 20
export const commitmentBytes = 32
/** Payloads in a record. */
export const recordItems = 1024
/** What is sealed at once unless a single payload is larger. */
export const recordTargetBytes = 1_048_576
export const sealedMaxBytes = 134_217_728
export const headMaxBytes: number = fixedHeadBytes + recordItems * commitmentBytes

/** @param commitments 64 hex each */
export function encodeHead(commitments: readonly string[], sealedBytes: number): Buffer {
  const list = Buffer.from(commitments.join(''), 'hex')
  const head = Buffer.alloc(fixedHeadBytes)
  recordMagic.copy(head)
  head.writeUInt32BE(commitments.length, 4)
  head.writeUInt32BE(sealedBytes, 8)
  head.set(digest(head, list), 12)
  return Buffer.concat([head, list])
}

/** The head at the start of `bytes`, or undefined when there is none. Total. */
export function decodeHead(bytes: Buffer): RecordHead | undefined {
  if (bytes.length < fixedHeadBytes || !bytes.subarray(0, 4).equals(recordMagic)) return undefined
  const count = bytes.readUInt32BE(4)
  const sealedBytes = bytes.readUInt32BE(8)
  const headBytes = fixedHeadBytes + count * commitmentBytes
  if (count === 0 || count > recordItems || sealedBytes > sealedMaxBytes || bytes.length < headBytes) return undefined
  const holds = digest(bytes, bytes.subarray(fixedHeadBytes, headBytes)).equals(bytes.subarray(12, 20))
  return holds ? { count, sealedBytes, headBytes } : undefined
}

function digest(head: Buffer, commitments: Buffer): Buffer {
  return createHash('sha256').update(head.subarray(0, 12)).update(commitments).digest().subarray(0, 8)
}

/** Which payload of a record has this commitment, or −1. @param bytes starts with the head */
export function indexIn(bytes: Buffer, head: RecordHead, commitment: Buffer): number {
  for (let index = 0; index < head.count; index++) {
    const at = fixedHeadBytes + index * commitmentBytes
    if (commitment.compare(bytes, at, at + commitmentBytes) === 0) return index
  }
  return -1
}

/** What is sealed: for each payload, length of the salt (1) ‖ length of the bytes (4) ‖ salt ‖ bytes. */
export function encodePayloads(payloads: readonly Payload[]): Buffer {
  const parts: Uint8Array[] = []
  for (const { salt, bytes } of payloads) {
    const lengths = Buffer.alloc(5)
    lengths.writeUInt8(salt.length, 0)
    lengths.writeUInt32BE(bytes.length, 1)
    parts.push(lengths, salt, bytes)
  }
  return Buffer.concat(parts)
}

/** Payload `index` of an unsealed record. Total. @throws KernelError SEAL_INVALID */
export function payloadAt(plain: Uint8Array, index: number): Payload {
  const bytes = Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength)
  let at = 0
  for (let item = 0; at + 5 <= bytes.length; item++) {
    const salt = at + 5
    const start = salt + bytes.readUInt8(at)
    const end = start + bytes.readUInt32BE(at + 1)
    if (end > bytes.length) break
    if (item === index) return { salt: bytes.subarray(salt, start), bytes: bytes.subarray(start, end) }
    at = end
  }
  throw new KernelError('SEAL_INVALID', 'the record does not hold what its head says')
}
