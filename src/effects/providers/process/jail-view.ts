import { lstatSync, readlinkSync, type Stats } from 'node:fs'
import { limits } from '../../../base/limits.ts'
import { systemCode } from '../../../base/errors.ts'
import type { Call } from '../../provider.ts'
import { fail, refuse } from '../filesystem/ending.ts'
import { isWithin, join } from '../filesystem/path.ts'
import type { Spot, Volume } from '../filesystem/volume.ts'
import type { Settings } from './options.ts'

/** A folder of the host and where the jail shows it. */
interface Shown {
  readonly host: string
  readonly jail: string
}

/** The parts of `/etc` that programs of the system need to start and to read text, times and certificates. */
const etc = [
  'alternatives', 'ca-certificates', 'group', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'localtime', 'magic', 'mime.types',
  'nsswitch.conf', 'passwd', 'pki/ca-trust', 'pki/tls/certs', 'protocols', 'services', 'ssl/certs', 'ssl/openssl.cnf', 'terminfo',
] // prettier-ignore

/** What every jail shows of the host, read-only, and its own devices, processes and temporary folders. */
export function systemView(readOnly: readonly string[]): readonly string[] {
  const size = String(limits.execTemporaryBytes)
  return [
    ...['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'].flatMap(showTop),
    ...['--perms', '0755', '--dir', '/etc'],
    ...etc.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
    ...readOnly.flatMap((folder) => ['--ro-bind-try', folder, folder]),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--perms', '1777', '--size', size, '--tmpfs', '/tmp', '--perms', '1777', '--size', size, '--tmpfs', '/dev/shm'],
  ]
}

/** On most systems `/bin` and its kind are links into `/usr`. */
function showTop(path: string): string[] {
  const facts = lstatSync(path, { throwIfNoEntry: false })
  if (facts?.isSymbolicLink() === true) return ['--symlink', readlinkSync(path), path]
  return facts?.isDirectory() === true ? ['--ro-bind', path, path] : []
}

/** What a jail shows besides, for one call: arguments, and the descriptors that they name from `firstFile` on. */
export interface View extends Disposable {
  readonly args: readonly string[]
  readonly files: readonly number[]
}

/**
 * The policy's mounts under the names that agents know, with Kestrel's own files hidden.
 *
 * A mount that holds something of Kestrel's is never shown for writing: a program could move the folders above it. A kernel
 * that does not tell what is its own gets no mounts at all.
 *
 * @throws Ended
 */
export function viewOf(call: Call, settings: Settings, volume: Volume, firstFile: number): View {
  const places = call.protection.places?.()
  const args: string[] = []
  const spots: Spot[] = []
  const view = {
    args,
    files: [] as number[],
    [Symbol.dispose]: () => spots.forEach((spot) => volume.close(spot)),
  }
  try {
    for (const folder of ['/usr', ...settings.readOnly])
      args.push(...hiding({ host: folder, jail: folder }, places ?? []))
    if (places === undefined || settings.mounts === 'none') return view
    if ((call.mounts?.size ?? 0) > limits.execMounts) {
      throw fail(
        'too_many_mounts',
        `a jail shows at most ${limits.execMounts} mounts; set the option \`mounts\` to \`none\``,
      )
    }
    for (const [jail, folder] of call.mounts ?? []) {
      const spot = jail === '/' ? undefined : openMount(folder, volume)
      if (spot === undefined) continue
      spots.push(spot)
      refuseProtected(call, jail, spot)
      const isOurs = places.some((place) => isWithin(place, spot.path))
      const bind = settings.mounts === 'write' && !isOurs ? '--bind-fd' : '--ro-bind-fd'
      args.push(bind, String(firstFile + view.files.length), jail, ...hiding({ host: spot.path, jail }, places))
      view.files.push(spot.fd as number)
    }
    return view
  } catch (ended) {
    view[Symbol.dispose]()
    throw ended
  }
}

/** Whether the jail of this call shows the agent's folder `cwd`. @throws Ended where it does not */
export function demandShown(call: Call, settings: Settings, cwd: string): void {
  if (call.mounts === undefined) {
    throw refuse('outside_mount', `\`${cwd}\` lies in no mount, and a jail shows nothing else`, 'mount its folder')
  }
  const isShown = [...call.mounts.keys()].some((mount) => mount !== '/' && isWithin(cwd, mount))
  const isTold = call.protection.places !== undefined
  if (settings.mounts !== 'none' && isShown && isTold) return
  throw fail(
    'mount_missing',
    `the jail of programs does not show \`${cwd}\`; see the option \`mounts\` of the provider`,
  )
}

/** A mount without a folder hinders only what asks for it. */
function openMount(folder: string, volume: Volume): Spot | undefined {
  try {
    return volume.root(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}

function refuseProtected({ protection }: Call, mount: string, { path, facts }: Spot): void {
  const { dev, ino } = facts
  if (!protection.coversPath(path) && !protection.coversIdentity({ dev, ino, links: 1n })) return
  throw refuse('self_protected', `the mount \`${mount}\` belongs to Kestrel itself, which no program may see`)
}

function hiding(shown: Shown, places: readonly string[]): string[] {
  const hidden: string[] = []
  const args: string[] = []
  for (const place of [...places].sort((a, b) => a.length - b.length)) {
    if (!isWithin(place, shown.host) || hidden.some((folder) => isWithin(place, folder))) continue
    const facts = lstatSync(place, { throwIfNoEntry: false })
    // Where a link leads is a place too.
    if (facts === undefined || facts.isSymbolicLink()) continue
    hidden.push(place)
    args.push(...cover(join(shown.jail, place.slice(shown.host.length + 1)), facts))
  }
  return args
}

function cover(path: string, facts: Stats): string[] {
  if (!facts.isDirectory()) return ['--ro-bind', '/dev/null', path]
  return ['--perms', '0500', '--size', '4096', '--tmpfs', path, '--remount-ro', path]
}
