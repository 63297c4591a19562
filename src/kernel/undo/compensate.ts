import type { JsonObject } from '../../base/json.ts'
import type { Achieved, ActionDefinition, Answer } from '../../effects/provider.ts'
import type { Entry } from '../../evidence/ledger/index.ts'
import { readAnswer } from '../answer.ts'
import { askPolicy } from '../ask-policy.ts'
import type { Attempt, ParsedRequest } from '../attempt.ts'
import { asksForResult, fillRequest } from './compensation.ts'
import type { CompensationImage } from './compensation-image.ts'
import { openUndoOf } from './earlier-undos.ts'
import { keptResult, type KeptResult } from './kept-result.ts'
import { refuse, type Ending, type Outcome } from '../outcome.ts'
import { settledBy } from '../resolve.ts'
import type { Rooms } from '../rooms.ts'
import { readByDefinition } from '../steps/parse.ts'
import { unwritable } from '../steps/prepare.ts'
import { conclude } from '../steps/record.ts'
import { mutate } from '../submit.ts'

/** An undo that sends the request which a rule names for it. */
export interface Compensating {
  readonly attempt: Attempt
  readonly rooms: Rooms
  /** What is taken back. */
  readonly entry: Entry
  readonly image: CompensationImage
  readonly force: boolean
}

/**
 * Takes back by another request what `entry` did. That the rule named it is its permit, deny rules apply; its effect is that of
 * any action, and an answer that says no is none that took anything back.
 */
export async function compensate(compensating: Compensating): Promise<Outcome> {
  const { attempt, image, force, entry } = compensating
  const ready = await readyToCompensate(compensating)
  if ('status' in ready) return conclude(attempt, ready)
  const { action, params, resources, displayed, definition } = ready
  try {
    const asked: JsonObject = { action, resource: resources[0] as string, params, ...(force && { force }) }
    attempt.params = attempt.gate.evidence.keep(asked, entry.class)
  } catch (error) {
    return conclude(attempt, unwritable(error, 'nothing was done'))
  }
  attempt.resource = displayed[0] as string
  attempt.parsed = { ...ready, definition: asCompensation(definition) }
  const { verdict } = attempt
  if (verdict !== undefined) {
    const { network } = image
    attempt.verdict = { ...verdict, obligations: { undo: 'on', ...(network !== undefined && { network }) } }
  }
  return mutate(attempt)
}

/** The request as its provider reads it, or why it is not sent. Writes nothing. @throws KernelError STATE_INVALID, LEDGER_CORRUPT, TILE_INVALID */
export async function readyToCompensate(compensating: Compensating): Promise<ParsedRequest | Ending> {
  const { rooms, entry } = compensating
  const tried = await whyNotAgain(compensating)
  if (tried !== undefined) return tried
  const result = await keptResult(entry, rooms.vault)
  if (result === 'damaged') return { status: 'failed', effect: 'none', error: damagedResult }
  return (await whyUncertain(compensating, result)) ?? fillAndRead(compensating, result)
}

const damagedResult = {
  code: 'result_damaged',
  message: 'the result was changed or damaged in the vault, so nothing is sent; see `kestrel doctor`',
  retryable: false,
} as const

async function whyNotAgain({ rooms, entry, force }: Compensating): Promise<Ending | undefined> {
  const open = await openUndoOf(rooms, entry.seq)
  if (open?.tookEffect === true) return refuse('already_undone', `entry ${open.seq} undid entry ${entry.seq}`)
  if (open === undefined || force) return undefined
  return refuse('effect_unknown', `entry ${open.seq} tried to undo it, and nobody knows whether that took effect`, {
    hint: `find out, then say so by \`kestrel resolve ${open.seq}\`; \`--force\` sends the request once more`,
  })
}

