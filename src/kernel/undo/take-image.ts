import { isJsonObject } from '../../base/json.ts'
import type { Captured, Imaging } from '../../effects/provider.ts'
import { readAnswer } from '../answer.ts'
import { askPolicy } from '../ask-policy.ts'
import type { Attempt, ParsedRequest } from '../attempt.ts'
import { compensationFor } from './compensation-image.ts'
import type { KeptImage } from './images.ts'
import { refuse, type Ending } from '../outcome.ts'
import { ask } from '../steps/perform.ts'
import { screen } from '../steps/screen.ts'
import { withdrawn } from '../asker/withdrawn.ts'

/**
 * Takes the before-image of what an attempt is about to change, unless the policy says `undo: off`. Where none can be taken,
 * the request that would take it back is kept in its place, if a rule names one; else the attempt goes on without, or ends here
 * if the policy requires one: nothing has happened yet.
 */
export async function takeImage(attempt: Attempt): Promise<Ending | undefined> {
  const { definition, action } = attempt.parsed as ParsedRequest
  const asks = attempt.verdict?.obligations.undo ?? 'on'
  const { reversal } = definition
  if (asks === 'off') return undefined
  const without = (why: string): Ending | undefined => {
    const taken = compensationFor(attempt)
    if (taken !== undefined && 'image' in taken) return keep(attempt, taken)
    return asks === 'required' ? unavailable(attempt, taken?.unable ?? why) : undefined
  }
  if (reversal === undefined) return without(`\`${action}\` cannot be taken back`)
  const imaging = imagingOf(attempt)
  const reply = await ask(attempt, (call) => reversal.capture(call, imaging), readCaptured)
  const ended = withdrawn(attempt)
  if (ended !== undefined) return ended
  if ('error' in reply) return without(reply.error.message)
  const taken = reply.said
  if (taken === undefined) return without('the provider gave no image')
  if ('unable' in taken) return without(taken.unable)
  if ('ending' in taken) return screen(attempt, taken.ending)
  attempt.image = taken.image
  return keep(attempt, { action: attempt.undoes ?? action, image: taken.image })
}

function keep(attempt: Attempt, image: KeptImage): undefined {
  attempt.undo = attempt.gate.evidence.images.keep(image, attempt.verdict?.class)
}

function unavailable({ verdict }: Attempt, why: string): Ending {
  const hint = 'nothing was done; `undo: on` in place of `undo: required` would go on without'
  return refuse('undo_unavailable', `no before-image can be taken: ${why}`, {
    ...(verdict !== undefined && verdict.rules.length > 0 && { rule: verdict.rules.join(', ') }),
    hint,
  })
}

/** Where the content of images goes, and what the policy forbids that it would take to get it. */
function imagingOf(attempt: Attempt): Imaging {
  const { gate, verdict, parsed } = attempt
  const { params } = parsed as ParsedRequest
  return {
    ...gate.evidence.images.contents(verdict?.class),
    forbids: (action, resource) =>
      askPolicy(attempt, { action, resources: [resource], params }).reason === 'denied_by_rule',
  }
}

/** What a provider returned, or undefined where it is nothing that a capture may return. */
function readCaptured(said: unknown): Captured | undefined {
  if (typeof said !== 'object' || said === null) return undefined
  const { image, unable, ending } = said as { image?: unknown; unable?: unknown; ending?: unknown }
  if (typeof unable === 'string') return { unable }
  if (isJsonObject(image as never)) return { image: image as never }
  const answer = ending === undefined ? undefined : readAnswer(ending)
  // An ending says that nothing happened, since nothing may have.
  const isHarmless = answer !== undefined && ('refused' in answer || ('effect' in answer && answer.effect === 'none'))
  return isHarmless ? { ending: answer } : undefined
}
