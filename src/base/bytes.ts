import { KernelError } from './errors.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 of `text`. Lone surrogates must have been refused before. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** @throws KernelError VALUE_INVALID when `bytes` is not UTF-8 */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new KernelError('VALUE_INVALID', 'the bytes are not UTF-8', { cause })
  }
}

const hexPattern = /^(?:[0-9a-f]{2})*$/
const hexOf = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += hexOf[byte] as string
  return text
}

/** Lower-case hex only, so that every value has one spelling. @throws KernelError VALUE_INVALID */
export function fromHex(text: string): Uint8Array {
  if (!hexPattern.test(text)) throw new KernelError('VALUE_INVALID', 'not lower-case hex')
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** Padded standard base64 with zero trailing bits only, so that every value has one spelling. @throws KernelError VALUE_INVALID */
export function fromBase64(text: string): Uint8Array {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
    if (toBase64(bytes) === text) return bytes
  } catch {
    // not base64 at all: the same error as base64 in another spelling
  }
  throw new KernelError('VALUE_INVALID', 'not canonical base64')
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}
