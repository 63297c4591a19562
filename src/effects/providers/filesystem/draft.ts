import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  open as openCallback,
  rename as renameCallback,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { promisify } from 'node:util'
import { systemCode } from '../../../base/errors.ts'
import type { RandomBytes } from '../../../base/random.ts'
import type { Facts } from './image.ts'
import { spareName } from './spare-name.ts'
import type { Syncs } from './syncs.ts'
import type { Spot, Volume } from './volume.ts'

// Under many writes a volume takes long to find room for a new file and to free the old one: other requests go on meanwhile.
const open = promisify(openCallback)
const rename = promisify(renameCallback)

/** New content on its way to a name: a file beside the old one, in the same folder and so on the same volume. */
export class Draft {
  readonly name: string
  private readonly volume: Volume
  private readonly folder: Spot
  private exists = false

  constructor(volume: Volume, folder: Spot, random: RandomBytes) {
    this.volume = volume
    this.folder = folder
    this.name = spareName(random)
  }

  /** Writes the content and waits until the disk has it. @param replaced whose mode and owner it takes over */
  async store(bytes: Uint8Array, replaced: Spot | undefined, syncs: Syncs): Promise<void> {
    const fd = await syncs.inTurn(() => open(this.path, newFile, replaced === undefined ? 0o666 : 0o600))
    this.exists = true
    try {
      writeAll(fd, bytes)
      if (replaced !== undefined) keepMode(fd, replaced)
      await syncs.inTurn(() => this.volume.sync(fd))
    } finally {
      closeSync(fd)
    }
  }

  /** Takes over what an image holds of a file, with its mode, owner and times, and waits until the disk has it. */
  async restore(pieces: AsyncIterable<Uint8Array>, facts: Facts | undefined, syncs: Syncs): Promise<void> {
    const fd = await syncs.inTurn(() => open(this.path, newFile, 0o600))
    this.exists = true
    try {
      for await (const piece of pieces) writeAll(fd, piece)
      if (facts !== undefined) giveBack(fd, facts)
      await syncs.inTurn(() => this.volume.sync(fd))
    } finally {
      closeSync(fd)
    }
  }

  /** Whether the volume drops dots and spaces at the end of a name, as those that fold case may: the file would get another. */
  wouldTrim(name: string): boolean {
    if (!/[. ]$/.test(name)) return false
    const mine = this.volume.look(this.folder, this.name)
    const folded = this.volume.look(this.folder, this.name.toUpperCase())
    return folded !== undefined && folded.ino === mine?.ino
  }

  /** Gives the content its name, in one step. */
  async publish(name: string): Promise<void> {
    await rename(this.path, `${this.folder.at}/${name}`)
    this.exists = false
  }

  /** Removes what was not published. */
  discard(): void {
    if (!this.exists) return
    try {
      unlinkSync(this.path)
    } catch {
      // it is gone already, or stays under a name that nothing reads
    }
  }

  private get path(): string {
    return `${this.folder.at}/${this.name}`
  }
}

const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written)
}

/** Mode, owner where the user may give it, and times as far as Node can say them: to a quarter of a microsecond. */
export function giveBack(fd: number, { mode, uid, gid, atimeNs, mtimeNs }: Facts): void {
  giveOwner(fd, BigInt(uid), BigInt(gid))
  fchmodSync(fd, mode)
  futimesSync(fd, secondsOf(BigInt(atimeNs)), secondsOf(BigInt(mtimeNs)))
}

/** The system cuts off what is below a nanosecond; half of one keeps the nearest number from falling to the one before. */
function secondsOf(ns: bigint): number {
  const whole = ns / secondNs
  return Number(whole) + (Number(ns - whole * secondNs) + 0.5) / 1e9
}

const secondNs = 1_000_000_000n

/** The time that a file has after it was given `ns`. Given that one it has it again. */
export function settableNs(ns: bigint): bigint {
  const seconds = secondsOf(ns)
  const whole = Math.trunc(seconds)
  return BigInt(whole) * secondNs + BigInt(Math.trunc((seconds - whole) * 1e9))
}

function giveOwner(fd: number, uid: bigint, gid: bigint): void {
  const mine = fstatSync(fd, { bigint: true })
  if (mine.uid === uid && mine.gid === gid) return
  try {
    fchownSync(fd, Number(uid), Number(gid))
  } catch (error) {
    if (systemCode(error) !== 'EPERM') throw error
  }
}

function keepMode(fd: number, replaced: Spot): void {
  const { uid, gid, mode } = replaced.facts
  giveOwner(fd, uid, gid)
  // Without the set-user-id bits: new content does not inherit the trust of the old.
  fchmodSync(fd, Number(mode & 0o777n))
}
