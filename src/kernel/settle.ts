import type { ActionDefinition, Standing } from '../effects/provider.ts'
import type { EntryDraft, EntryOutcome } from '../evidence/ledger/index.ts'
import { imagesFrom, type ImageRooms, type Images } from './undo/images.ts'

/** By what can be told how the world stands. */
export interface World {
  /** By full name. */
  readonly actions: ReadonlyMap<string, ActionDefinition>
  /** What the policy mounts; absent where no policy was loaded, and the images alone say where to look. */
  readonly mounts?: ReadonlyMap<string, string> | undefined
}

/**
 * Ends the attempts that a crash cut between intent and entry. Where there is a before-image, the world tells whether they took
 * effect; else, or where it is neither as before nor as after, nobody can, and a person settles it.
 */
export async function endInterrupted(rooms: ImageRooms, world: World): Promise<void> {
  const { ledger } = rooms
  const images = imagesFrom(rooms)
  for (const { id, intent } of ledger.unsettled) {
    const { undo, ...draft } = intent as unknown as EntryDraft
    const standing = undo === undefined ? 'neither' : await standingOf(images, { ...draft, undo }, world)
    const mayBeUndone = standing === 'before' ? undefined : undo
    await ledger.append(
      { ...draft, undo: mayBeUndone, outcome: outcomes[standing] },
      { durability: 'durable', settles: id },
    )
  }
}

const outcomes: Readonly<Record<Standing, EntryOutcome>> = {
  before: { status: 'failed', effect: 'none', error: 'interrupted' },
  after: { status: 'ok', effect: 'done' },
  neither: { status: 'unknown', effect: 'uncertain', error: 'interrupted' },
}

async function standingOf(images: Images, draft: EntryDraft, { actions, mounts }: World): Promise<Standing> {
  try {
    const { action, image } = await images.read(draft.undo as NonNullable<EntryDraft['undo']>, draft.class)
    const reversal = actions.get(action)?.reversal
    if (reversal === undefined) return 'neither'
    return await reversal.compare(image, { resource: draft.resource ?? '', mounts })
  } catch {
    // What cannot be looked at tells nothing, and must not keep the kernel from starting.
    return 'neither'
  }
}
