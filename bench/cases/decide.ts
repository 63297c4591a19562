import { policyFromObject } from 'kestrel-kernel/policy'
import type { Benchmark } from '../benchmark.ts'
import { measureSync } from '../measure.ts'

/** The policy alone: how long one decision takes when so many rules stand in the file, for the same action or for others. */
export const decideBenchmarks: readonly Benchmark[] = [
  decide('decide1', 1),
  decide('decide100', 100),
  decide('decide10000', 10_000),
  decide('decide10000other', 1, 10_000),
]

function decide(name: string, rules: number, others = 0): Benchmark {
  return {
    name,
    run: ({ seconds }) => {
      const policy = policyFromObject(
        {
          version: 1,
          mounts: { '/workspace': '/tmp' },
          allow: [
            ...Array.from({ length: others }, (_, index) => ({
              action: `fn.tool_${index % 100}`,
              resource: `/workspace/folder-${index}/**`,
            })),
            ...Array.from({ length: rules }, (_, index) => ({
              action: 'fs.read',
              resource: `/workspace/folder-${index}/**`,
            })),
          ],
        },
        { baseDirectory: '/' },
      )
      const questions = Array.from({ length: 1024 }, (_, index) => ({
        principal: { id: 'bench', roles: [] },
        agent: 'local',
        action: 'fs.read',
        resources: [`/workspace/folder-${(index * 7919) % rules}/data.csv`],
        params: {},
        timeMs: 0,
      }))
      const perSample = 16
      const measured = measureSync(
        (index) => {
          const { effect } = policy.decide(questions[index % questions.length] as (typeof questions)[number])
          if (effect !== 'permit') throw new Error('a decision of the benchmark is no permit')
        },
        { seconds, perSample },
      )
      return Promise.resolve({
        ...measured,
        conditions: {
          rules,
          ...(others > 0 && { rulesForOtherActions: others }),
          perSample,
          asks: 'permitted reads spread over all rules; no gate, no log',
        },
      })
    },
  }
}
