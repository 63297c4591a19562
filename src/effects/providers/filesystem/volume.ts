import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsync,
  lstatSync,
  opendirSync,
  openSync,
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

/** A file or folder that a walk has reached. */
export interface Spot {
  /** A path for system calls. On Linux it leads to exactly this file, whatever becomes of its name. */
  readonly at: string
  /** Where it stands on the host. */
  readonly path: string
  readonly facts: BigIntStats
  /** The descriptor behind `at`, if there is one. */
  readonly fd?: number
}

/** What a walk asks of the operating system. An interface, so that a test can stand in a volume that folds names or fails. */
export interface Volume {
  /** Opens the folder behind a mount, following links: the operator named it. */
  root(folder: string): Spot
  /** Opens what stands in `folder` under `name`, never following a link. */
  step(folder: Spot, name: string): Spot
  close(spot: Spot): void
  /** Opens the very file of `spot` for input or output. */
  open(spot: Spot, flags: number): number
  /** Where `spot` stands on the host now. */
  whereabouts(spot: Spot): string
  /** Facts about `name` in `folder`, not following a link; undefined where there is none. */
  look(folder: Spot, name: string): BigIntStats | undefined
  entries(folder: Spot): Iterable<Dirent>
  /** Whether the kernel makes up what stands there (procfs, sysfs, …). */
  isSynthetic(spot: Spot): boolean
  /** Waits until the disk has what was written. */
  sync(fd: number): Promise<void>
}

/** `O_PATH` of Linux on x64 and arm64, which Node does not name: a descriptor that only stands for a place. @see open(2) */
const placeOnly = 0o10000000

const syncToDisk = promisify(fsync)

/** Walks by descriptor: each step is looked up in the folder that was opened, so a swapped name changes nothing. */
const byDescriptor: Volume = {
  root: (folder) => {
    const spot = openPlace(folder, folder, constants.O_DIRECTORY)
    return { ...spot, path: readlinkSync(spot.at) }
  },
  step: (folder, name) => openPlace(`${folder.at}/${name}`, join(folder.path, name), constants.O_NOFOLLOW),
  close: (spot) => {
    if (spot.fd !== undefined) closeSync(spot.fd)
  },
  open: (spot, flags) => openSync(spot.at, flags | constants.O_NONBLOCK),
  whereabouts: (spot) => readlinkSync(spot.at),
  look,
  entries,
  isSynthetic: (spot) => syntheticTypes.has(statfsSync(spot.at).type),
  sync: syncToDisk,
}

/**
 * Where there is no `O_PATH` (macOS) a step is a path. Links are refused and the file is compared with what was walked after
 * opening, which narrows the gap between look and use but does not close it for the folders above.
 */
const byPath: Volume = {
  root: (folder) => {
    const path = realpathSync.native(folder)
    return { at: path, path, facts: statSync(path, { bigint: true }) }
  },
  step: (folder, name) => {
    const path = join(folder.path, name)
    return { at: path, path, facts: lstatSync(path, { bigint: true }) }
  },
  close: () => undefined,
  open: (spot, flags) => openSync(spot.at, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK),
  whereabouts: (spot) => realpathSync.native(spot.path),
  look,
  entries,
  isSynthetic: () => false,
  sync: syncToDisk,
}

/** The volumes of this machine. @throws KernelError PROVIDER_INVALID on a Linux without `/proc` */
export function hostVolume(): Volume {
  if (process.platform !== 'linux') return byPath
  if (existsSync('/proc/self/fd')) return byDescriptor
  throw new KernelError('PROVIDER_INVALID', '`filesystem` walks through `/proc/self/fd`; mount `/proc`')
}

function openPlace(from: string, path: string, flags: number): Spot & { readonly fd: number } {
  const fd = openSync(from, placeOnly | flags)
  try {
    return { at: `/proc/self/fd/${fd}`, path, facts: fstatSync(fd, { bigint: true }), fd }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function look(folder: Spot, name: string): BigIntStats | undefined {
  return lstatSync(`${folder.at}/${name}`, { bigint: true, throwIfNoEntry: false })
}

function* entries(folder: Spot): Iterable<Dirent> {
  const directory = opendirSync(folder.at, { bufferSize: 512 })
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) yield entry
  } finally {
    directory.closeSync()
  }
}

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
