import { policyFromObject } from 'kestrel-kernel/policy'
import type { Benchmark } from '../benchmark.ts'
import { measureSync } from '../measure.ts'

/** The policy alone: how long one decision takes when so many rules for the same action stand in the file. */
export const decideBenchmarks: readonly Benchmark[] = [decide(1), decide(100), decide(10_000)]

function decide(rules: number): Benchmark {
  return {
    name: `decide${rules}`,
    run: (seconds) => {
      const policy = policyFromObject(
        {
          version: 1,
          mounts: { '/workspace': '/tmp' },
          allow: Array.from({ length: rules }, (_, index) => ({
            action: 'fs.read',
            resource: `/workspace/folder-${index}/**`,
          })),
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
        conditions: { rules, perSample, asks: 'permitted reads spread over all rules; no gate, no log' },
      })
    },
  }
}
