import { sha256Hex } from '../../../base/hash.ts'
import type { Call, Imaging } from '../../provider.ts'
import { captureAt, captureOnWay, Unable } from './capture.ts'
import { contentOf } from './content.ts'
import { findExisting } from './existing.ts'
import { absent, type Change, type FileState, type Moved } from './image.ts'
import { destinationOf } from './move-plan.ts'
import { at, type Plan } from './reversal.ts'
import { stampOf } from './stamp.ts'
import type { Ground } from './walk.ts'

/** What the plan of an action is made from. */
export interface Planning {
  readonly ground: Ground
  readonly call: Call
  readonly images: Imaging
}

/** `fs.write` replaces a file, or makes one and maybe the folders on the way. */
export async function planWrite({ ground, call, images }: Planning): Promise<Plan> {
  const { missing, state } = await captureOnWay({ ground, images }, call)
  const bytes = contentOf(call.params)
  const after: FileState = { kind: 'file', sizeBytes: bytes.length, sha256: sha256Hex(bytes) }
  return { changes: [...made(missing), { path: call.resource, before: state, after }] }
}

/** `fs.append` leaves what is there, so its image holds where that ends, and nothing of it. */
export async function planAppend({ ground, call, images }: Planning): Promise<Plan> {
  const { missing, state } = await captureOnWay({ ground, images, endOnly: true }, call)
  const bytes = contentOf(call.params)
  const from = state.kind === 'file' ? state.sizeBytes : 0
  const after: FileState = {
    kind: 'file',
    sizeBytes: from + bytes.length,
    ...(from > 0 && { from }),
    sha256: sha256Hex(bytes),
  }
  return { changes: [...made(missing), { path: call.resource, before: state, after }] }
}

export async function planMkdir({ ground, call, images }: Planning): Promise<Plan> {
  const { missing, state } = await captureOnWay({ ground, images }, call)
  const changes = made(missing)
  if (state.kind !== 'absent') return { changes }
  return { changes: [...changes, { path: call.resource, before: absent, after: { kind: 'folder', entries: [] } }] }
}

export async function planDelete({ ground, call, images }: Planning): Promise<Plan> {
  const isDeep = call.params['recursive'] === true
  const state = await captureAt({ ground, images, isDeep }, call)
  // What is not empty is not deleted without `recursive`.
  const before = state.kind === 'folder' && !isDeep ? { ...state, entries: [] } : state
  return { changes: [{ path: call.resource, before, after: absent }] }
}

export async function planMoved({ ground, call, images }: Planning): Promise<Plan> {
  const to = destinationOf(call.params)
  const there = await captureAt({ ground, images }, at(call, to))
  using found = findExisting(ground, call)
  if (there.kind === 'folder') throw new Unable(`a folder stands at \`${to}\``)
  const moved: Moved = {
    from: call.resource,
    to,
    stamp: await stampOf(ground.volume, found.spot, call.protection),
    ...(there.kind === 'file' && { lost: there }),
  }
  return { changes: [], moved }
}

function made(missing: readonly string[]): Change[] {
  return missing.map((path) => ({ path, before: absent, after: { kind: 'folder' } }))
}
