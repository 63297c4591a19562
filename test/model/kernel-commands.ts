import { rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Outcome } from 'kestrel-kernel'
import { parseEntry } from '../../src/evidence/ledger/index.ts'
import type { AKernel } from './a-kernel.ts'
import { aBundle, anAsk, cutShort } from './asks.ts'
import { expectPublished, foreseen, publishedEntries } from './published.ts'
import {
  mutates,
  type Ask,
  type Expected,
  type Garbage,
  type PolicyName,
  type ReferenceGate,
} from './reference-gate.ts'
import type { Said } from './reference-log.ts'

type Command = fc.AsyncCommand<ReferenceGate, AKernel>
type Sent = Ask | Garbage

function requestOf(sent: Sent): never {
  if ('garbage' in sent) return sent.garbage as never
  const { action, resource, params, key, dryRun } = sent
  return {
    action,
    resource,
    ...(params && { params }),
    ...(key && { idempotencyKey: key }),
    ...(dryRun && { dryRun }),
  } as never
}

function told(outcome: Outcome): Expected {
  const { status, seq, reason, error, result } = outcome
  const code = reason?.code ?? error?.code
  return { status, seq, ...(code !== undefined && { code }), ...(result !== undefined && { result }) }
}

/** What the caller is told of an ending: the effect stands in the entry only, a result of a refusal nowhere. */
function answerOf({ status, seq, code, result }: Expected): Expected {
  return { status, seq, ...(code !== undefined && { code }), ...(result !== undefined && { result }) }
}

function expectSameEffects(model: ReferenceGate, real: AKernel): void {
  const inOrder = (effects: readonly number[]): number[] => effects.toSorted((a, b) => a - b)
  expect(inOrder(real.effects)).toEqual(inOrder(model.effects))
}

function command(name: string, run: Command['run']): Command {
  return { check: () => true, run, toString: () => name }
}

function submitAll(sent: readonly Sent[]): Command {
  return command(`submit(${JSON.stringify(sent)})`, async (model, real) => {
    const before = model.log.size
    const pending = sent.map((each) => real.handle(each.by).submit(requestOf(each)))
    const judged = sent.map((each) => model.judge(each))
    const outcomes = await Promise.all(pending)
    // The log decides which of several came first; a retry joins one that is there by then.
    const order = outcomes.map((_, index) => index).toSorted((a, b) => outcomes[a]!.seq - outcomes[b]!.seq)
    const fresh = order.filter((index) => judged[index]!.ending !== undefined)
    const joined = order.filter((index) => judged[index]!.ending === undefined)
    for (const index of [...fresh, ...joined]) {
      const expected = model.conclude(sent[index] as Sent, judged[index]!)
      expect(told(outcomes[index] as Outcome), JSON.stringify(sent[index])).toEqual(answerOf(expected))
    }
    expect(model.log.size - before).toBeGreaterThanOrEqual(fresh.length - dryRuns(sent))
    expectSameEffects(model, real)
  })
}

function dryRuns(sent: readonly Sent[]): number {
  return sent.filter((each) => 'dryRun' in each && each.dryRun === true).length
}

function flood(count: number): Command {
  const refused: Ask = { by: 'alice', action: 'fn.unlisted', resource: 'x' }
  const { run } = submitAll(Array.from({ length: count }, () => refused))
  return command(`flood(${count})`, run)
}

function tick(ms: number): Command {
  return command(`tick(${ms})`, async (_, real) => {
    real.nowMs += ms
  })
}

async function compareClosed(model: ReferenceGate, real: AKernel): Promise<void> {
  await expectPublished(join(real.dataDir, 'ledger'), model.log.entries)
}

export async function reopen(model: ReferenceGate, real: AKernel, policy: PolicyName, index: boolean): Promise<void> {
  await real.kernel.close()
  await compareClosed(model, real)
  if (!index) rmSync(join(real.dataDir, 'state.db'))
  await real.start(policy)
  model.restart(policy)
}

function reopened(policy: PolicyName, index: boolean): Command {
  const name = `reopen(${policy}, ${index ? 'index kept' : 'index removed'})`
  return command(name, (model, real) => reopen(model, real, policy, index))
}

/** A crash while nothing runs: what was answered is there, to the entry. */
const crashQuietly = command('crash()', async (model, real) => {
  const old = real.kernel
  real.leaveBehind()
  await old.close()
  real.forgetOlder()
  await real.start(model.policy)
  await reopen(model, real, model.policy, true)
})

