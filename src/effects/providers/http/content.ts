import type { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib'
import { limits } from '../../../base/limits.ts'
import type { Capacity } from './capacity.ts'
import { fail, Stop } from './stop.ts'

const decoders: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', () => createGunzip()],
  ['x-gzip', () => createGunzip()],
  ['br', () => createBrotliDecompress()],
  ['zstd', () => createZstdDecompress()],
])

/** What the provider asks for unless the request says otherwise. */
export const acceptedEncodings = 'gzip, deflate, br, zstd'

/** The encoding to be undone, or undefined where there is none, or none that is known. */
export function knownEncoding(header: string | undefined): string | undefined {
  const encoding = header?.trim().toLowerCase()
  return encoding !== undefined && (decoders.has(encoding) || encoding === 'deflate') ? encoding : undefined
}

/**
 * The whole of a body, decompressed. Stops as soon as it is over `limits.httpResponseBytes`: a few kilobytes can unfold to
 * gigabytes.
 *
 * @throws Stop `too_large`, `busy`, `bad_response`
 */
export async function readContent(
  body: Readable,
  encoding: string | undefined,
  capacity: Capacity,
  signal: AbortSignal,
): Promise<Buffer> {
  const pieces: Buffer[] = []
  let sizeBytes = 0
  const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of source) {
      if (sizeBytes + piece.length > limits.httpResponseBytes) throw tooLarge()
      capacity.hold(piece.length)
      sizeBytes += piece.length
      pieces.push(piece)
    }
  }
  try {
    if (encoding === undefined) await pipeline(body, collect, { signal })
    else await decode(body, encoding, collect, signal)
    return Buffer.concat(pieces)
  } finally {
    capacity.release(sizeBytes)
  }
}

async function decode(
  body: Readable,
  encoding: string,
  collect: (source: AsyncIterable<Buffer>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const iterator = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  const first = await iterator.next()
  // A response without a body (to HEAD, 304) may still name an encoding.
  if (first.done === true) return
  const whole = async function* (): AsyncIterable<Buffer> {
    yield first.value
    for (;;) {
      const next = await iterator.next()
      if (next.done === true) return
      yield next.value
    }
  }
  const decoder = encoding === 'deflate' ? inflaterFor(first.value) : (decoders.get(encoding) as () => Transform)()
  let isBroken = false
  decoder.once('error', (error) => {
    isBroken = !(error instanceof Stop) && !signal.aborted && isZlib(error)
  })
  try {
    await pipeline(whole, decoder, collect, { signal })
  } catch (error) {
    if (isBroken) throw fail('bad_response', `the body of the response is no whole ${encoding}`)
    throw error
  } finally {
    body.destroy()
  }
}

/** Servers send `deflate` with and without the header that it should have. @see RFC 9110 §8.4.1.2 */
function inflaterFor(first: Buffer): Transform {
  return ((first[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw()
}

/** An error of the decoder's own has an `errno` of zlib; one that was handed on to it has another origin. */
function isZlib(error: Error): boolean {
  const { code = '' } = error as { code?: string }
  return /^(?:Z_|ERR_|ZSTD_)/.test(code) && !code.startsWith('ERR_STREAM')
}

function tooLarge(): Stop {
  return fail('too_large', `the body of the response takes more than ${limits.httpResponseBytes} bytes; ask for a part`)
}
