import { limits } from '../../../base/limits.ts'
import type { KnownSecrets } from './secrets.ts'

/**
 * Hides secrets in what a server sends back, as they are and in the spellings in which servers repeat what they were sent:
 * base64 at any place of a longer text, hexadecimal, and as it stands in JSON, in HTML and in a URL.
 *
 * It keeps an honest server from showing a secret. One that encrypts or reverses what it got can still tell: whoever gets a
 * secret has it, and `to` says who that is.
 */
export class Echo {
  readonly #needles: readonly Needle[]

  constructor(secrets: KnownSecrets) {
    const needles: Needle[] = []
    for (const [name, { value }] of secrets) {
      for (const spelling of spellings(value)) {
        needles.push({ spelling, lower: spelling.toLowerCase(), reference: `{{secret:${name}}}` })
      }
    }
    // The longer first: a password is a part of `user:password`.
    this.#needles = needles.sort((a, b) => b.spelling.length - a.spelling.length)
  }

  /** Whether `text` holds a secret. */
  isIn(text: string): boolean {
    const lower = text.toLowerCase()
    return this.#needles.some((needle) => lower.includes(needle.lower))
  }

  /** `text` with every secret by its reference. */
  hideIn(text: string): string {
    let hidden = text
    for (const { spelling, reference } of this.#needles) hidden = hidden.replaceAll(spelling, () => reference)
    return hidden
  }

  /** The same of bytes, or undefined when that takes more than `maxBytes`. */
  hideInBytes(bytes: Buffer, maxBytes: number): Buffer | undefined {
    let hidden = bytes
    for (const { spelling, reference } of this.#needles) {
      const next = replaceAll(hidden, Buffer.from(spelling), Buffer.from(reference), maxBytes)
      if (next === undefined) return undefined
      hidden = next
    }
    return hidden
  }
}

interface Needle {
  readonly spelling: string
  readonly lower: string
  readonly reference: string
}

function spellings(value: string): ReadonlySet<string> {
  const plain = new Set([value, ...partsOfBasic(value)])
  const all = new Set<string>()
  for (const each of plain) {
    all.add(each)
    const json = JSON.stringify(each).slice(1, -1)
    all.add(json).add(json.replaceAll('/', '\\/'))
    const url = encodeURIComponent(each)
    all
      .add(url)
      .add(url.replaceAll('%20', '+'))
      .add(url.replace(/%../g, (code) => code.toLowerCase()))
    all.add(html(each, '&#39;')).add(html(each, '&#x27;'))
    const hex = Buffer.from(each).toString('hex')
    all.add(hex).add(hex.toUpperCase())
    for (const core of base64Cores(each)) all.add(core).add(core.replaceAll('+', '-').replaceAll('/', '_'))
  }
  // What is so short stands in half of all texts.
  for (const each of all) if (each.length < limits.secretShortest) all.delete(each)
  return all
}

/** Where the value is `user:password`, or its base64, as basic authentication wants it: also what stands in it. */
function partsOfBasic(value: string): readonly string[] {
  const decoded = Buffer.from(value, 'base64')
  const isBase64 =
    decoded.toString('base64') === value && /^[\x20-\x7e]+:[\x20-\x7e]+$/.test(decoded.toString('latin1'))
  const pair = isBase64 ? decoded.toString('latin1') : value
  const password = pair.includes(':') ? pair.slice(pair.indexOf(':') + 1) : ''
  return [pair, password].filter((part) => part.length >= limits.secretShortest)
}

/** What base64 of any text that holds `value` must hold: for each of the three places where it may begin, what is sure. */
function base64Cores(value: string): readonly string[] {
  const bytes = Buffer.from(value)
  return [0, 1, 2].map((lead) => {
    const encoded = Buffer.concat([Buffer.alloc(lead), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const first = Math.ceil((lead * 8) / 6)
    const whole = Math.floor(((lead + bytes.length) * 8) / 6)
    return encoded.slice(first, whole)
  })
}

function html(text: string, apostrophe: string): string {
  const named: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": apostrophe,
  }
  return text.replace(/[&<>"']/g, (character) => named[character] as string)
}

function replaceAll(bytes: Buffer, needle: Buffer, by: Buffer, maxBytes: number): Buffer | undefined {
  let at = bytes.indexOf(needle)
  if (at < 0) return bytes
  const pieces: Buffer[] = []
  let end = 0
  let sizeBytes = bytes.length
  for (; at >= 0; at = bytes.indexOf(needle, end)) {
    sizeBytes += by.length - needle.length
    if (sizeBytes > maxBytes) return undefined
    pieces.push(bytes.subarray(end, at), by)
    end = at + needle.length
  }
  return Buffer.concat([...pieces, bytes.subarray(end)])
}
