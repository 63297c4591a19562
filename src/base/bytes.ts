import { KernelError } from './errors.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 of `text`. Lone surrogates must have been refused before. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Whether `text` takes at most so many bytes of UTF-8, where one unit of UTF-16 takes at most three. */
export function fitsUtf8(text: string, bytes: number): boolean {
  return text.length * 3 <= bytes || encoder.encode(text).length <= bytes
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

/** By character code: what six bits it stands for, or 0x80 for none. */
const sextetOf = Uint8Array.from({ length: 128 }, (_, code) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const at = alphabet.indexOf(String.fromCharCode(code))
  return at < 0 ? 0x80 : at
})

/** Padded standard base64 with zero trailing bits only, so that every value has one spelling. @throws KernelError VALUE_INVALID */
export function fromBase64(text: string): Uint8Array {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array(Math.max(0, Math.floor((text.length / 4) * 3) - padding))
  let [bits, count, at, wrong] = [0, 0, 0, text.length % 4]
  for (let i = 0; i < text.length - padding; i++) {
    const sextet = sextetOf[text.charCodeAt(i)] ?? 0x80
    wrong |= sextet & 0x80
    bits = ((bits << 6) | sextet) & 0xfff
    count += 6
    if (count < 8) continue
    count -= 8
    bytes[at++] = bits >> count
  }
  // bits that are left over must be zero, so that every value has one spelling
  if (wrong !== 0 || (bits & ((1 << count) - 1)) !== 0) throw new KernelError('VALUE_INVALID', 'not canonical base64')
  return bytes
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
