import type { JsonObject } from '../../../base/json.ts'
import { limits } from '../../../base/limits.ts'
import { snapshot } from '../../../base/snapshot.ts'
import { actionName, type Answer, type Call, type Captured, type Imaging, type Reversal } from '../../provider.ts'
import { demand, demandShape, isDone } from './demand.ts'
import { callOf, fingerprint, frozenCopy, keptInMemory, type ActionCase, type Subject } from './sample.ts'

/** How what an action did is taken back: for samples with `disturb`. */
export const reversalCases: readonly ActionCase[] = [
  { name: 'takes an image without acting', check: forReversal(takesImage) },
  { name: 'takes no image whose content cannot be kept', check: forReversal(keepsAllOrNothing) },
  { name: 'puts back what was there, and the change again', check: forReversal(putsBackAndForth) },
  { name: 'does not put back over what others have changed, unless forced', check: forReversal(heedsOthers) },
  { name: 'does not put back over what changes at that moment', check: forReversal(heedsOthersToTheEnd) },
]

function forReversal(
  check: (subject: Subject, reversal: Reversal) => Promise<void>,
): (subject: Subject) => Promise<void> {
  return (subject) => {
    const { reversal } = subject.definition
    demand(reversal !== undefined, 'the sample has `disturb`, but the action cannot be taken back')
    return check(subject, reversal)
  }
}

async function takesImage(subject: Subject, reversal: Reversal): Promise<void> {
  const before = await fingerprint(subject.sample)
  const image = imageIn(await reversal.capture(callOf(subject), imaging()))
  demand((await fingerprint(subject.sample)) === before, '`capture` has changed the world')
  demandSteps(subject, reversal, image)
  demandSame(await standing(subject, reversal, image), 'before', 'before the action `compare` says')
}

async function keepsAllOrNothing(subject: Subject, reversal: Reversal): Promise<void> {
  const before = await fingerprint(subject.sample)
  let hasFailed = false
  const keep = (): Promise<never> => {
    hasFailed = true
    return Promise.reject(new Error('nothing can be kept'))
  }
  const images = { ...imaging(), keep }
  const captured = await Promise.resolve(reversal.capture(callOf(subject), images)).catch(() => undefined)
  const isImage = captured !== undefined && 'image' in captured
  demand(!hasFailed || !isImage, '`capture` gives an image though its content could not be kept')
  demand((await fingerprint(subject.sample)) === before, '`capture` has changed the world where nothing could be kept')
}

async function putsBackAndForth(subject: Subject, reversal: Reversal): Promise<void> {
  const deed = await act(subject, reversal)
  demandSame(await standing(subject, reversal, deed.image), 'after', 'after the action `compare` says')
  const undone = await takeBack(deed, deed.image)
  demand(isDone(undone.answer), `it is not put back: ${JSON.stringify(undone.answer)}`)
  demand((await fingerprint(subject.sample)) === deed.before, 'put back, the world is not as it was')
  demandSame(await standing(subject, reversal, deed.image), 'before', 'put back, `compare` says')
  const image = undone.image as JsonObject
  demandSteps(subject, reversal, image)
  demandSame(await standing(subject, reversal, image), 'after', 'put back, `compare` says of the image of that')
  const redone = await takeBack(deed, image)
  demand(isDone(redone.answer), `the change is not put back again: ${JSON.stringify(redone.answer)}`)
  demand((await fingerprint(subject.sample)) === deed.after, 'put back twice, the world is not as the action left it')
}

async function heedsOthers(subject: Subject, reversal: Reversal): Promise<void> {
  const deed = await act(subject, reversal)
  const disturbed = await disturb(subject)
  demandConflict((await takeBack(deed, deed.image)).answer)
  demand((await fingerprint(subject.sample)) === disturbed, 'an undo that was refused has changed the world')
  const forced = await takeBack(deed, deed.image, { force: true })
  demand(isDone(forced.answer), `it is not put back by force: ${JSON.stringify(forced.answer)}`)
  demand(
    (await fingerprint(subject.sample)) !== disturbed,
    'it says that it was put back by force, and nothing changed',
  )
  const { answer } = await takeBack(deed, forced.image as JsonObject)
  demand(isDone(answer), `what was put back by force cannot be taken back: ${JSON.stringify(answer)}`)
  demand((await fingerprint(subject.sample)) === disturbed, 'what others had changed is lost by force')
}

