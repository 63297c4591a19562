import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync } from 'node:fs'
import { rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toHex } from '../../../base/bytes.ts'
import { pooledRandom, type RandomBytes } from '../../../base/random.ts'
import { startChild, type Running } from './child.ts'
import { inheritedFiles } from './inherited.ts'
import type { Launcher, Launch } from './launch.ts'
import type { Settings } from './options.ts'
import { readProgram } from './program.ts'
import { endTree, markName, treeOf } from './tree.ts'

/** Whom programs run as, where not as Kestrel's own user. */
export type User = Settings['user']

/** Starts programs as ordinary processes of the host. */
export function hostLauncher(settings: Settings, user: User): Launcher {
  const hidden = inheritedFiles()
  const random = pooledRandom()
  return { tier: 'host', launch: (launch) => launchOnHost(launch, settings, user, hidden, random) }
}

function launchOnHost(
  { program, request, folder }: Launch,
  settings: Settings,
  user: User,
  hidden: readonly number[],
  random: RandomBytes,
): Running {
  const home = mkdtempSync(join(tmpdir(), 'kestrel-exec-'))
  const remove = (): Promise<void> => removeHome(home, settings, user).catch(() => undefined)
  try {
    if (user !== undefined) chownSync(home, user.uid, user.gid)
    const mark = toHex(random(16))
    const own = { PATH: settings.path.join(':'), LANG: 'C.UTF-8', HOME: home, TMPDIR: home }
    // The descriptor is looked up by the child itself, in what it has of ours until the moment it becomes the program. A
    // script's interpreter would look later, when it is closed, so a script is started by its path.
    const isByDescriptor = program.fd !== undefined && !program.isScript
    const child = startChild({
      file: isByDescriptor ? `/proc/self/fd/${program.fd}` : program.path,
      args: request.args,
      stdin: request.stdin,
      files: [],
      hidden,
      options: {
        argv0: program.path,
        cwd: folder?.at ?? home,
        env: { ...(settings.env ?? own), [markName]: mark },
        ...(user && { uid: user.uid, gid: user.gid }),
      },
    })
    const { pid } = child.process
    const tree = pid === undefined ? undefined : treeOf(pid, mark)
    let stopping: Promise<void> | undefined
    const stop = async (): Promise<void> => {
      if (tree !== undefined) await endTree(tree)
      await remove()
    }
    return { stdout: child.stdout, stderr: child.stderr, ended: child.exited, stop: () => (stopping ??= stop()) }
  } catch (error) {
    void remove()
    throw error
  }
}

/**
 * Removes what a program has left in its private folder, with no more rights than the program had: one that got away could turn
 * a path in there into a link to anything.
 */
async function removeHome(home: string, { path }: Settings, user: User): Promise<void> {
  const isEmpty = await rmdir(home).then(
    () => true,
    () => false,
  )
  if (isEmpty) return
  if (user === undefined) return await rm(home, { recursive: true, force: true })
  const remover = readProgram('rm', path)
  if (!('canonical' in remover) || !remover.canonical.startsWith('/')) return
  await once(spawn(remover.canonical, ['-rf', '--', home], { ...user, cwd: '/', env: {}, stdio: 'ignore' }), 'exit')
}
