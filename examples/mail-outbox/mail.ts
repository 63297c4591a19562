import { randomUUID } from 'node:crypto'
import {
  integer,
  optional,
  shape,
  type ActionDefinition,
  type Answer,
  type Call,
  type ParamRule,
  type Provider,
} from 'kestrel-kernel/providers'
import { readAddress } from './address.ts'
import { deliver, type Server } from './deliver.ts'
import { compose, recipientOf } from './message.ts'
import { Outbox, type State } from './outbox.ts'
import { Waiting } from './waiting.ts'

export interface MailOptions {
  /** The folder of the outbox; made when it is missing. */
  readonly folder: string
  readonly server: Server
  /** The sender of every message. No agent chooses it. */
  readonly from: string
}

const longestDelayMs = 3_600_000

/**
 * Mail to one recipient, who is the resource: `mail.send`, `mail.unsend`, `mail.status`.
 *
 * Sent mail cannot be taken back, so `mail.send` has no `reversal`. With `delayMs` it waits in the outbox, and until then
 * `mail.unsend` takes it out: a compensation, an action of its own that the policy judges.
 */
export function mail({ folder, server, from }: MailOptions): Provider {
  const outbox = new Outbox(folder)
  const waiting = new Waiting(outbox, async (name, signal) => {
    const message = outbox.read('sending', name) ?? ''
    const to = recipientOf(message) ?? ''
    const answer = await deliver({ server, from, to, message, signal, report: () => undefined })
    // It was promised: what may go better later is tried again, and what may not is kept for a person.
    if ('effect' in answer && answer.effect === 'none' && answer.error.retryable) return 'again'
    settle(outbox, name, answer, 'failed')
    return 'ended'
  })
  return {
    name: 'mail',
    ownPlaces: [folder],
    actions: {
      'mail.send': {
        kind: 'mutate',
        readResource: readAddress,
        checkParams: shape({ subject: oneLine, text: plainText, delayMs: optional(integer(0, longestDelayMs)) }),
        perform: (call) => guarded(call, (id) => begin(call, id)),
      },
      'mail.unsend': onMessage('mutate', outbox, ({ state, name }) => {
        if (state !== 'waiting' || !outbox.move(name, 'waiting', 'unsent')) return tooLate
        waiting.drop(name)
        return { effect: 'done' }
      }),
      'mail.status': onMessage('observe', outbox, ({ state }) => ({ effect: 'done', result: { state } })),
    },
    close: () => waiting.close(),
  }

  async function begin(call: Call, id: string): Promise<Answer> {
    const { resource: to, params, signal, report } = call
    const date = new Date()
    const { subject, text } = params as { readonly subject: string; readonly text: string }
    const message = compose({ id, from, to, subject, text, date })
    const dueMs = date.getTime() + Number(params['delayMs'] ?? 0)
    const name = `${dueMs}-${id}.eml`
    if (dueMs > date.getTime()) {
      if (waiting.isFull) return none('outbox_full', 'too many messages wait in the outbox; try again later', true)
      outbox.put('waiting', name, message)
      waiting.add(name)
      return { effect: 'done', result: { id, state: 'waiting', sendsAt: new Date(dueMs).toISOString() } }
    }
    outbox.put('sending', name, message)
    const answer = await deliver({ server, from, to, message, signal, report })
    settle(outbox, name, answer, undefined)
    return 'effect' in answer && answer.effect === 'done' ? { ...answer, result: { id, state: 'sent' } } : answer
  }
}

/**
 * Where a message goes whose delivery has ended. What cannot be noted changes nothing of how it ended.
 *
 * @param unsent where one goes that was not sent; undefined: nowhere, since its sender is told
 */
function settle(outbox: Outbox, name: string, answer: Answer, unsent: 'failed' | undefined): void {
  try {
    const effect = 'effect' in answer ? answer.effect : 'uncertain'
    const to = effect === 'done' ? 'sent' : effect === 'none' ? unsent : 'uncertain'
    if (to === undefined) outbox.remove('sending', name)
    else outbox.move(name, 'sending', to)
  } catch {
    // It stays in `sending`, and at the next start it is counted as uncertain.
  }
}

/** An action on a message that was sent to the same recipient. */
function onMessage(
  kind: ActionDefinition['kind'],
  outbox: Outbox,
  act: (found: { readonly state: State; readonly name: string }) => Answer,
): ActionDefinition {
  return {
    kind,
    readResource: readAddress,
    checkParams: shape({ id: messageId }),
    perform: (call) =>
      guarded(call, () => {
        const found = outbox.find(`-${call.params['id'] as string}.eml`)
        const message = found && outbox.read(found.state, found.name)
        // Whoever may write to one recipient learns nothing of mail to another.
        if (found === undefined || message === undefined || recipientOf(message) !== call.resource) return unknownId
        return act(found)
      }),
  }
}

async function guarded(call: Call, act: (id: string) => Answer | Promise<Answer>): Promise<Answer> {
  if (call.signal.aborted) return none('cancelled', 'it was cancelled before it began', true)
  try {
    return await act(randomUUID())
  } catch {
    return none('outbox_failed', 'the outbox cannot be written', true)
  }
}

const unknownId = none('not_found', 'no message of that id goes to this recipient', false)
const tooLate = none('too_late', 'the message is no longer in the outbox', false)

function none(code: string, message: string, retryable: boolean): Answer {
  return { effect: 'none', error: { code, message, retryable } }
}

const oneLine: ParamRule = {
  // A line break would begin another header: `Bcc`, or a message of its own.
  mustBe: 'one line of at most 200 bytes',
  fits: (value) => typeof value === 'string' && Buffer.byteLength(value) <= 200 && !/[\p{Cc}\u2028\u2029]/u.test(value),
}
const plainText: ParamRule = {
  mustBe: 'text of at most 32768 bytes',
  fits: (value) => typeof value === 'string' && Buffer.byteLength(value) <= 32_768 && !value.includes('\0'),
}
const messageId: ParamRule = {
  mustBe: 'the `id` of a message',
  fits: (value) => typeof value === 'string' && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
}
