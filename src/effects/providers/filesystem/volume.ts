import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsync,
  lstatSync,
  opendirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statfsSync,
  statSync,
  type BigIntStats,
  type Dirent,
} from 'node:fs'
import { promisify } from 'node:util'
import { KernelError } from '../../../base/errors.ts'
import { join } from './path.ts'

export interface Place {
  /** A path for system calls. On Linux it leads to exactly this file, whatever becomes of its name. */
  readonly at: string
  /** Where it stands on the host. */
  readonly path: string
}

/** A file or folder that a walk has reached. */
export interface Spot extends Place {
  readonly facts: BigIntStats
  /** The descriptor behind `at`, if there is one. */
  readonly fd?: number
}

/**
 * What is known of the file system that something lies on. `direct`: what another process changes is seen by whoever has the
 * file open. `synthetic`: the system makes up what stands there (procfs, sysfs, …).
 */
export type FileSystemKind = 'direct' | 'synthetic' | 'other'

/** What a walk asks of the operating system. An interface, so that a test can stand in a volume that folds names or fails. */
export interface Volume {
  /** Whether a spot is held by a descriptor, so that it stays the same file whatever becomes of its name. */
  readonly isPinned: boolean
  /** Opens the folder behind a mount, following links: the operator named it. */
  root(folder: string): Spot
  /** Facts of now about `spot`, where `folder`, following links, leads to it. */
  leadsTo(folder: string, spot: Spot): BigIntStats | undefined
  /** Opens what stands in `folder` under `name`, never following a link. */
  step(folder: Spot, name: string): Spot
  close(spot: Spot): void
  /** Opens the very file of `spot` for input or output. */
  open(spot: Spot, flags: number): number
  /** Where `spot` stands on the host now. */
  whereabouts(spot: Place): string
  /** Facts about a path of the host, not following a link at its end; undefined where there is nothing. */
  facts(path: string): BigIntStats | undefined
  /** Facts about `name` in `folder`, not following a link; undefined where there is none. */
  look(folder: Spot, name: string): BigIntStats | undefined
  entries(folder: Spot): Iterable<Dirent>
  kindOf(spot: Spot): FileSystemKind
  /** Which mount of the system `spot` lies in: what is renamed stays within one. */
  mountOf(spot: Spot): string
  /** Waits until the disk has what was written. */
  sync(fd: number): Promise<void>
}

/** `O_PATH` of Linux on x64 and arm64, which Node does not name: a descriptor that only stands for a place. @see open(2) */
const placeOnly = 0o10000000

const syncToDisk = promisify(fsync)

/** Walks by descriptor: each step is looked up in the folder that was opened, so a swapped name changes nothing. */
const byDescriptor: Volume = {
  isPinned: true,
  root: (folder) => {
    const spot = openPlace(folder, folder, constants.O_DIRECTORY)
    return { ...spot, path: readlinkSync(spot.at) }
  },
  leadsTo,
  step: (folder, name) => openPlace(`${folder.at}/${name}`, join(folder.path, name), constants.O_NOFOLLOW),
  close: (spot) => {
    if (spot.fd !== undefined) closeSync(spot.fd)
  },
  open: (spot, flags) => openSync(spot.at, flags | constants.O_NONBLOCK),
  whereabouts: (spot) => readlinkSync(spot.at),
  facts,
  look,
  entries,
  kindOf: (spot) => {
    const { type } = statfsSync(spot.at)
    return syntheticTypes.has(type) ? 'synthetic' : directTypes.has(type) ? 'direct' : 'other'
  },
  // A bind mount has the device of what it shows: only its number tells it apart.
  mountOf: (spot) => /^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${spot.fd}`, 'latin1'))?.[1] ?? '',
  sync: syncToDisk,
}

/**
 * Where there is no `O_PATH` (macOS) a step is a path. Links are refused and the file is compared with what was walked after
 * opening, which narrows the gap between look and use but does not close it for the folders above.
 */
const byPath: Volume = {
  isPinned: false,
  root: (folder) => {
    const path = realpathSync.native(folder)
    return { at: path, path, facts: statSync(path, { bigint: true }) }
  },
  leadsTo,
  step: (folder, name) => {
    const path = join(folder.path, name)
    return { at: path, path, facts: lstatSync(path, { bigint: true }) }
  },
  close: () => undefined,
  open: (spot, flags) => openSync(spot.at, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK),
  whereabouts: (spot) => realpathSync.native(spot.path),
  facts,
  look,
  entries,
  kindOf: () => 'other',
  mountOf: (spot) => String(spot.facts.dev),
  sync: syncToDisk,
}

/** The volumes of this machine. @throws KernelError PROVIDER_INVALID on a Linux without `/proc` */
export function hostVolume(): Volume {
  if (process.platform !== 'linux') return byPath
  if (existsSync('/proc/self/fd')) return byDescriptor
  throw new KernelError('PROVIDER_INVALID', '`filesystem` walks through `/proc/self/fd`; mount `/proc`')
}

/** Whether facts taken at two times are of one file that nobody has written, renamed, linked or given to others between. */
export function isUnchanged(now: BigIntStats, then: BigIntStats): boolean {
  return (
    now.ino === then.ino &&
    now.dev === then.dev &&
    now.ctimeNs === then.ctimeNs &&
    // The grain of the time of change may hide two changes in one.
    now.mode === then.mode &&
    now.nlink === then.nlink &&
    now.uid === then.uid &&
    now.gid === then.gid
  )
}

/** Enough to know a file again. */
export type Identity = Pick<BigIntStats, 'dev' | 'ino'>

export function isSame(one: Identity | undefined, other: Identity | undefined): boolean {
  return one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev
}

/** A path that leads to what the descriptor stands for, on a volume that is pinned. */
export function pathOf(fd: number): string {
  return `/proc/self/fd/${fd}`
}

function openPlace(from: string, path: string, flags: number): Spot & { readonly fd: number } {
  const fd = openSync(from, placeOnly | flags)
  try {
    return { at: pathOf(fd), path, facts: fstatSync(fd, { bigint: true }), fd }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function leadsTo(folder: string, spot: Spot): BigIntStats | undefined {
  const now = statSync(folder, { bigint: true, throwIfNoEntry: false })
  return now?.ino === spot.facts.ino && now.dev === spot.facts.dev ? now : undefined
}

function facts(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

function look(folder: Spot, name: string): BigIntStats | undefined {
  return facts(`${folder.at}/${name}`)
}

function* entries(folder: Spot): Iterable<Dirent> {
  const directory = opendirSync(folder.at, { bufferSize: 512 })
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) yield entry
  } finally {
    directory.closeSync()
  }
}

/** File systems of this machine alone: no server and no process behind them answers from what it knew a while ago. */
const directTypes: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xf2f52010, // f2fs
  0x2fc12fc1, // zfs
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
])

/** File systems whose files are doors into the kernel or into other processes. @see linux/magic.h */
const syntheticTypes: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x62656570, // configfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0xcafe4a11, // bpf
  0xf97cff8c, // selinux
  0x43415d53, // smack
  0xde5e81e4, // efivarfs
  0x1cd1, // devpts
  0x42494e4d, // binfmt_misc
  0x6165676c, // pstore
  0x6e736673, // nsfs
  0x65735543, // fusectl
])
