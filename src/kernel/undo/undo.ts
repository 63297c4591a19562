import type { Verdict } from '../../authority/policy/index.ts'
import { isKernelError, KernelError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'
import type { ActionDefinition, Reversal } from '../../effects/provider.ts'
import { parseEntry, type Entry } from '../../evidence/ledger/index.ts'
import { compensate, readyToCompensate } from './compensate.ts'
import { compensationIn } from './compensation-image.ts'
import { askPolicy } from '../ask-policy.ts'
import { noParams, type Attempt, type ParsedRequest } from '../attempt.ts'
import type { Caller, Gate } from '../gate.ts'
import type { KeptImage } from './images.ts'
import { refuse, type Ending, type Outcome, type Reason } from '../outcome.ts'
import { breakSeal, unlessSealed, type Rooms } from '../rooms.ts'
import { identify } from '../steps/identify.ts'
import { conclude } from '../steps/record.ts'
import { mutate, whyClosed } from '../submit.ts'

export interface UndoOptions {
  /** Also where the world is no longer as the action left it. What others have changed since is lost, but kept in the new before-image. */
  readonly force?: boolean
}

/**
 * Undoes what entry `seq` did: an attempt of its own, with its own entry, before-image and outcome. The permit of the first
 * is enough, deny rules apply. Where a rule named a request that takes it back, that is sent.
 *
 * @returns the outcome; refused `undo_conflict`, `undo_expired`, `already_undone`, `nothing_to_undo` or `denied_by_rule`, for a
 *   request also `effect_unknown`, `result_not_kept`, `reference_unresolved` or `compensation_invalid`
 * @throws KernelError ENTRY_NOT_FOUND, KERNEL_SEALED, KERNEL_CLOSED, STATE_INVALID, LEDGER_CORRUPT, TILE_INVALID
 */
export async function undo(
  gate: Gate,
  rooms: Rooms,
  caller: Caller,
  seq: number,
  { force = false }: UndoOptions = {},
): Promise<Outcome> {
  const closed = whyClosed(gate)
  if (closed !== undefined) throw closed
  const entry = parseEntry(await rooms.entry(seq))
  await letIn(gate, caller)
  const attempt = attemptTo(gate, caller, entry, force)
  if (rooms.undoing.has(seq))
    return conclude(attempt, refuse('already_undone', `entry ${seq} is being undone right now`))
  rooms.undoing.add(seq)
  try {
    const outcome = await goOn(attempt, rooms, entry, force)
    if (outcome.status === 'ok' && outcome.seq >= 0) {
      unlessSealed(rooms.seal, () => rooms.state.note('undos', seq, outcome.seq))
    }
    return outcome
  } catch (error) {
    // What is thrown in here comes before any conclusion, which alone would end the attempt.
    gate.admission.end(caller.principal.id)
    throw error
  } finally {
    rooms.undoing.delete(seq)
  }
}

/**
 * Why `undo` would refuse entry `seq` now, as far as rules and times tell; undefined when they would not. Writes nothing.
 *
 * @throws KernelError ENTRY_NOT_FOUND
 */
export async function whyNotUndo(gate: Gate, rooms: Rooms, caller: Caller, seq: number): Promise<Reason | undefined> {
  const entry = parseEntry(await rooms.entry(seq))
  const attempt = attemptTo(gate, caller, entry, false)
  const refusal = await whyNot(attempt, rooms, entry)
  if (refusal !== undefined) return refusal.reason
  const kept = await readImage(attempt, entry)
  if ('status' in kept) return kept.reason
  const image = compensationIn(kept)
  if (image !== undefined) {
    const ready = await readyToCompensate({ attempt, rooms, entry, image, force: false })
    return 'status' in ready ? ready.reason : undefined
  }
  const reversal = gate.actions.get(kept.action)?.reversal
  return reversal && forbiddenBy(attempt, kept, reversal)?.reason
}

function letIn(gate: Gate, { principal }: Caller): Promise<void> {
  if (gate.admission.tryBegin(principal.id)) return Promise.resolve()
  return new Promise((resolve) => gate.admission.wait(principal.id, resolve))
}

function attemptTo(gate: Gate, caller: Caller, entry: Entry, force: boolean): Attempt {
  const attempt = identify(gate, caller)
  attempt.action = 'undo'
  attempt.resource = entry.resource ?? ''
  attempt.of = entry.seq
  attempt.parsed = {
    action: 'undo',
    params: force ? { force } : noParams,
    idempotencyKey: undefined,
    definition: nothing,
    resources: entry.resources ?? [attempt.resource],
    displayed: entry.resources ?? [attempt.resource],
  }
  attempt.verdict = underPermitOf(entry, force)
  return attempt
}

/** The original permit suffices; an undo keeps its own before-image, unless it was forced where none can be taken. */
function underPermitOf(entry: Entry, force: boolean): Verdict {
  return {
    effect: 'permit',
    reason: 'permitted',
    rules: entry.decision?.rules ?? [],
    message: `permitted as entry ${entry.seq} was`,
    obligations: { undo: force ? 'on' : 'required' },
    ...(entry.class !== undefined && { class: entry.class }),
  }
}

async function goOn(attempt: Attempt, rooms: Rooms, entry: Entry, force: boolean): Promise<Outcome> {
  const refusal = await whyNot(attempt, rooms, entry)
  if (refusal !== undefined) return conclude(attempt, refusal)
  const kept = await readImage(attempt, entry)
  if ('status' in kept) return conclude(attempt, kept)
  const image = compensationIn(kept)
  if (image !== undefined) return compensate({ attempt, rooms, entry, image, force })
  const reversal = attempt.gate.actions.get(kept.action)?.reversal
  if (reversal === undefined) {
    const why = `no provider of this kernel can take \`${kept.action}\` back`
    return conclude(attempt, refuse('nothing_to_undo', why))
  }
  const forbidden = forbiddenBy(attempt, kept, reversal)
  if (forbidden !== undefined) return conclude(attempt, forbidden)
  const contents = attempt.gate.evidence.images.contents(entry.class, entry.undo)
  attempt.undoes = kept.action
  const parsed = attempt.parsed as ParsedRequest
  attempt.parsed = { ...parsed, definition: takingBack(reversal, kept.image, contents, force) }
  return mutate(attempt)
}

/** Putting an image back, as an action that could itself be taken back. */
function takingBack(
  reversal: Reversal,
  image: JsonObject,
  contents: Parameters<Reversal['restore']>[2],
  force: boolean,
): ActionDefinition {
  return {
    ...nothing,
    perform: (call) => reversal.restore(image, call, contents),
    reversal: { ...reversal, capture: (call, imaging) => reversal.recapture(image, call, imaging, force) },
  }
}

const nothing: ActionDefinition = {
  kind: 'mutate',
  readResource: (canonical) => ({ canonical }),
  perform: () => {
    throw new Error('there is nothing to put back')
  },
}

async function whyNot({ gate }: Attempt, rooms: Rooms, entry: Entry): Promise<Ending | undefined> {
  const { seq, undo: taken, outcome } = entry
  if (taken === undefined || outcome?.effect === 'none') {
    return refuse('nothing_to_undo', `entry ${seq} holds no before-image`, {
      hint: `look at \`kestrel explain ${seq}\``,
    })
  }
  const by = await undoneBy(rooms, seq)
  if (by !== undefined) {
    return refuse('already_undone', `entry ${by} undid entry ${seq}`, {
      hint: `\`kestrel undo ${by}\` takes that back`,
    })
  }
  if (gate.clock.now() <= taken.until) return undefined
  return refuse(
    'undo_expired',
    `the before-image of entry ${seq} was kept until ${new Date(taken.until).toISOString()}`,
  )
}

/** The entry that undid entry `seq`, if the index names one that bears it out. @throws KernelError STATE_INVALID */
export async function undoneBy({ state, ledger, entry: read, seal }: Rooms, seq: number): Promise<number | undefined> {
  const by = state.find('undos', seq)
  if (by === undefined) return undefined
  const undoing = by < ledger.treeSize ? parseEntry(await read(by)) : undefined
  if (undoing?.action === 'undo' && undoing.of === seq && undoing.outcome?.status === 'ok') return by
  const what = `the index says that entry ${by} undid entry ${seq}, and that entry does not`
  const error = new KernelError('STATE_INVALID', `${what}; stop the kernel and run \`kestrel rebuild\``)
  breakSeal(seal, error)
  throw error
}

async function readImage({ gate }: Attempt, entry: Entry): Promise<KeptImage | Ending> {
  try {
    return await gate.evidence.images.read(entry.undo as NonNullable<Entry['undo']>, entry.class)
  } catch (error) {
    if (isKernelError(error, 'VAULT_NOT_FOUND')) {
      return refuse('undo_expired', `the before-image of entry ${entry.seq} is no longer kept`)
    }
    return { status: 'failed', effect: 'none', error: damagedImage }
  }
}

const damagedImage = {
  code: 'image_damaged',
  message: 'the before-image was changed or damaged, so nothing is put back; see `kestrel doctor`',
  retryable: false,
} as const

/** The deny rules that forbid what putting it back amounts to. */
function forbiddenBy(attempt: Attempt, { action, image }: KeptImage, reversal: Reversal): Ending | undefined {
  const { resources, params } = attempt.parsed as ParsedRequest
  const steps = [...reversal.amountsTo(image), ...resources.map((resource) => ({ action, resource }))]
  for (const step of steps) {
    const asked = { action: step.action, resources: [step.resource], params }
    const { reason, rules, message } = askPolicy(attempt, asked)
    if (reason !== 'denied_by_rule') continue
    return refuse('denied_by_rule', `to undo it is \`${step.action}\` on \`${step.resource}\`, and ${message}`, {
      rule: rules.join(', '),
    })
  }
  return undefined
}
