import type { AgentHandle, Durability, Outcome, Status } from 'kestrel-kernel'
import type { Benchmark, Finding } from '../benchmark.ts'
import { measure } from '../measure.ts'
import { aWorld, content, fileBytes, files } from '../world.ts'

type Send = (agent: AgentHandle, index: number) => Promise<Outcome>

const deny: Send = (agent) => agent.submit({ action: 'fs.read', resource: '/workspace/.env' })
const read: Send = (agent, index) => agent.submit({ action: 'fs.read', resource: `/workspace/in-${index % files}.csv` })
const write: Send = (agent, index) =>
  agent.submit({ action: 'fs.write', resource: `/workspace/output/out-${index % files}.csv`, params: { content } })
const nothing: Send = (agent) => agent.submit({ action: 'fn.nothing', resource: 'nothing' })

/** Of ten requests seven are reads, two are refused and one writes. */
const mixed: Send = (agent, index) => {
  const turn = index % 10
  if (turn === 9) return write(agent, index)
  return turn === 3 || turn === 6 ? deny(agent, index) : read(agent, index)
}

const oneEntry = { each: 'an observing function that does nothing: one durable entry' }

/** Each sends requests through the whole gate, policy to log, from one process. */
export const gateBenchmarks: readonly Benchmark[] = [
  through('deny', deny, { expected: 'denied' }),
  through('read', read, { conditions: { fileBytes } }),
  through('write', write, { undo: 'on', conditions: { fileBytes } }),
  through('mixed', mixed, {
    expected: 'any',
    undo: 'on',
    conditions: { fileBytes, mix: '70 % read, 20 % denied, 10 % write' },
  }),
  through('concurrent', mixed, {
    expected: 'any',
    inFlight: 64,
    undo: 'off',
    conditions: { fileBytes, mix: 'as mixed' },
  }),
  through('write64', write, { inFlight: 64, undo: 'off', conditions: { fileBytes } }),
  through('durable1', nothing, { durability: 'strict', conditions: oneEntry }),
  through('durable64', nothing, {
    durability: 'strict',
    inFlight: 64,
    conditions: oneEntry,
    comparedWith: 'durable1',
  }),
]

interface Variation {
  readonly expected?: Status | 'any'
  readonly inFlight?: number
  readonly durability?: Durability
  /** Whether writes keep before-images; absent where there are none. */
  readonly undo?: 'on' | 'off'
  readonly conditions?: Finding['conditions']
  /** The conditions say how many times the rate of that one this is, where both ran. */
  readonly comparedWith?: string
}

function through(name: string, send: Send, variation: Variation): Benchmark {
  const { expected = 'ok', inFlight = 1, durability = 'default', conditions = {}, comparedWith = '', undo } = variation
  return {
    name,
    async run({ seconds, found }) {
      await using world = await aWorld({ durability, ...(undo !== undefined && { undo }) })
      const agent = world.kernel.as({ id: 'bench' })
      const measured = await measure(
        async (index) => {
          const { status } = await send(agent, index)
          if (expected !== 'any' && status !== expected) throw new Error(`\`${name}\` ended ${status}, not ${expected}`)
        },
        { seconds, inFlight },
      )
      const { seq } = await deny(agent, 0)
      const base = found.get(comparedWith)
      return {
        ...measured,
        conditions: {
          durability,
          inFlight,
          ...(undo !== undefined && { undo }),
          logEntries: seq + 1,
          ...conditions,
          ...(base !== undefined && { comparedWith, timesItsRate: times(measured.opsPerSec, base.opsPerSec) }),
        },
      }
    },
  }
}

function times(rate: number, base: number): number {
  return Number((rate / base).toPrecision(3))
}
