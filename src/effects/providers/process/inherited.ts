import { readdirSync, readFileSync } from 'node:fs'
import { limits } from '../../../base/limits.ts'

/** `O_CLOEXEC` as Linux shows it on x64 and arm64. @see proc_pid_fdinfo(5) */
const closesOnExec = 0o2000000

/**
 * Files that this process was started with and that would be open in every program it starts.
 *
 * Node marks all that it opens, and the lowest of those that it was given, to be closed; what was given under a high number is
 * left. A program gets the null device in their place.
 */
export function inheritedFiles(): readonly number[] {
  if (process.platform !== 'linux') return []
  const numbers = readdirSync('/proc/self/fd').map(Number)
  return numbers.filter((fd) => fd > 2 && fd < limits.inheritedFiles && staysOpen(fd))
}

function staysOpen(fd: number): boolean {
  try {
    const [, flags] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? []
    return flags !== undefined && (Number.parseInt(flags, 8) & closesOnExec) === 0
  } catch {
    // the one that the folder was read through
    return false
  }
}
