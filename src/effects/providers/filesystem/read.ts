import { isUtf8 } from 'node:buffer'
import { closeSync, constants, fstatSync, read as readCallback, readSync, type BigIntStats } from 'node:fs'
import { promisify } from 'node:util'
import type { JsonObject, JsonValue } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import type { ActionDefinition, Answer, Call } from '../../provider.ts'
import { integer, oneOf, optional, shape } from '../params.ts'
import { answering, answerTo, fail, foreseeing, refuse } from './ending.ts'
import { findExisting, type Existing } from './existing.ts'
import { locate } from './mount.ts'
import { readPath } from './path.ts'
import { SpareBuffer } from './spare-buffer.ts'
import type { Ground } from './walk.ts'

const readChunk = promisify(readCallback)

/** Below this size a synchronous read is faster than a trip through the thread pool. */
const synchronousBytes = 262_144
const chunkBytes = 1_048_576

/**
 * `fs.read`: → `{content, encoding, sizeBytes, nextOffset?}`.
 *
 * `offset` and `limit` are bytes. `sizeBytes` is the whole file's; `nextOffset` is there while more follows. As utf8, a part
 * ends with a whole character.
 */
export function readAction(ground: Ground): ActionDefinition {
  const spare = new SpareBuffer()
  const perform = (call: Call): Answer | Promise<Answer> => answering(call.resource, () => read(ground, call, spare))
  return {
    kind: 'observe',
    readResource: readPath,
    checkParams: shape({
      encoding: optional(oneOf('utf8', 'base64')),
      offset: optional(integer(0, Number.MAX_SAFE_INTEGER)),
      limit: optional(integer(1, limits.readBytes)),
    }),
    perform,
    foresee: (call) => foreseeing(perform(call)),
  }
}

/** Which bytes of an open file are asked for. */
interface Part {
  readonly fd: number
  readonly sizeBytes: number
  readonly offset: number
  readonly wanted: number
}

function read(ground: Ground, call: Call, spare: SpareBuffer): Answer | Promise<Answer> {
  return readKept(ground, call) ?? readByWalk(ground, call, spare)
}

/** The answer from a file that is open already, where one may be given without a walk. */
function readKept({ files }: Ground, call: Call): Answer | undefined {
  const mounted = locate(call.resource, call.mounts)
  const file = mounted && files.find(mounted, call.protection)
  if (file === undefined) return undefined
  const part = { fd: file.fd, ...extent(call, file.size) }
  // A read that waits needs a descriptor of its own.
  return part.wanted > synchronousBytes ? undefined : readNow(part, call)
}

function readByWalk(ground: Ground, call: Call, spare: SpareBuffer): Answer | Promise<Answer> {
  using found = findExisting(ground, call)
  const { fd, facts } = openFile(ground, call, found)
  let isOurs = true
  try {
    const part = { fd, ...extent(call, facts.size) }
    if (part.wanted > synchronousBytes) {
      isOurs = false
      return readLarge(part, call, spare)
    }
    const answer = readNow(part, call)
    if (found.walk.isCertain(found.spot)) {
      isOurs = false
      ground.files.keep(fd, facts, found.walk.place, call.protection)
    }
    return answer
  } finally {
    if (isOurs) closeSync(fd)
  }
}

function readNow(part: Part, call: Call): Answer {
  const bytes = Buffer.allocUnsafe(part.wanted)
  let filled = 0
  while (filled < part.wanted) {
    const count = readSync(part.fd, bytes, filled, part.wanted - filled, part.offset + filled)
    if (count === 0) break
    filled += count
  }
  return present(part, filled === part.wanted ? bytes : bytes.subarray(0, filled), call)
}

