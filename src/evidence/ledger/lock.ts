import { closeSync, constants, lstatSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { KernelError, systemCode } from '../../base/errors.ts'

/** An exclusive hold on a folder. The system takes it back when the process ends, however it ends. */
export interface Lock {
  release(): void
}

/** Who holds a folder, as the second to come reads it. */
export interface Owner {
  readonly pid: number
  /** Ms since 1970 UTC. */
  readonly startedAt: number
  readonly dataDir: string
}

/**
 * Takes the lock file of `folder` for this process.
 *
 * Node has no flock; SQLite does, and tells two openers in one process apart, which plain POSIX locks do not. Nothing else may
 * open the lock file: closing it would give the lock away.
 *
 * @throws KernelError LEDGER_LOCKED naming the process that holds it
 */
export function acquireLock(folder: string, owner: Owner): Lock {
  const path = join(folder, 'lock')
  makeLockFile(path)
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (!(cause instanceof Error) || !/locked|busy/.test(cause.message)) {
      throw new KernelError(
        'LEDGER_UNWRITABLE',
        `the lock \`${path}\` cannot be taken; if no process of yours runs here, remove that file`,
        { cause },
      )
    }
    throw new KernelError('LEDGER_LOCKED', describe(folder, owner), { cause })
  }
  const ownerPath = join(folder, 'lock.owner')
  writeOwner(ownerPath, owner)
  return {
    release() {
      rmSync(ownerPath, { force: true })
      database.close()
    },
  }
}

function makeLockFile(path: string): void {
  try {
    closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW, 0o600))
  } catch (cause) {
    if (systemCode(cause) !== 'EEXIST') {
      throw new KernelError('LEDGER_UNWRITABLE', `\`${path}\` cannot be made; check the folder's owner and space`, {
        cause,
      })
    }
    if (!lstatSync(path).isFile()) throw new KernelError('LEDGER_UNWRITABLE', `\`${path}\` is not a file; remove it`)
  }
}

function describe(folder: string, asking: Owner): string {
  const held = readOwner(folder)
  const who = held === undefined ? 'another process' : `process ${held.pid}`
  if (folder === asking.dataDir) {
    return `data directory \`${folder}\` is held by ${who}; stop it, or name another one with \`--data-dir\``
  }
  const where = held === undefined ? '' : ` for data directory \`${held.dataDir}\``
  const advice = 'two copies of one data directory cannot run at once; stop it, or start a new log with `kestrel init`'
  return `keys \`${folder}\` are in use by ${who}${where}; ${advice}`
}

function writeOwner(path: string, owner: Owner): void {
  rmSync(path, { force: true })
  const fd = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600)
  try {
    writeSync(fd, `${JSON.stringify(owner)}\n`)
  } finally {
    closeSync(fd)
  }
}

/** Who wrote itself into the lock file of `folder`. Only looks: whether it still holds the folder is another matter. */
export function readOwner(folder: string): Owner | undefined {
  try {
    const owner = JSON.parse(
      readFileSync(join(folder, 'lock.owner'), { encoding: 'utf8', flag: constants.O_RDONLY | constants.O_NOFOLLOW }),
    ) as Partial<Owner> | null
    const { pid, startedAt, dataDir } = owner ?? {}
    if (!Number.isSafeInteger(pid) || typeof startedAt !== 'number' || typeof dataDir !== 'string') return undefined
    return { pid: pid as number, startedAt, dataDir }
  } catch {
    return undefined
  }
}
