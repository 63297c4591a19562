import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  open as openCallback,
  rename as renameCallback,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { promisify } from 'node:util'
import { toHex } from '../../../base/bytes.ts'
import { systemCode } from '../../../base/errors.ts'
import type { RandomBytes } from '../../../base/random.ts'
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
    this.name = `.kestrel-${toHex(random(8))}.tmp`
  }

  /** Writes the content and waits until the disk has it. @param replaced whose mode and owner it takes over */
  async store(bytes: Uint8Array, replaced: Spot | undefined, syncs: Syncs): Promise<void> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    const fd = await syncs.inTurn(() => open(this.path, flags, replaced === undefined ? 0o666 : 0o600))
    this.exists = true
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written)
      if (replaced !== undefined) keepMode(fd, replaced)
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

function keepMode(fd: number, replaced: Spot): void {
  const { uid, gid, mode } = replaced.facts
  const mine = fstatSync(fd, { bigint: true })
  if (mine.uid !== uid || mine.gid !== gid) {
    try {
      fchownSync(fd, Number(uid), Number(gid))
    } catch (error) {
      if (systemCode(error) !== 'EPERM') throw error
    }
  }
  // Without the set-user-id bits: new content does not inherit the trust of the old.
  fchmodSync(fd, Number(mode & 0o777n))
}
