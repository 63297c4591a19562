import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, statSync, type BigIntStats } from 'node:fs'
import { systemCode } from '../../../base/errors.ts'
import { limits } from '../../../base/limits.ts'
import type { Call, ResourceReading } from '../../provider.ts'
import { fail, refuse } from '../filesystem/ending.ts'
import { isWithin, join, readPath } from '../filesystem/path.ts'
import type { Volume } from '../filesystem/volume.ts'

/** A program that was found, judged and, where the system lets it, opened. */
export interface Program extends Disposable {
  readonly path: string
  /** The descriptor that stands for the very file that was judged, if there is one. */
  readonly fd: number | undefined
  /** Whether another program, which its first line names, runs it. */
  readonly isScript: boolean
}

/**
 * The program that a request names: the real path, every link followed, so that a rule names the file that runs.
 *
 * Other readings look at the text alone; this one has to look at the disk, since `/bin/ls` and `/usr/bin/ls` are one program
 * and a link in a folder that an agent writes may lead to any. The text is the same as long as the disk is, and it is read
 * again at the moment of effect. What does not exist, is no program, or stands among the doors of the system into itself
 * (`/proc`, `/sys`, `/dev`) keeps its text: where a link leads that is no program is not for agents to learn.
 *
 * @param raw an absolute path, or a bare name, which is looked up in `searchPath` and nowhere else
 */
export function readProgram(raw: string, searchPath: readonly string[]): ResourceReading {
  if (raw.includes('/')) {
    const reading = readPath(raw)
    if (!('canonical' in reading)) return raw.startsWith('/') ? reading : { problem: notANameOrPath }
    return { canonical: realProgram(reading.canonical) ?? reading.canonical }
  }
  if (raw === '' || raw === '.' || raw === '..') return { problem: notANameOrPath }
  if (!raw.isWellFormed() || raw.includes('\0')) return { problem: 'the name holds a NUL or a lone surrogate' }
  if (Buffer.byteLength(raw) > limits.pathSegmentBytes) {
    return { problem: `the name is longer than ${limits.pathSegmentBytes} bytes` }
  }
  for (const folder of searchPath) {
    const real = realProgram(join(folder, raw))
    if (real !== undefined) return { canonical: real }
  }
  return { canonical: raw }
}

const notANameOrPath = 'a program is named by an absolute path, or by a name without `/`'

function realProgram(path: string): string | undefined {
  if (isDoor(path)) return undefined
  try {
    const real = realpathSync.native(path)
    const facts = statSync(real)
    const isProgram = facts.isFile() && (facts.mode & 0o111) !== 0
    return isProgram && !isDoor(real) && 'canonical' in readPath(real) ? real : undefined
  } catch {
    return undefined
  }
}

function isDoor(path: string): boolean {
  return ['/proc', '/sys', '/dev'].some((folder) => isWithin(path, folder))
}

/** What stands for a place in a moment when it must not be followed through a link. `O_PATH` of Linux. @see open(2) */
const placeOnly = 0o10000000

/**
 * Finds the program of a call again, at the moment of effect, and judges what it has opened.
 *
 * @throws Ended
 */
export function openProgram(
  call: Call,
  searchPath: readonly string[],
  volume: Volume,
  mayLieInMounts: boolean,
): Program {
  const { resource, protection } = call
  const now = readProgram(resource, searchPath)
  if (protection.coversPath(resource)) throw protectedEnding(resource)
  if (!('canonical' in now) || now.canonical !== resource) {
    throw refuse('name_mismatch', `\`${resource}\` leads to another program than when policy judged it`, 'try again')
  }
  if (!resource.startsWith('/')) throw notFound(resource)
  if (!mayLieInMounts) refuseMounted(call)
  const fd = openPlace(resource, volume)
  try {
    const facts = fstatSync(fd, { bigint: true })
    if (volume.isPinned && volume.whereabouts({ at: `/proc/self/fd/${fd}`, path: resource }) !== resource) {
      throw refuse('name_mismatch', `\`${resource}\` was replaced while it was looked at`, 'try again')
    }
    judge(resource, facts, protection)
    const isScript = readKind(resource, volume.isPinned ? `/proc/self/fd/${fd}` : resource) === 'script'
    if (volume.isPinned) return { path: resource, fd, isScript, [Symbol.dispose]: () => closeSync(fd) }
    closeSync(fd)
    return { path: resource, fd: undefined, isScript, [Symbol.dispose]: () => undefined }
  } catch (ended) {
    closeSync(fd)
    throw ended
  }
}