function crashAmid(sent: readonly Ask[], turns: number): Command {
  return command(`crashAmid(${JSON.stringify(sent)}, ${turns} turns)`, async (model, real) => {
    const old = real.kernel
    const known = new Map(model.answers)
    const effectsBefore = model.effects.length
    const answered: { readonly outcome: Outcome; readonly index: number }[] = []
    const pending = sent.map(async (each, index) => {
      answered.push({ outcome: await real.handle(each.by).submit(requestOf(each)), index })
    })
    const judged = sent.map((each) => model.judge(each))
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    const acknowledged = [...answered]
    const effects = [...real.effects]
    real.leaveBehind()
    await Promise.all(pending)
    await old.close()
    real.forgetOlder()
    // What went on behind the crash is of another world.
    real.effects.splice(0, Infinity, ...effects)
    model.effects.splice(0, Infinity, ...effects)
    model.answers.clear()
    for (const [key, stored] of known) model.answers.set(key, stored)
    await real.start(model.policy)
    await real.kernel.close()
    const left = (await publishedEntries(join(real.dataDir, 'ledger'))).map((bytes) => foreseen(parseEntry(bytes)))
    const mayBe = judged.flatMap((each, index) => (each.ending === undefined ? [] : [{ ...each, index }]))
    for (const entry of left.slice(model.log.size)) adopt(model, entry, mayBe)
    for (const { outcome, index } of acknowledged) {
      const isJoined = judged[index]!.ending === undefined
      expect(left[outcome.seq], 'answered before the crash').toMatchObject(isJoined ? {} : { status: outcome.status })
    }
    const acts = left.filter(({ action, status }) => action === 'fn.act' && /^(?:ok|unknown)$/.test(status ?? ''))
    expect(acts.length, 'no effect without an entry').toBeGreaterThanOrEqual(effects.length - effectsBefore)
    await compareClosed(model, real)
    await real.start(model.policy)
  })
}

type MayBe = Extract<ReturnType<ReferenceGate['judge']>, { readonly said: Said }>

/** An entry that a crash left must be how one of the requests ends, or `unknown` for one that may have taken effect. */
function adopt(
  model: ReferenceGate,
  entry: Said & { seq?: number; time?: number; agentSeq?: number },
  mayBe: MayBe[],
): void {
  if (entry.kind === 'head') return
  const { seq: _seq, time: _time, agentSeq: _agentSeq, ...said } = entry
  const same = (other: Said): boolean => JSON.stringify(sorted(other)) === JSON.stringify(sorted(said))
  const whole = mayBe.findIndex((each) => same(each.said))
  const cut = mayBe.findIndex((each) => mutates(each.said.action ?? '') && same(interrupted(each.said)))
  expect(whole + cut, `an entry of no request: ${JSON.stringify(said)}`).toBeGreaterThan(-2)
  const [judged] = mayBe.splice(whole >= 0 ? whole : cut, 1)
  const seq = model.log.append(said)
  if (said.key === undefined || judged === undefined) return
  // A retry of what a crash cut joins it: nobody can tell any more what came of it.
  const ending = whole >= 0 ? judged.ending : { status: 'unknown', code: 'interrupted' }
  model.answers.set(said.key, { request: judged.stored?.request, answer: { ...ending, seq } })
}

function interrupted(said: Said): Said {
  return { ...said, status: 'unknown', effect: 'uncertain', error: 'interrupted' }
}

function sorted(said: Said): readonly unknown[] {
  return Object.entries(said).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

const policy = fc.constantFrom<PolicyName[]>('wide', 'wide', 'narrow')

/** Everything that can be done to a kernel, weighted so that a run of thirty steps does most of it. */
export const commands: readonly fc.Arbitrary<Command>[] = [
  ...Array.from({ length: 5 }, () => anAsk.map((ask) => submitAll([ask]))),
  aBundle.map(submitAll),
  fc.integer({ min: 100, max: 300 }).map(flood),
  fc.constantFrom(1, 17, -5000, 86_400_000).map(tick),
  fc.tuple(policy, fc.boolean()).map(([name, index]) => reopened(name, index)),
  fc.constant(crashQuietly),
  fc.tuple(cutShort, fc.nat(12)).map(([asks, turns]) => crashAmid(asks, turns)),
]