async function readLarge(part: Part, call: Call, spare: SpareBuffer): Promise<Answer> {
  const { signal } = call
  const bytes = spare.take(part.wanted)
  try {
    let filled = 0
    while (filled < part.wanted) {
      if (signal.aborted) throw fail('cancelled', `reading \`${call.resource}\` was cancelled`, true)
      const length = Math.min(chunkBytes, part.wanted - filled)
      const { bytesRead } = await readChunk(part.fd, bytes, filled, length, part.offset + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return present(part, bytes.subarray(0, filled), call)
  } catch (error) {
    return answerTo(error, call.resource)
  } finally {
    spare.give(bytes)
    closeSync(part.fd)
  }
}

/** The file that was found, open for reading. The caller closes it. */
function openFile(
  { volume }: Ground,
  call: Call,
  { spot, walk }: Existing,
): { readonly fd: number; readonly facts: BigIntStats } {
  if (spot.facts.isDirectory()) {
    throw fail('is_directory', `\`${call.resource}\` is a folder; list it with \`fs.list\``)
  }
  const fd = volume.open(spot, constants.O_RDONLY)
  try {
    const facts = fstatSync(fd, { bigint: true })
    if (facts.ino !== spot.facts.ino || facts.dev !== spot.facts.dev || !facts.isFile()) {
      throw refuse('unsafe_file', `\`${call.resource}\` was swapped while it was opened`, 'try again')
    }
    walk.confirm()
    return { fd, facts }
  } catch (ended) {
    closeSync(fd)
    throw ended
  }
}

function extent(call: Call, size: bigint): Omit<Part, 'fd'> {
  const offset = numberOr(call.params['offset'], 0)
  const limit = numberOr(call.params['limit'], undefined)
  const sizeBytes = Number(size)
  const rest = Math.max(0, sizeBytes - offset)
  if (!Number.isSafeInteger(sizeBytes) || (limit === undefined && rest > limits.readBytes)) {
    const does = `\`${call.resource}\` has ${size} bytes, more than the ${limits.readBytes} of one read`
    throw fail('too_large', `${does}; read it in parts with \`offset\` and \`limit\``)
  }
  return { sizeBytes, offset, wanted: Math.min(rest, limit ?? rest) }
}

function numberOr<Otherwise>(value: JsonValue | undefined, otherwise: Otherwise): number | Otherwise {
  return typeof value === 'number' ? value : otherwise
}

function present(part: Part, bytes: Buffer, call: Call): Answer {
  const sizeBytes = bytes.length < part.wanted ? part.offset + bytes.length : part.sizeBytes
  const isCut = part.offset + bytes.length < sizeBytes
  const encoding = call.params['encoding'] === 'base64' ? 'base64' : 'utf8'
  const whole = encoding === 'utf8' && isCut ? bytes.subarray(0, wholeCharacters(bytes)) : bytes
  if (encoding === 'utf8') refuseBinary(part, whole, bytes.length, call)
  const result: Record<string, JsonValue> = { content: whole.toString(encoding), encoding, sizeBytes }
  if (isCut) result['nextOffset'] = part.offset + whole.length
  return { effect: 'done', result: result satisfies JsonObject }
}

function refuseBinary(part: Part, whole: Buffer, length: number, call: Call): void {
  const isText = isUtf8(whole)
  if (isText && (whole.length > 0 || length === 0)) return
  const first = whole[0]
  if (isText) {
    throw fail('not_text', `\`limit\` ends inside a character of \`${call.resource}\`; ask for at least 4 bytes`)
  }
  if (part.offset > 0 && first !== undefined && isContinuation(first)) {
    const does = `\`offset\` is not at the start of a character of \`${call.resource}\``
    throw fail('not_text', `${does}; use \`nextOffset\` of the part before, or read it with \`encoding\` \`base64\``)
  }
  throw fail('not_text', `\`${call.resource}\` is not UTF-8 text; read it with \`encoding\` \`base64\``)
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}

/** How many of `bytes` make whole UTF-8 characters: a cut may leave up to three bytes of the next. @see RFC 3629 §3 */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number
    if (isContinuation(byte)) continue
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return needs > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}
