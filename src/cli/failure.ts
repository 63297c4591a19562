import { errorTable, isKernelError, systemCode, type KernelError } from '../base/errors.ts'
import { visible, visibleLines } from '../base/display.ts'
import { exitCodeOfError, exitCodes } from './exit-code.ts'

/** How a command that could not be carried out ends: what it says and what the shell gets. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly exitCode: number
  /** For a bug alone: where it happened. */
  readonly stack?: string
}

/** What the operating system refuses, in words. */
const systemWords: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; check its owner and mode',
  EPERM: 'the system does not permit it; check its owner and mode',
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder; name a file',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'it exists already',
  ENOSPC: 'the disk is full; make room and try again',
  EDQUOT: 'the disk quota is used up; make room and try again',
  EROFS: 'the disk is read-only',
  ELOOP: 'too many links lead on from it',
  ENAMETOOLONG: 'its name is too long',
  EMFILE: 'too many files are open; raise the limit with `ulimit -n`',
  EIO: 'the disk answers with an error',
}

/** Sorts whatever was thrown: an error with a code that a person can act upon, or a bug. */
export function failureOf(error: unknown): Failure {
  if (isKernelError(error)) {
    return { code: error.code, message: messageOf(error), exitCode: exitCodeOfError(error.code) }
  }
  const code = systemCode(error)
  const words = code === undefined ? undefined : systemWords[code]
  if (code !== undefined && words !== undefined) {
    const path = (error as { path?: unknown }).path
    const place = typeof path === 'string' ? `\`${visible(path)}\`: ` : ''
    return { code, message: `${place}${words}`, exitCode: exitCodes.usage }
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const message = 'this is a bug in kestrel; please report it with the lines above and what you typed'
  return { code: 'BUG', message, exitCode: exitCodes.bug, stack }
}

/** Of a mistake in what was typed only the detail: its fixed opening words say nothing more. */
function messageOf({ code, message }: KernelError): string {
  const opening = code === 'USAGE_INVALID' ? `${errorTable[code].says}: ` : ''
  return visibleLines(message.slice(opening.length)).join('\n')
}