async function heedsOthersToTheEnd(subject: Subject, reversal: Reversal): Promise<void> {
  const deed = await act(subject, reversal)
  let disturbed = ''
  const meanwhile = async (): Promise<void> => {
    disturbed = await disturb(subject)
  }
  const { answer } = await takeBack(deed, deed.image, { meanwhile })
  demandConflict(answer)
  demand((await fingerprint(subject.sample)) === disturbed, 'an undo that was refused has changed the world')
}

/** An action that was done, and what the world was before and is after it. */
interface Deed {
  readonly subject: Subject
  readonly reversal: Reversal
  /** As the gate would hand over an undo. */
  readonly call: Call
  readonly images: Imaging
  readonly image: JsonObject
  readonly before: string
  readonly after: string
}

async function act(subject: Subject, reversal: Reversal): Promise<Deed> {
  const before = await fingerprint(subject.sample)
  const call = callOf(subject)
  const images = imaging()
  const image = imageIn(await reversal.capture(call, images))
  const answer: unknown = await subject.definition.perform({ ...call, image })
  demandShape(answer)
  demand(isDone(answer), `the sample fails: ${JSON.stringify(answer)}`)
  const after = await fingerprint(subject.sample)
  demand(after !== before, 'the sample changes nothing that `world` shows')
  return { subject, reversal, call: { ...call, action: 'undo', params: {} }, images, image, before, after }
}

/** Puts `image` back as the gate does: another image first. */
async function takeBack(
  { subject, reversal, call, images }: Deed,
  image: JsonObject,
  { force = false, meanwhile }: { readonly force?: boolean; readonly meanwhile?: () => Promise<void> } = {},
): Promise<{ readonly answer: Answer; readonly image?: JsonObject }> {
  const before = await fingerprint(subject.sample)
  const captured = await reversal.recapture(image, call, images, force)
  demand((await fingerprint(subject.sample)) === before, '`recapture` has changed the world')
  if ('ending' in captured) {
    demandShape(captured.ending)
    return { answer: captured.ending }
  }
  const now = imageIn(captured)
  await meanwhile?.()
  const answer: unknown = await reversal.restore(image, { ...call, image: now }, images)
  demandShape(answer)
  return { answer, image: now }
}

async function disturb({ sample }: Subject): Promise<string> {
  const before = await fingerprint(sample)
  await sample.disturb?.()
  const after = await fingerprint(sample)
  demand(after !== before, '`disturb` changes nothing that `world` shows')
  return after
}

/** As the gate reads it from the vault again. */
function imageIn(captured: Captured): JsonObject {
  demand(typeof captured === 'object' && captured !== null, 'no image was taken')
  demand(!('unable' in captured), 'no image can be taken of the sample')
  demand('image' in captured, 'the image of the sample ends the action')
  return frozenCopy(snapshot(captured.image, 'image') as JsonObject)
}

function imaging(): Imaging {
  return { ...keptInMemory(), forbids: () => false }
}

function standing(subject: Subject, reversal: Reversal, image: JsonObject): ReturnType<Reversal['compare']> {
  const { resource, mounts } = callOf(subject)
  return reversal.compare(image, { resource, mounts })
}

/** What it amounts to is for deny rules: a step that none can fit is one that none can forbid. */
function demandSteps({ provider }: Subject, reversal: Reversal, image: JsonObject): void {
  const steps = reversal.amountsTo(image)
  demand(Array.isArray(steps) && steps.length > 0, '`amountsTo` names no step')
  for (const { action, resource } of steps as ReturnType<Reversal['amountsTo']>) {
    const isNamed = actionName.test(action) && action.length <= limits.actionLength
    demand(isNamed, '`amountsTo` names what is no action')
    const reading = provider.actions[action]?.readResource(resource) ?? { canonical: resource }
    demand('canonical' in reading && reading.canonical !== '', '`amountsTo` names what is no resource')
    demand(reading.canonical === resource, '`amountsTo` names a resource that is not canonical')
  }
}

function demandSame(found: unknown, expected: string, what: string): void {
  demand(found === expected, `${what} \`${String(found)}\`, not \`${expected}\``)
}

function demandConflict(answer: Answer): void {
  const isConflict = 'refused' in answer && answer.refused === 'undo_conflict'
  demand(isConflict, `what others have changed is not refused as \`undo_conflict\`: ${JSON.stringify(answer)}`)
}
