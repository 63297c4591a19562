import type { Answer, Call, Captured, Reversal } from 'kestrel-kernel/providers'
import { placeOf, type Place, type Table } from './table.ts'

/** The image of a change: one row before and after it, where null is no row. */
export type Change = Place & { readonly before: string | null; readonly after: string | null }

const conflict: Answer = {
  refused: 'undo_conflict',
  message: 'the value is no longer the one that was left',
  hint: 'look at it with `kv.get`; `force` puts the old one back all the same',
}

/**
 * How a put or delete is taken back: the row gets the value that it had, or goes where there was none.
 *
 * @param next what the action leaves: a value, null for no row, or the answer where it would do nothing
 * @param guarded turns an error of the database into an answer
 */
export function reversalOf(
  table: Table,
  next: (call: Call) => string | null | Answer,
  guarded: <Value>(act: () => Value) => Value | Answer,
): Reversal {
  const taken = (act: () => Captured): Captured => {
    const captured = guarded(act)
    return 'image' in captured || 'unable' in captured || 'ending' in captured ? captured : { ending: captured }
  }
  return {
    capture: (call, images) =>
      taken(() => {
        // What nobody may read is not kept either: the policy could not protect it there.
        if (images.forbids('kv.get', call.resource)) return { unable: 'the policy forbids to read it' }
        const after = next(call)
        if (typeof after === 'object' && after !== null) return { ending: after }
        const place = placeOf(call.resource)
        return imageOf({ ...place, before: table.get(place), after })
      }),
    recapture: (image, _, __, force) =>
      taken(() => {
        const { store, key, before, after } = changeIn(image)
        const now = table.get({ store, key })
        if (now !== after && !force) return { ending: conflict }
        return imageOf({ store, key, before: now, after: before })
      }),
    restore: (image, { image: now }) =>
      guarded((): Answer => {
        const { store, key, before } = changeIn(image)
        const expected = now === undefined ? changeIn(image).after : changeIn(now).before
        return table.swap({ store, key }, before, expected).changed ? { effect: 'done' } : conflict
      }),
    compare: (image) => {
      const { store, key, before, after } = changeIn(image)
      const now = table.get({ store, key })
      return now === after ? 'after' : now === before ? 'before' : 'neither'
    },
    amountsTo: (image) => {
      const { store, key, before } = changeIn(image)
      return [{ action: before === null ? 'kv.delete' : 'kv.put', resource: `${store}/${key}` }]
    },
  }
}

function imageOf({ store, key, before, after }: Change): Captured {
  return { image: { store, key, before, after } }
}

/** What this provider gave away as an image, and the gate has kept sealed. */
function changeIn(image: NonNullable<Call['image']>): Change {
  return image as unknown as Change
}
