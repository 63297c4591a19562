import { spawnSync } from 'node:child_process'
import { closeSync, openSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { limits } from '../../../base/limits.ts'
import type { Volume } from '../filesystem/volume.ts'
import { startChild, type Child, type Ending, type Running } from './child.ts'
import { inheritedFiles } from './inherited.ts'
import { demandShown, systemView, viewOf } from './jail-view.ts'
import type { Launch, Launcher } from './launch.ts'
import type { Settings } from './options.ts'
import { readProgram } from './program.ts'
import { kill, untilGone } from './tree.ts'

/** Nothing of the host but what is shown: no network, no processes, no users, no rights. Ends with whoever started it. */
const walls = [
  '--unshare-user', '--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try', '--disable-userns',
  '--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--hostname', 'jail',
] // prettier-ignore

/** Descriptors of a jail: where it tells how it goes, the program, then the mounts. */
const statusFile = 3
const programFile = 4

const usualPlaces = ['/usr/bin/bwrap', '/usr/local/bin/bwrap', '/bin/bwrap']

/** Where bubblewrap is that makes a whole jail here; or why there is none, for a person. */
export function findBubblewrap(settings: Settings): { readonly at: string } | { readonly missing: string } {
  if (process.platform !== 'linux') return { missing: 'bubblewrap works on Linux only' }
  const places = settings.bubblewrap === undefined ? usualPlaces : [settings.bubblewrap]
  const at = places.find((place) => statSync(place, { throwIfNoEntry: false })?.isFile())
  if (at === undefined) return { missing: 'bubblewrap is not installed; install the package `bubblewrap`' }
  const { mode, uid } = statSync(at)
  if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid?.())) {
    return { missing: `\`${at}\` can be changed by other users, so it is not trusted; look at its owner and mode` }
  }
  if (makesAJail(at, settings)) return { at }
  return { missing: `\`${at}\` makes no jail here: it is older than 0.10, or user namespaces are forbidden` }
}

function makesAJail(bubblewrap: string, settings: Settings): boolean {
  const probe = readProgram('true', settings.path)
  if (!('canonical' in probe) || !probe.canonical.startsWith('/')) return false
  const program = openSync(probe.canonical, 'r')
  try {
    const args = [...walls, ...systemView([]), '--ro-bind-fd', '3', '/tmp/true', '--remount-ro', '/', '--', '/tmp/true']
    const stdio = ['ignore', 'ignore', 'ignore', program] as const
    return spawnSync(bubblewrap, args, { stdio: [...stdio], env: {}, timeout: limits.jailProbeMs }).status === 0
  } finally {
    closeSync(program)
  }
}

/** Starts programs in jails, a new one for each. */
export function jailLauncher(settings: Settings, bubblewrap: string, volume: Volume): Launcher {
  const hidden = inheritedFiles()
  const shown = [...walls, ...systemView(settings.readOnly)]
  return {
    tier: 'jail',
    launch: (launch) => {
      const { call, request, program } = launch
      if (request.cwd !== undefined) demandShown(call, settings, request.cwd)
      using view = viewOf(call, settings, volume, programFile + 1)
      const child = startChild({
        file: bubblewrap,
        args: [...shown, ...view.args, ...launchArgs(launch)],
        stdin: request.stdin,
        files: ['pipe', program.fd as number, ...view.files],
        hidden,
        options: { cwd: '/', env: { ...(settings.env ?? ownEnvironment(settings)) } },
      })
      return running(child)
    },
  }
}

function launchArgs({ program, request }: Launch): string[] {
  return [
    // The very file that was judged, over whatever stands under its name by now.
    ...['--ro-bind-fd', String(programFile), program.path],
    ...['--remount-ro', '/', '--remount-ro', '/dev'],
    ...['--json-status-fd', String(statusFile), '--chdir', request.cwd ?? '/tmp'],
    ...['--', program.path, ...request.args],
  ]
}

function ownEnvironment({ path }: Settings): Readonly<Record<string, string>> {
  return { PATH: path.join(':'), LANG: 'C.UTF-8', HOME: '/tmp', TMPDIR: '/tmp' }
}

function running(child: Child): Running {
  const { pid } = child.process
  let isOver = false
  const status = statusOf(child.process.stdio[statusFile] as Readable)
  const ended = child.exited.then(async (ending) => {
    isOver = true
    return endingOf(ending, await status)
  })
  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    if (pid === undefined) return
    // The processes of a jail are let run only after the first of them was told of; until then they are one group.
    if (!isOver) kill(-pid)
    const { init } = await status
    if (init === undefined) return
    // It ends with its parent by itself, but not in every moment of its beginning.
    kill(init)
    await untilGone(init)
  }
  return { stdout: child.stdout, stderr: child.stderr, ended, stop: () => (stopping ??= stop()) }
}

/** What bubblewrap tells: the first process of the jail, as the host counts, and how the program has ended. */
interface Status {
  readonly init: number | undefined
  readonly exitCode: number | undefined
}

async function statusOf(stream: Readable): Promise<Status> {
  const told = await text(stream).catch(() => '')
  return { init: numberIn(told, /"child-pid": (\d+)/), exitCode: numberIn(told, /"exit-code": (\d+)/) }
}

function numberIn(told: string, pattern: RegExp): number | undefined {
  const [, digits] = pattern.exec(told) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** Signals that end programs. Others are left out: `git` ends with 129 of its own will, which would be SIGHUP. */
const deadly = [
  'SIGINT', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL', 'SIGSEGV', 'SIGPIPE', 'SIGALRM', 'SIGTERM',
  'SIGXCPU', 'SIGXFSZ', 'SIGSYS',
] as const // prettier-ignore

/** Bubblewrap tells of a signal as shells do, as 128 and its number; a program that ends so by itself is not told apart. */
function endingOf(ending: Ending, { exitCode }: Status): Ending {
  if ('notStarted' in ending) return ending
  if (exitCode === undefined) return ending.exitCode === null ? ending : { notStarted: 'jail' }
  const signal = deadly.find((name) => constants.signals[name] === exitCode - 128)
  return signal === undefined ? { exitCode, signal: null } : { exitCode: null, signal }
}
