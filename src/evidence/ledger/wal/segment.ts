import { sha256 } from '../../../base/hash.ts'
import type { Authenticator } from './authenticator.ts'

/**
 * The first bytes of a segment file in use: magic (8) ‖ epoch (8) ‖ segment size (4) ‖ where the segment before ends (4) ‖
 * SHA-256 of the origin (32) ‖ MAC of the last batch before (32) ‖ MAC of all this (32).
 *
 * A segment is named by its epoch, a number that only grows. A recycled one gets a new name first and this header later, so a
 * header under another name is that of an earlier life: the segment is not in use yet.
 */
export interface SegmentHeader {
  readonly epoch: number
  readonly sizeBytes: number
  /** Offset in the segment before where its last batch ends; 0 for the first segment of a log. */
  readonly previousEnd: number
  /** 64 hex; zeros for the first segment of a log. */
  readonly previousMac: string
}

/** Batches start behind the header, at this offset. */
export const segmentHeaderBytes = 128

const magic = Buffer.from('KSTRLWA2')
const macOffset = 88
const namePattern = /^([0-9a-f]{16})\.wal$/

export function segmentName(epoch: number): string {
  return `${epoch.toString(16).padStart(16, '0')}.wal`
}

/** The epoch of a segment's file name, or undefined for any other name. */
export function segmentEpoch(name: string): number | undefined {
  const hex = namePattern.exec(name)?.[1]
  const epoch = hex === undefined ? 0 : Number.parseInt(hex, 16)
  return Number.isSafeInteger(epoch) && epoch > 0 ? epoch : undefined
}

export function encodeHeader(header: SegmentHeader, origin: string, authenticator: Authenticator): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes)
  magic.copy(bytes)
  bytes.writeBigUInt64BE(BigInt(header.epoch), 8)
  bytes.writeUInt32BE(header.sizeBytes, 16)
  bytes.writeUInt32BE(header.previousEnd, 20)
  bytes.set(sha256(Buffer.from(origin)), 24)
  bytes.write(header.previousMac, 56, 'hex')
  bytes.write(authenticator.mac(bytes.subarray(0, macOffset)), macOffset, 'hex')
  return bytes
}

/**
 * The header of the segment named by `epoch`, or undefined when these bytes are not one: blank, damaged, of an earlier life,
 * of another log, or not written with the key.
 *
 * @param authenticator absent to read without the key, which tells damage but not forgery
 */
export function decodeHeader(
  bytes: Buffer,
  epoch: number,
  origin: string,
  authenticator: Authenticator | undefined,
): SegmentHeader | undefined {
  if (bytes.length < segmentHeaderBytes || !bytes.subarray(0, 8).equals(magic)) return undefined
  if (bytes.readBigUInt64BE(8) !== BigInt(epoch)) return undefined
  if (!bytes.subarray(24, 56).equals(sha256(Buffer.from(origin)))) return undefined
  const mac = bytes.toString('hex', macOffset, macOffset + 32)
  if (authenticator !== undefined && authenticator.mac(bytes.subarray(0, macOffset)) !== mac) return undefined
  return {
    epoch,
    sizeBytes: bytes.readUInt32BE(16),
    previousEnd: bytes.readUInt32BE(20),
    previousMac: bytes.toString('hex', 56, 88),
  }
}