function openPlace(resource: string, volume: Volume): number {
  try {
    return openSync(resource, (volume.isPinned ? placeOnly : constants.O_NONBLOCK) | constants.O_NOFOLLOW)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') throw notFound(resource)
    throw error
  }
}

function refuseMounted({ resource, mounts }: Call): void {
  for (const [mount, folder] of mounts ?? []) {
    if (!isWithin(resource, folder) && !isWithin(resource, realFolder(folder))) continue
    const why = `lies in the mount \`${mount}\`, where agents may write`
    throw refuse('unsafe_file', `\`${resource}\` ${why}, and such a program does not run`)
  }
}

function realFolder(folder: string): string {
  try {
    return realpathSync.native(folder)
  } catch {
    return folder
  }
}

function judge(resource: string, facts: BigIntStats, protection: Call['protection']): void {
  const { dev, ino, nlink: links } = facts
  if (protection.coversIdentity({ dev, ino, links })) throw protectedEnding(resource)
  if (!facts.isFile()) throw refuse('unsafe_file', `\`${resource}\` is not an ordinary file`)
  if ((facts.mode & 0o111n) === 0n)
    throw fail('not_executable', `\`${resource}\` may not be executed; look at its mode`)
  if ((facts.mode & 0o6000n) !== 0n) {
    throw refuse(
      'unsafe_file',
      `\`${resource}\` takes on another user or group (set-uid or set-gid), so it does not run`,
    )
  }
  if ((facts.mode & 0o002n) !== 0n) {
    throw refuse('unsafe_file', `\`${resource}\` can be changed by everyone, so it does not run; look at its mode`)
  }
}

const machOs: ReadonlySet<number> = new Set([0xfeedface, 0xcefaedfe, 0xfeedfacf, 0xcffaedfe, 0xcafebabe])

/**
 * What the system itself would run. It matters because `execvp` of the C library gives everything that the system does not run
 * to `/bin/sh`, and no shell may ever run.
 */
function readKind(resource: string, at: string): 'binary' | 'script' {
  const head = headOf(resource, at)
  if (head.subarray(0, 2).toString('latin1') === '#!') return 'script'
  if (head.length === headBytes && isForThisMachine(head)) return 'binary'
  const needs = 'is neither a program for this machine nor a script whose first line names one with `#!`'
  throw refuse('unsafe_file', `\`${resource}\` ${needs}`)
}

function isForThisMachine(head: Buffer): boolean {
  if (process.platform !== 'linux') return machOs.has(head.readUInt32BE(0))
  const own = headOf('this program', '/proc/self/exe')
  // Class and byte order (5 bytes with the magic before them), and the machine.
  return head.subarray(0, 6).equals(own.subarray(0, 6)) && head.subarray(18, 20).equals(own.subarray(18, 20))
}

const headBytes = 20

function headOf(resource: string, at: string): Buffer {
  const head = Buffer.alloc(headBytes)
  let fd: number
  try {
    fd = openSync(at, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (systemCode(error) !== 'EACCES') throw error
    throw fail('permission_denied', `\`${resource}\` may not be read by Kestrel's user, so it cannot be judged`)
  }
  try {
    return head.subarray(0, readSync(fd, head, 0, headBytes, 0))
  } finally {
    closeSync(fd)
  }
}

function notFound(resource: string): Error {
  return fail('not_found', `there is no program \`${resource}\`; name it by its absolute path`)
}

function protectedEnding(resource: string): Error {
  return refuse('self_protected', `\`${resource}\` belongs to Kestrel itself, which no action may touch`)
}
