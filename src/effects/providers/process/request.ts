import type { JsonObject, JsonValue } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import { readPath } from '../filesystem/path.ts'
import { integer, oneOf, optional, shape, type ParamRule } from '../params.ts'

/** What a program is started with. */
export interface ProgramRequest {
  readonly args: readonly string[]
  /** An agent's path, canonical. */
  readonly cwd: string | undefined
  readonly stdin: Uint8Array | undefined
  readonly timeoutMs: number
}

const cleanText: ParamRule = {
  mustBe: 'a string without lone surrogates',
  fits: (value) => typeof value === 'string' && value.isWellFormed(),
}

const argList: ParamRule = {
  mustBe: `a list of at most ${limits.execArgs} strings without NUL and lone surrogates, of ${limits.execArgBytes} bytes together`,
  fits: (value) => Array.isArray(value) && value.length <= limits.execArgs && value.every(isArg) && fitsBytes(value),
}

/** Policy judges the params as they were sent, so a folder has one spelling only. */
const folder: ParamRule = {
  mustBe: 'an absolute path in its one spelling: no `//`, `.`, `..` or `/` at the end',
  fits: (value) => {
    if (typeof value !== 'string') return false
    const reading = readPath(value)
    return 'canonical' in reading && reading.canonical === value
  },
}

export const checkRequest: (params: JsonObject) => string | undefined = shape(
  {
    args: optional(argList),
    cwd: optional(folder),
    stdin: optional(cleanText),
    stdinEncoding: optional(oneOf('utf8', 'base64')),
    timeoutMs: optional(integer(1, limits.execMs)),
  },
  ({ stdin, stdinEncoding }) => {
    if (stdinEncoding === undefined) return undefined
    if (stdin === undefined) return '`stdinEncoding` is of no use without `stdin`'
    if (stdinEncoding === 'utf8' || Buffer.from(stdin as string, 'base64').toString('base64') === stdin)
      return undefined
    return '`stdin` must be canonical base64 (padded, without spaces or line breaks) when `stdinEncoding` is `base64`'
  },
)

/** @param params that `checkRequest` has found right */
export function readRequest(params: JsonObject): ProgramRequest {
  const { args = [], cwd, stdin, stdinEncoding, timeoutMs = limits.execDefaultMs } = params
  return {
    args: args as readonly string[],
    cwd: cwd as string | undefined,
    stdin:
      stdin === undefined ? undefined : Buffer.from(stdin as string, stdinEncoding === 'base64' ? 'base64' : 'utf8'),
    timeoutMs: timeoutMs as number,
  }
}

function isArg(value: JsonValue): boolean {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0')
}

function fitsBytes(args: readonly JsonValue[]): boolean {
  let bytes = 0
  for (const arg of args) bytes += Buffer.byteLength(arg as string) + 1
  return bytes <= limits.execArgBytes
}