/** Why there may be nothing to take back. No image tells, so a person must. */
async function whyUncertain(
  { attempt, rooms, entry, image, force }: Compensating,
  result: KeptResult,
): Promise<Ending | undefined> {
  const unless = {
    hint: 'find out whether it took effect; `--force` sends the request that takes it back all the same',
  }
  if (entry.outcome?.status === 'unknown') {
    const settled = await settledBy(rooms, entry.seq)
    if (settled?.outcome?.status === 'ok' || force) return undefined
    if (settled === undefined) return refuse('effect_unknown', 'nobody knows whether it took effect', unless)
    return refuse('nothing_to_undo', `entry ${settled.seq} says that it did not take effect`)
  }
  const definition = attempt.gate.actions.get(image.action)
  if (definition?.achieved === undefined || force) return undefined
  if (result === 'gone') return refuse('effect_unknown', 'how it was answered is not kept any more', unless)
  const told = toldBy(definition, typeof result === 'object' ? result.value : undefined)
  if (told === 'yes') return undefined
  const why = 'refused' in told ? told.refused : told.unclear
  return refuse('effect_unknown', `${why}, so it may have changed nothing`, unless)
}

function fillAndRead({ attempt, image, entry }: Compensating, result: KeptResult): ParsedRequest | Ending {
  const { request, params, resource } = image
  if (typeof result !== 'object' && asksForResult(request)) {
    const why = result === 'gone' ? 'is not kept any more' : 'was never known'
    return refuse('result_not_kept', `the result of entry ${entry.seq} ${why}, and the request needs it`)
  }
  const filled = fillRequest(request, { params, resource, result: typeof result === 'object' ? result : undefined })
  if ('problem' in filled) return refuse('reference_unresolved', filled.problem)
  const definition = attempt.gate.actions.get(request.action)
  if (definition?.kind !== 'mutate') {
    return refuse('compensation_invalid', `no provider of this kernel has \`${request.action}\` as a change`)
  }
  const read = readSafely(() => readByDefinition(filled.request, definition))
  if ('problem' in read)
    return refuse('compensation_invalid', `\`${request.action}\` is not asked for so: ${read.problem}`)
  return forbiddenBy(attempt, read) ?? read
}

function readSafely<Read>(read: () => Read): Read | { readonly problem: string } {
  try {
    return read()
  } catch {
    return { problem: 'its provider broke its contract' }
  }
}

function forbiddenBy(attempt: Attempt, request: ParsedRequest): Ending | undefined {
  const { action, displayed } = request
  const { reason, rules, message } = askPolicy(attempt, request)
  if (reason !== 'denied_by_rule') return undefined
  return refuse('denied_by_rule', `to undo it is \`${action}\` on \`${displayed.join('` and `')}\`, and ${message}`, {
    rule: rules.join(', '),
  })
}

/** The action, with an answer that says no taken for what it is. */
function asCompensation(definition: ActionDefinition): ActionDefinition {
  const { timeoutMs, tier, reversal } = definition
  return {
    kind: 'mutate',
    readResource: (raw) => definition.readResource(raw),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(tier !== undefined && { tier }),
    ...(reversal !== undefined && { reversal }),
    perform: async (call) => {
      const said = await definition.perform(call)
      const answer = readAnswer(said)
      return answer !== undefined && 'effect' in answer && answer.effect === 'done' ? heard(definition, answer) : said
    },
  }
}

function heard(definition: ActionDefinition, answer: Extract<Answer, { effect: 'done' }>): Answer {
  const told = toldBy(definition, answer.result)
  if (told === 'yes') return answer
  if ('refused' in told) {
    const message = `${told.refused}, so nothing was taken back`
    return { effect: 'none', error: { code: 'compensation_refused', message, retryable: false } }
  }
  const message = `${told.unclear}, so nobody knows whether it was taken back`
  return { effect: 'uncertain', error: { code: 'compensation_unclear', message, retryable: false } }
}

function toldBy(
  definition: ActionDefinition,
  result: Parameters<NonNullable<ActionDefinition['achieved']>>[0],
): Achieved {
  try {
    return definition.achieved?.(result) ?? 'yes'
  } catch {
    return { unclear: 'the provider could not read the answer' }
  }
}
