import { isAbsolute } from 'node:path'
import { KernelError } from '../../../base/errors.ts'
import { limits } from '../../../base/limits.ts'

/** What the operator says of programs. An agent has no word in any of it. */
export interface ProcessesOptions {
  /** Folders in which a bare name is looked up, and the `PATH` of programs. Default: those of the system, `/usr/local` first. */
  readonly path?: readonly string[]
  /** The whole environment of a program. Default: `PATH`, `LANG`, and a private empty folder as `HOME` and `TMPDIR`. */
  readonly env?: Readonly<Record<string, string>>
  /**
   * `auto`: in a jail where one works; else under another user than Kestrel's where that can be, else not at all. `always`: in a
   * jail, or the provider cannot be made. `never`: on the host, as `user`.
   */
  readonly jail?: 'auto' | 'always' | 'never'
  /** What a jail shows of the policy's mounts, each under its own name. Default `read`. */
  readonly mounts?: 'none' | 'read' | 'write'
  /** Further folders of the host that a jail shows, under their own names, read-only: where programs have been installed. */
  readonly readOnly?: readonly string[]
  /** Lets programs run that lie in a mount, where an agent may have written them. */
  readonly fromMounts?: boolean
  /** Whom a program runs as without a jail. Default: where Kestrel is root, `nobody`; else Kestrel's own user. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** Where bubblewrap is. Default: `/usr/bin/bwrap`, `/usr/local/bin/bwrap`, `/bin/bwrap`. */
  readonly bubblewrap?: string
}

/** The options, checked and complete. */
export interface Settings extends ProcessesOptions {
  readonly path: readonly string[]
  readonly jail: 'auto' | 'always' | 'never'
  readonly mounts: 'none' | 'read' | 'write'
  readonly readOnly: readonly string[]
  readonly fromMounts: boolean
}

const systemPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** @throws KernelError PROVIDER_INVALID */
export function readOptions(options: ProcessesOptions): Settings {
  const { path = systemPath, readOnly = [], env, jail = 'auto', mounts = 'read', fromMounts = false, user } = options
  for (const [name, folders] of Object.entries({ path, readOnly })) {
    if (folders.length > limits.execFolders) throw invalid(`\`${name}\` names more than ${limits.execFolders} folders`)
    for (const folder of folders) if (!isPlainPath(folder)) throw invalid(`\`${name}\` must hold absolute paths only`)
  }
  if (options.bubblewrap !== undefined && !isPlainPath(options.bubblewrap)) {
    throw invalid('`bubblewrap` must be an absolute path')
  }
  for (const [name, value] of Object.entries(env ?? {})) {
    if (name === '' || /[=\0]/.test(name) || typeof value !== 'string' || value.includes('\0')) {
      throw invalid('`env` must hold names without `=` and texts without NUL')
    }
  }
  if (!['auto', 'always', 'never'].includes(jail)) throw invalid('`jail` must be `auto`, `always` or `never`')
  if (!['none', 'read', 'write'].includes(mounts)) throw invalid('`mounts` must be `none`, `read` or `write`')
  if (user !== undefined && !(isId(user.uid) && isId(user.gid))) throw invalid('`user` must have a `uid` and a `gid`')
  return { ...options, path, readOnly, jail, mounts, fromMounts }
}

function isPlainPath(path: unknown): boolean {
  return typeof path === 'string' && isAbsolute(path) && !/[\0:]/.test(path)
}

function isId(id: unknown): boolean {
  return Number.isSafeInteger(id) && (id as number) >= 0
}

function invalid(detail: string): KernelError {
  return new KernelError('PROVIDER_INVALID', `an option of \`process\`: ${detail}`)
}
