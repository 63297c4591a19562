import { isUtf8 } from 'node:buffer'
import { limits } from '../base/limits.ts'

/** What stands for a line that is no text: not JSON, whatever follows. */
const notText = '\ufffd'

/**
 * The lines of a stream of JSON lines, each as soon as it is complete. An empty line is a line; what follows the last newline
 * is one only if it is not empty.
 *
 * A line is kept up to `limits.requestLineBytes`; of a longer one only the beginning is handed on, which is one byte too long
 * for the parser. Bytes that are not UTF-8 become a text that is not JSON: nothing is guessed.
 */
export async function* requestLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let kept: Uint8Array[] = []
  let keptBytes = 0
  const keep = (part: Uint8Array): void => {
    const room = limits.requestLineBytes + 1 - keptBytes
    if (room <= 0 || part.length === 0) return
    kept.push(part.subarray(0, room))
    keptBytes += Math.min(room, part.length)
  }
  const take = (): string => {
    const line = Buffer.concat(kept)
    kept = []
    keptBytes = 0
    const isCut = line.length > limits.requestLineBytes
    return isCut || isUtf8(line) ? line.toString(isCut ? 'latin1' : 'utf8') : notText
  }
  for await (const chunk of source) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      keep(chunk.subarray(start, end))
      yield take()
      start = end + 1
    }
    keep(chunk.subarray(start))
  }
  if (keptBytes > 0) yield take()
}

const newline = 0x0a
