import { parseEntry } from '../../evidence/ledger/index.ts'
import { settledBy } from '../resolve.ts'
import type { Rooms } from '../rooms.ts'

/** An undo that was tried before and ended `unknown`, and whether a person has said since that it took effect. */
export interface OpenUndo {
  readonly seq: number
  readonly tookEffect: boolean
}

const mark = Buffer.from('"action":"undo"')

/**
 * The undo of entry `seq` that may have taken effect although it is not known to: where the world cannot be compared with an
 * image, doing it twice is another effect. Such undos are not in the index, so the log behind the entry is looked through.
 *
 * @throws KernelError STATE_INVALID, LEDGER_CORRUPT, TILE_INVALID
 */
export async function openUndoOf(rooms: Rooms, seq: number): Promise<OpenUndo | undefined> {
  let open: OpenUndo | undefined
  for await (const { bytes } of rooms.entries(seq + 1)) {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (!view.includes(mark)) continue
    const { seq: by, action, of, outcome } = parseEntry(bytes)
    if (action !== 'undo' || of !== seq || outcome?.status !== 'unknown') continue
    const settled = await settledBy(rooms, by)
    if (settled?.outcome?.status === 'ok') return { seq: by, tookEffect: true }
    if (settled === undefined) open = { seq: by, tookEffect: false }
  }
  return open
}
