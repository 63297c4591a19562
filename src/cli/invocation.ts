import { accessSync, constants, existsSync, realpathSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../base/places.ts'

/** How this very program is started from the working folder: for commands to copy, which must work as printed. */
export function invocation(environment: Environment): string {
  const program = realpathSync(
    fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './bin.ts' : './bin.js', import.meta.url)),
  )
  const onPath = (environment['PATH'] ?? '').split(delimiter).find((folder) => isExecutable(join(folder, 'kestrel')))
  if (onPath !== undefined && leadsTo(join(onPath, 'kestrel'), program)) return 'kestrel'
  const local = join('node_modules', '.bin', 'kestrel')
  if (leadsTo(local, program)) return local
  const path = relative(process.cwd(), program)
  return `node ${shellWord(path.startsWith('..') ? program : path)}`
}

function leadsTo(path: string, program: string): boolean {
  return existsSync(path) && realpathSync(path) === program
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** One word of a shell command line, in quotes where it needs them; with escapes where it could not be seen what it says. */
export function shellWord(text: string): string {
  if (/^[A-Za-z0-9_./:=@%+-]+$/.test(text)) return text
  if (/^[ -~]*$/.test(text)) return `'${text.replaceAll("'", "'\\''")}'`
  // bash, zsh, ksh and POSIX 2024: bytes as `\xHH` mean the same in every locale
  return `$'${[...Buffer.from(text)].map(escapedByte).join('')}'`
}

function escapedByte(byte: number): string {
  const character = String.fromCharCode(byte)
  return /^[ -&(-[\]-~]$/.test(character) ? character : `\\x${byte.toString(16).padStart(2, '0')}`
}
