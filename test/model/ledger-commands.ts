import fc from 'fast-check'
import { expect } from 'vitest'
import { isKernelError } from '../../src/base/errors.ts'
import { parseEntry, type EntryDraft, type IntentId } from '../../src/evidence/ledger/index.ts'
import type { ALogPlace } from './a-log-place.ts'
import { expectPublished, foreseen } from './published.ts'
import type { ReferenceLog, Said } from './reference-log.ts'

/** The log and what is meant to be done: open intents by id, oldest first, each with its words. */
export interface LedgerModel {
  readonly log: ReferenceLog
  readonly intents: Map<IntentId, string>
  /** Entries that were compared already. */
  compared: number
  serial: number
}

type Command = fc.AsyncCommand<LedgerModel, ALogPlace>

/** One call of a ledger. `settle` ends the oldest open intent that no other call of the same burst ends. */
export type Call =
  | { readonly do: 'append' | 'settle'; readonly size: number; readonly durable: boolean }
  | { readonly do: 'intend'; readonly size: number }

interface Made {
  readonly call: Call
  readonly done: Promise<unknown>
  /** Its entry's place, by the order of the calls. */
  readonly seq?: number
  readonly settles?: IntentId
  readonly words: string
  /** The id of an intent, once it is durable. */
  id?: IntentId
  isAnswered: boolean
}

function saidOf(words: string): Said {
  const decision = { policy: 1, reason: 'permitted', status: 'ok' }
  return { kind: 'action', principal: 'alice', action: 'fs.read', resource: words, ...decision }
}

function draftOf(words: string): EntryDraft {
  return {
    kind: 'action',
    agent: 'local',
    principal: 'alice',
    action: 'fs.read',
    resource: words,
    policy: 1,
    decision: { effect: 'permit', reason: 'permitted' },
    outcome: { status: 'ok' },
  }
}

/** Makes every call without waiting in between. The log has them in this order, whatever comes first to the disk. */
function make(model: LedgerModel, real: ALogPlace, calls: readonly Call[]): readonly Made[] {
  const free = [...model.intents.keys()]
  return calls.flatMap((call) => {
    const settles = call.do === 'settle' ? free.shift() : undefined
    if (call.do === 'settle' && settles === undefined) return []
    const words = `${model.serial++}`.padEnd(call.size, '-')
    const made: Made = { call, words, ...issue(model, real, call, words, settles), isAnswered: false }
    made.done.then(
      (id) => Object.assign(made, { isAnswered: true, ...(call.do === 'intend' && { id }) }),
      () => undefined,
    )
    return [made]
  })
}

type Issued = Pick<Made, 'done' | 'seq' | 'settles'>

function issue({ log }: LedgerModel, { ledger }: ALogPlace, call: Call, words: string, settles?: IntentId): Issued {
  if (call.do === 'intend') return { done: ledger.intend({ words }) }
  const durability = call.durable ? 'durable' : 'written'
  const appending = ledger.append(draftOf(words), { durability, ...(settles !== undefined && { settles }) })
  const seq = log.append(saidOf(words))
  const expected = log.entries[seq]
  return {
    seq,
    ...(settles !== undefined && { settles }),
    done: appending.then((appended) => expect(appended).toMatchObject({ seq, time: expected?.time })),
  }
}

function note(model: LedgerModel, made: Made): void {
  if (made.id !== undefined) model.intents.set(made.id, made.words)
  if (made.settles !== undefined) model.intents.delete(made.settles)
}

/** Compares what was appended since the last time, or everything. */
export async function compare(model: LedgerModel, { ledger }: ALogPlace, from: number = model.compared): Promise<void> {
  expect(ledger.treeSize).toBe(model.log.size)
  expect(ledger.policy).toEqual({ seq: 1, digest: '0'.repeat(64) })
  for (let seq = from; seq < model.log.size; seq++) {
    expect(foreseen(parseEntry(await ledger.read(seq)))).toEqual(model.log.entries[seq])
  }
  model.compared = model.log.size
}

async function restart(model: LedgerModel, real: ALogPlace): Promise<void> {
  await real.start()
  const open = real.ledger.unsettled.map(({ id, intent }) => [id, intent['words']])
  expect(open).toEqual([...model.intents].toSorted(([a], [b]) => a - b))
  await compare(model, real, 0)
}

