import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { KernelError, systemCode } from '../../../base/errors.ts'
import { limits } from '../../../base/limits.ts'
import { secretName } from './reference.ts'
import type { Secret, SecretSource } from './secrets.ts'

/**
 * Secrets in a folder: the file `NAME` holds the value in its first line, `NAME.to` where it may be sent, one origin a line.
 *
 * Both must be ordinary files of this user's that nobody else can read or change. They are read at each use, so a secret is
 * changed or withdrawn by changing its file.
 *
 * @param folder absolute
 * @throws KernelError OPTIONS_INVALID for a path that is not absolute. `find` throws KEY_PERMISSIONS or KEY_INVALID, which name
 *   the file; the provider shows an agent neither
 */
export function secretsIn(folder: string): SecretSource {
  if (!isAbsolute(folder)) {
    throw new KernelError('OPTIONS_INVALID', `the folder of secrets \`${folder}\` is not absolute`)
  }
  return { find: (name) => (secretName.test(name) ? find(folder, name) : undefined), places: [folder] }
}

function find(folder: string, name: string): Secret | undefined {
  const value = linesOf(join(folder, name))?.[0]
  if (value === undefined) return undefined
  const places = linesOf(join(folder, `${name}.to`)) ?? []
  return { value, to: places.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#')) }
}

function linesOf(path: string): readonly string[] | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined
    throw new KernelError('KEY_INVALID', `\`${path}\` cannot be opened as an ordinary file`, { cause })
  }
  try {
    assertPrivate(path, fstatSync(fd))
    return readFileSync(fd, 'utf8').split(/\r?\n/)
  } finally {
    closeSync(fd)
  }
}

function assertPrivate(path: string, stat: Stats): void {
  if (!stat.isFile() || stat.size > limits.secretBytes) {
    throw new KernelError('KEY_INVALID', `\`${path}\` is no file of at most ${limits.secretBytes} bytes`)
  }
  const own = process.getuid?.()
  if (own !== undefined && own !== 0 && stat.uid !== own) {
    throw new KernelError('KEY_PERMISSIONS', `\`${path}\` belongs to another user`)
  }
  if ((stat.mode & 0o077) !== 0) {
    throw new KernelError('KEY_PERMISSIONS', `others can reach \`${path}\`; run: chmod 0600 '${path}'`)
  }
}