export async function reopen(model: LedgerModel, real: ALogPlace): Promise<void> {
  await real.ledger.close()
  await expectPublished(real.directory, model.log.entries)
  await restart(model, real)
}

function command(name: string, run: Command['run']): Command {
  return { check: () => true, run, toString: () => name }
}

function burst(calls: readonly Call[]): Command {
  return command(`burst(${JSON.stringify(calls)})`, async (model, real) => {
    const made = make(model, real, calls)
    await Promise.all(made.map(({ done }) => done))
    for (const each of made) note(model, each)
    await compare(model, real)
  })
}

function flood(count: number): Command {
  const { run } = burst(Array.from({ length: count }, () => ({ do: 'append', size: 9, durable: false })))
  return command(`flood(${count})`, run)
}

const refusals: readonly (readonly [string, string, EntryDraft])[] = [
  ['a head by hand', 'ENTRY_INVALID', { ...draftOf('x'), kind: 'head' }],
  ['an empty resource', 'ENTRY_INVALID', draftOf('')],
  ['a lone surrogate', 'ENTRY_INVALID', draftOf('\ud800')],
  ['too large', 'ENTRY_TOO_LARGE', draftOf('x'.repeat(70_000))],
]

function refused([name, code, draft]: (typeof refusals)[number]): Command {
  return command(`refused(${name})`, async (model, real) => {
    // A head that was due stands although the entry behind it was refused.
    const isDue = model.log.nextSeq > model.log.size
    const refusal = await real.ledger.append(draft, { durability: 'durable' }).catch((error: unknown) => error)
    expect(isKernelError(refusal) && refusal.code).toBe(code)
    if (isDue) model.log.appendDueHead()
    await compare(model, real)
  })
}

const publishNow = command('publish()', async (model, real) => {
  await real.ledger.publish()
  await expectPublished(real.directory, model.log.entries)
})

const syncNow = command('sync()', (_, real) => real.ledger.sync())

const tick = (ms: number): Command =>
  command(`tick(${ms})`, async (_, real) => {
    real.nowMs += ms
  })

/** A crash while calls are on their way: what is left is a beginning of the log, with all that was answered in it. */
function crash(calls: readonly Call[], turns: number): Command {
  return command(`crash(${JSON.stringify(calls)}, ${turns} turns)`, async (model, real) => {
    const old = real.ledger
    const made = make(model, real, calls)
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    const answered = made.filter(({ isAnswered }) => isAnswered)
    real.leaveBehind()
    await Promise.all(made.map(({ done }) => done))
    await old.close()
    real.forgetOlder()
    await real.start()
    const { treeSize, unsettled } = real.ledger
    for (const { seq, call } of answered) if (call.do !== 'intend') expect(treeSize).toBeGreaterThan(seq as number)
    model.log.truncate(treeSize)
    const left = new Map(unsettled.map(({ id, intent }) => [id, intent['words']]))
    for (const each of made) {
      const isLeft = each.seq === undefined ? left.get(each.id as IntentId) === each.words : each.seq < treeSize
      if (isLeft) note(model, each)
      else expect(answered, 'answered before the crash').not.toContain(each)
    }
    await real.ledger.close()
    await restart(model, real)
  })
}

const size = fc.oneof(
  { weight: 9, arbitrary: fc.nat(300) },
  { weight: 1, arbitrary: fc.integer({ min: 20_000, max: 60_000 }) },
)
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('append' as const), size, durable: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('intend' as const), size: fc.nat(5000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const), size, durable: fc.boolean() }) },
)
const calls = fc.array(call, { minLength: 1, maxLength: 12 })

export const commands: readonly fc.Arbitrary<Command>[] = [
  ...Array.from({ length: 3 }, () => call.map((one) => burst([one]))),
  ...Array.from({ length: 2 }, () => calls.map(burst)),
  fc.integer({ min: 100, max: 700 }).map(flood),
  fc.constantFrom(...refusals).map(refused),
  fc.constantFrom(publishNow, syncNow),
  fc.constantFrom(1, 17, -5000).map(tick),
  fc.constant(command('reopen()', reopen)),
  ...Array.from({ length: 2 }, () =>
    fc.tuple(fc.oneof(fc.constant([]), calls), fc.nat(8)).map(([some, turns]) => crash(some, turns)),
  ),
]
